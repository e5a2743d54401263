"""Enrolment tokens: made by an operator for one node, and good for one try of whoever has it."""

import secrets
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from lotabots.access import EnrolmentToken, read_enrolment_token
from lotabots.attestation import enrolment_store as store
from lotabots.attestation.enrolment_store import TokenRow
from lotabots.attestation.enrolment_types import MadeToken, TokenRequest
from lotabots.attestation.joining import Joining
from lotabots.attestation.policies import Policies
from lotabots.attestation.settings import AttestationSettings
from lotabots.audit import ANONYMOUS, Entry, Journal
from lotabots.kernel import Kind, LotaError, Principal, sha256
from lotabots.runtime.database import Transaction
from lotabots.runtime.process import Process
from lotabots.runtime.web import TokenSettings


class EnrolmentTokens:
    """The enrolment tokens of every tenant of this instance."""

    def __init__(self, process: Process, policies: Policies, journal: Journal) -> None:
        """Raises `ENROLMENT_CA_FILE`."""
        settings = process.settings
        self._joining = Joining(
            settings.section(AttestationSettings), settings.section(TokenSettings)
        )
        self._database = process.database
        self._refusals = process.telemetry.refusals
        self._policies = policies
        self._journal = journal

    def authority(self) -> bytes:
        """The CA's certificate in PEM, whose key tokens name. Raises `ENROLMENT_CA_ABSENT`."""
        return self._joining.authority()

    async def make(
        self,
        tx: Transaction,
        principal: Principal,
        request: TokenRequest,
        origin: str,
        now: datetime,
    ) -> MadeToken:
        """A token for one node; `origin` is where the caller met us.

        Raises `ENROLMENT_ADDRESS`, `ENROLMENT_CA_ABSENT`, `ENROLMENT_UNPROTECTED`,
        `POLICY_NOT_FOUND`.
        """
        address, ca = self._joining.place(origin)
        if request.policy is not None:
            await self._policies.get(tx, request.policy)
        token = EnrolmentToken(principal.tenant_id, uuid4(), secrets.token_bytes(32), ca)
        text, expires_at = token.text(), now + timedelta(minutes=request.minutes)
        row = TokenRow(
            id=token.id,
            secret_sha256=sha256(text.encode()),
            node_name=request.name,
            node_class=request.node_class,
            policy_ref=request.policy,
            identity=request.identity,
            created_by=principal.user_id,
            created_at=now,
            expires_at=expires_at,
        )
        await store.insert_token(tx, row)
        entry = Entry(
            actor_ref=str(principal.user_id),
            verb="enrolment.allow",
            subject_ref=token_ref(token.id),
            outcome="done",
            digests={"class": request.node_class, "identity": request.identity},
        )
        await self._journal.append(tx, entry)
        return MadeToken(id=token.id, token=text, join=f"{text}@{address}", expires_at=expires_at)

    async def spend(self, text: str, address: str, now: datetime) -> tuple[UUID, TokenRow]:
        """The tenant and the token of this text, spent and committed: of any number one gets it.

        Raises `ENROLMENT_TOKEN_INVALID`, `ENROLMENT_TOKEN_SPENT`, `ENROLMENT_TOKEN_EXPIRED`, and
        counts it: for the network address, or for the tenant where its own token was the right one.
        """
        try:
            token = read_enrolment_token(text)
        except LotaError as error:
            self._refusals.stranger(address, error.code)
            raise
        digest = sha256(text.encode())
        async with self._database.transaction(token.tenant) as tx:
            row = await store.spend_token(tx, token.id, digest, now)
            if row is not None:
                entry = Entry(
                    actor_ref=ANONYMOUS,
                    verb="enrolment.spend",
                    subject_ref=token_ref(token.id),
                    outcome="done",
                )
                await self._journal.append(tx, entry)
                return token.tenant, row
            known = await store.token(tx, token.id, digest)
        if known is None:
            self._refusals.stranger(address, "ENROLMENT_TOKEN_INVALID")
            detail = "This server made no such enrolment token."
            raise LotaError(Kind.AUTHENTICATION, "ENROLMENT_TOKEN_INVALID", detail)
        spent = known.spent_at is not None
        code = "ENROLMENT_TOKEN_SPENT" if spent else "ENROLMENT_TOKEN_EXPIRED"
        self._refusals.of_tenant(token.tenant, token_ref(token.id), code)
        detail = "The token was used before." if spent else "The token's time is over."
        raise LotaError(Kind.AUTHENTICATION, code, detail)


def token_ref(token_id: UUID) -> str:
    """How the audit log names a token."""
    return f"enrolment-token:{token_id}"

"""A node's agent renews its credential: by its TPM's key, or by the session key it enrolled with.

Whatever the verdict on its node, and also when the credential has expired: a credential says who
calls, and an agent that cannot call cannot prove that it is well again. An operator's revocation
alone refuses it.

1. `begin`: random bytes for one node, for a minute.
2. `complete` spends them, in a commit of its own, before the proof is looked at.
"""

import secrets
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from lotabots.access import renewal_data
from lotabots.attestation import enrolment_store as store
from lotabots.attestation import nodes
from lotabots.attestation.credentials import Credentials
from lotabots.attestation.endorsement import Endorsements
from lotabots.attestation.enrolment_store import AgentRow, RenewalRow
from lotabots.attestation.enrolment_types import (
    Credential,
    Renewal,
    RenewalProof,
    RenewalRequest,
)
from lotabots.attestation.session import read_nonce, revoked
from lotabots.attestation.settings import AttestationSettings
from lotabots.audit import Entry, Journal
from lotabots.kernel import (
    Kind,
    LotaError,
    decode_base64,
    encode_base64url,
    equal,
    invalid,
    sha256,
)
from lotabots.runtime.database import Transaction
from lotabots.runtime.process import Process

LIFETIME = timedelta(seconds=60)
NONCE_BYTES = 32


class Renewals:
    """Renewals of every tenant of this instance."""

    def __init__(
        self,
        process: Process,
        endorsements: Endorsements,
        credentials: Credentials,
        journal: Journal,
    ) -> None:
        self._database = process.database
        self._refusals = process.telemetry.refusals
        self._server = process.settings.section(AttestationSettings).server
        self._endorsements = endorsements
        self._credentials = credentials
        self._journal = journal

    async def begin(
        self, request: RenewalRequest, thumbprint: str, address: str, now: datetime
    ) -> Renewal:
        """What the proof has to carry. Raises `NODE_NOT_FOUND`, `RENEWAL_REFUSED`."""
        nonce, renewal = secrets.token_bytes(NONCE_BYTES), uuid4()
        expires_at = now + LIFETIME
        async with self._database.transaction(request.tenant) as tx:
            agent = await store.agent(tx, request.node)
            if agent is None:
                self._refusals.stranger(address, "NODE_NOT_FOUND")
                raise nodes.not_found()
            if not _by_tpm(agent) and agent.key_thumbprint != thumbprint:
                raise self._refused(address)
            digest = sha256(nonce)
            await store.insert_renewal(tx, renewal, request.node, digest, expires_at, now)
        return Renewal(id=renewal, nonce=encode_base64url(nonce), expires_at=expires_at)

    async def complete(
        self, renewal: UUID, proof: RenewalProof, thumbprint: str, address: str, now: datetime
    ) -> Credential:
        """A credential for the key with this thumbprint, which the DPoP proof was of.

        Raises `RENEWAL_*`, `CHALLENGE_NONCE_MALFORMED`, `NODE_REVOKED`.
        """
        async with self._database.transaction(proof.tenant) as tx:
            spent = await store.spend_renewal(tx, renewal, now)
        if spent is None:
            self._refusals.stranger(address, "RENEWAL_NOT_FOUND")
            detail = "There is no such renewal, or it was used before."
            raise LotaError(Kind.NOT_FOUND, "RENEWAL_NOT_FOUND", detail)
        nonce = _nonce(spent, proof, now)
        key = await self._credentials.key()
        async with self._database.transaction(proof.tenant) as tx:
            agent = await store.agent(tx, spent.node_id, hold=True)
            if agent is None:
                raise self._refused(address)
            await self._check(tx, agent, proof, nonce, thumbprint, address)
            if agent.lifecycle == "revoked":
                self._refusals.of_tenant(proof.tenant, f"node:{agent.node_id}", "NODE_REVOKED")
                raise revoked()
            given = await self._credentials.give(tx, key, agent.node_id, thumbprint, now)
            await self._journal.append(tx, _renewed(agent, thumbprint))
        return Credential(
            node=agent.node_id,
            tenant=proof.tenant,
            name=agent.name,
            server=self._server,
            credential=given.token,
            expires_at=given.expires_at,
        )

    async def _check(
        self,
        tx: Transaction,
        agent: AgentRow,
        proof: RenewalProof,
        nonce: bytes,
        thumbprint: str,
        address: str,
    ) -> None:
        """Returns only if the caller is the node's agent: its TPM says so, or its session key."""
        if not _by_tpm(agent):
            if agent.key_thumbprint != thumbprint:
                raise self._refused(address)
            return
        try:
            quote, signature = (
                decode_base64(proof.quote or ""),
                decode_base64(proof.signature or ""),
            )
        except LotaError as error:
            raise invalid("RENEWAL_MALFORMED", "Quote and signature are base64.") from error
        ak_public = await store.ak_public(tx, agent.node_id)
        if ak_public is None:  # an operator has taken the TPM from the node
            raise self._refused(address)
        data = renewal_data(nonce, thumbprint)
        try:
            self._endorsements.check_quote(ak_public, quote, signature, data)
        except LotaError as error:
            raise self._refused(address, finding=error.code) from error

    def _refused(self, address: str, **details: str) -> LotaError:
        self._refusals.stranger(address, "RENEWAL_REFUSED")
        detail = "This does not prove that the caller is the agent of that node."
        return LotaError(Kind.AUTHENTICATION, "RENEWAL_REFUSED", detail, **details)


def _by_tpm(agent: AgentRow) -> bool:
    return agent.identity == "tpm"


def _nonce(spent: RenewalRow, proof: RenewalProof, now: datetime) -> bytes:
    """The nonce, if it and the moment are the renewal's own."""
    if now >= spent.expires_at:
        raise LotaError(Kind.CONFLICT, "RENEWAL_EXPIRED", "The renewal's minute is over.")
    nonce = read_nonce(proof.nonce)
    if not equal(sha256(nonce), spent.nonce_sha256):
        raise invalid("RENEWAL_NONCE_MISMATCH", "This is not the nonce of this renewal.")
    return nonce


def _renewed(agent: AgentRow, thumbprint: str) -> Entry:
    return Entry(
        actor_ref=str(agent.node_id),
        verb="node.renew",
        subject_ref=f"node:{agent.node_id}",
        outcome="done",
        digests={"session_key": thumbprint},
    )

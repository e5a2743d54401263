"""Result tokens: signed once for the answer, and again on request with the same jti and expiry."""

from datetime import datetime
from uuid import UUID

import msgspec

from lotabots.appraisal import Policy, Verdict
from lotabots.attestation import records
from lotabots.attestation.policies import Policies
from lotabots.attestation.results_store import revoked_indexes
from lotabots.attestation.settings import AttestationSettings
from lotabots.attestation.status import StatusLists
from lotabots.attestation.store import ResultRow
from lotabots.attestation.types import SignedResult
from lotabots.audit import Receipts
from lotabots.kernel import Kind, LotaError, Principal
from lotabots.result import LogEntry, Profile, StatusRef, issue
from lotabots.runtime.process import Process
from lotabots.runtime.web import WebSettings

KEY_PURPOSE = "result"


class Results:
    """Signs results with the keys of this instance, and publishes the keys and the status list."""

    def __init__(self, process: Process, policies: Policies, receipts: Receipts) -> None:
        self._policies = policies
        self._receipts = receipts
        self._database = process.database
        self._keyring = process.keyring
        self._settings = process.settings.section(AttestationSettings)
        self._uri = self._settings.status_uri(process.settings.section(WebSettings).url)
        self._status = StatusLists(self._uri)

    async def sign(
        self,
        verdict: Verdict,
        digest: str,
        row: ResultRow,
        profile: Profile,
        now: datetime,
        policy: Policy,
        log: LogEntry | None = None,
    ) -> str:
        """The result of this verdict under this policy, in force from `now` to the row's end."""
        keys = await self._keyring.load(KEY_PURPOSE)
        return issue(
            verdict,
            profile=profile,
            key=keys.current,
            issuer=self._settings.server,
            audience=self._settings.audience,
            subject=verdict.node,
            session_key=msgspec.json.decode(row.session_key),
            now=now,
            lifetime=row.expires_at - now,
            token_id=str(row.id),
            status=StatusRef(idx=row.status_index, uri=self._uri),
            digest=digest,
            log=log,
            needs_receipt=policy.require_receipt,
        )

    async def again(
        self,
        principal: Principal,
        attestation_id: UUID,
        profile: Profile,
        now: datetime,
        *,
        with_receipt: bool = False,
    ) -> SignedResult:
        """The result of a stored attestation once more, never with a later end than the first.

        With its receipt it is what a relying party can hold against the audit log, offline. Raises
        `ATTESTATION_NOT_FOUND`, `RESULT_OVER`, and `RECEIPT_PENDING` before a checkpoint holds it.
        """
        located = log = None
        moment = now.replace(microsecond=0)
        async with self._database.transaction(principal.tenant_id) as tx:
            row = await records.result_of(tx, attestation_id)
            stored = await records.found(tx, attestation_id)
            if moment >= row.expires_at:
                detail = "The result has expired; attest the node again."
                raise LotaError(Kind.CONFLICT, "RESULT_OVER", detail)
            policy = await self._policies.get(tx, stored.policy_id)
            if with_receipt:
                entry = await records.entry_of(tx, attestation_id)
                located = await self._receipts.locate(tx, entry)
        if located is not None:
            placed = await self._receipts.make(located)
            log = LogEntry(placed.index, placed.receipt)
        verdict = Verdict.read(stored.verdict)
        token = await self.sign(verdict, stored.appraisal_digest, row, profile, moment, policy, log)
        return SignedResult(result=token, expires_at=row.expires_at)

    async def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public keys that results are signed with: previous, current and next."""
        return (await self._keyring.load(KEY_PURPOSE)).jwks()

    async def status(self, now: datetime) -> str:
        """The signed status list, at most a second old: what was revoked before then is in it.

        Raises `DATABASE_*` where that cannot be known: an old list is never given out as a new one.
        """
        keys = await self._keyring.load(KEY_PURPOSE)
        remembered = self._status.remembered(keys, now)
        if remembered is not None:
            return remembered
        revoked = await revoked_indexes(self._database, now)
        return self._status.renew(keys, revoked, now)

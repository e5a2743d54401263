"""Stored attestations: the list, one with its evidence tree, its inputs, and trials of policies."""

from uuid import UUID

from lotabots.appraisal import Policy, Verdict, blob_names, unpack_inputs
from lotabots.attestation import records
from lotabots.attestation.cursor import Cursor
from lotabots.attestation.judge import Judge
from lotabots.attestation.outcome import attested_devices
from lotabots.attestation.parcel import open_parcel
from lotabots.attestation.policies import Policies
from lotabots.attestation.store import AttestationRow
from lotabots.attestation.types import (
    Attestation,
    AttestationPage,
    PolicyTrial,
    ReplayInputs,
    Trial,
)
from lotabots.kernel import (
    Principal,
)
from lotabots.runtime.database import Transaction
from lotabots.runtime.process import Process


class History:
    """What was attested, read back. Nothing here changes anything."""

    def __init__(self, process: Process, judge: Judge, policies: Policies) -> None:
        self._process = process
        self._judge = judge
        self._policies = policies

    async def page(
        self, tx: Transaction, wanted: records.Wanted, after: str | None, limit: int
    ) -> AttestationPage:
        """At most `limit` attestations, newest first. Raises `CURSOR_MALFORMED`."""
        before = None if after is None else Cursor.read(after)
        rows = await records.page(tx, wanted, None if before is None else before.place, limit + 1)
        shown = rows[:limit]
        more = len(rows) > limit
        return AttestationPage(
            items=tuple(shown),
            next=Cursor(shown[-1].created_at, shown[-1].id).text() if more else None,
        )

    async def show(self, tx: Transaction, attestation_id: UUID) -> Attestation:
        """One attestation with its devices, their evidence by digest, and every finding."""
        row = await records.found(tx, attestation_id)
        verdict = Verdict.read(row.verdict)
        evidence = await records.evidence_of(tx, attestation_id)
        return Attestation(
            id=row.id,
            hardware_id=row.hardware_id,
            attestation_type=row.attestation_type,
            status=row.status,
            metadata=row.metadata,
            created_at=row.created_at,
            challenge=row.challenge_id,
            policy=row.policy_id,
            reference_digest=row.reference_digest,
            collateral_digest=row.collateral_digest,
            appraisal_digest=row.appraisal_digest,
            appraiser={"version": row.appraiser_version, "digest": row.appraiser_digest},
            inputs_sha256=row.inputs_sha256,
            facts=dict(verdict.facts),
            findings=verdict.findings,
            devices=attested_devices(verdict, evidence),
        )

    async def inputs(self, principal: Principal, attestation_id: UUID) -> ReplayInputs:
        """Everything that a replay of one attestation needs, and the verdict to hold it against."""
        async with self._process.database.transaction(principal.tenant_id) as tx:
            row = await records.found(tx, attestation_id)
            parcel = await records.parcel_of(tx, attestation_id)
        manifest, blobs = await self.packed(parcel)
        return ReplayInputs(
            manifest=manifest,
            blobs=blobs,
            appraisal_digest=row.appraisal_digest,
            verdict=row.verdict,
        )

    async def try_policy(self, principal: Principal, request: PolicyTrial) -> list[Trial]:
        """What a policy would have said of stored attestations. Raises `POLICY_*`."""
        policy = await self._policies.load(request.source.encode())
        async with self._process.database.transaction(principal.tenant_id) as tx:
            chosen = request.attestations or await records.newest_of_each(tx)
            rows = [await records.found(tx, one) for one in chosen]
            parcels = [await records.parcel_of(tx, one) for one in chosen]
        return [await self._try(policy, *pair) for pair in zip(rows, parcels, strict=True)]

    async def _try(self, policy: Policy, row: AttestationRow, parcel: bytes) -> Trial:
        inputs = unpack_inputs(*await self.packed(parcel))
        trial = await self._judge.try_policy(policy, inputs)
        return Trial(
            attestation=row.id,
            hardware_id=row.hardware_id,
            before=trial.before.outcome,
            after=trial.after.outcome,
            findings=trial.after.findings,
        )

    async def packed(self, parcel: bytes) -> tuple[bytes, dict[str, bytes]]:
        """The manifest and every blob that it names."""
        get = self._process.blobs.get
        manifest, blobs = open_parcel(parcel)
        shared = (name for name in blob_names(manifest) if name not in blobs)
        return manifest, blobs | {name: await get(name) for name in shared}

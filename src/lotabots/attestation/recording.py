"""A verdict made into what is stored and answered: rows, a signed result, and shared blobs."""

from collections import OrderedDict
from collections.abc import Collection
from datetime import timedelta
from uuid import uuid4

import msgspec

from lotabots.attestation.challenging import Challenges
from lotabots.attestation.committing import Committer
from lotabots.attestation.judge import Judged
from lotabots.attestation.metrics import Metrics
from lotabots.attestation.outcome import (
    attestation_row,
    attested,
    evidence_rows,
    standing_row,
)
from lotabots.attestation.parcel import make_parcel
from lotabots.attestation.policies import Policies
from lotabots.attestation.results import Results
from lotabots.attestation.settings import AttestationSettings
from lotabots.attestation.store import ResultRow
from lotabots.attestation.submission import Prepared, Submission
from lotabots.attestation.types import Attested
from lotabots.audit import Journal
from lotabots.runtime.process import Process

REMEMBERED = 65_536
"""Digests of blobs known to be stored: certificates, reference files and policies come again."""


class Recorder:
    """Applies the verdicts of this process; those that come at one time in one transaction."""

    def __init__(
        self,
        process: Process,
        policies: Policies,
        challenges: Challenges,
        results: Results,
        journal: Journal,
        metrics: Metrics,
    ) -> None:
        self._process = process
        self._committer = Committer(process.database, policies, challenges, journal)
        self._results = results
        self._metrics = metrics
        self._kept: OrderedDict[str, None] = OrderedDict()

    async def record(self, one: Submission) -> Attested:
        """The answer to a submission, once it is stored. Raises `NODE_STATE_CHANGED`."""
        verdict = one.judged.verdict
        own = {item.data_sha256 for item in verdict.evidence}
        await self._keep_shared(one.judged, own)
        prepared = Prepared(
            one=one,
            row=attestation_row(one.judged, uuid4(), one.loaded.spent.id, one.inputs),
            parcel=make_parcel(one.judged.packed, sorted(own)),
            evidence=evidence_rows(verdict, one.inputs.evidence),
            node=standing_row(verdict, one.principal, one.loaded.known, one.inputs),
            result=self._result(one),
        )
        result = prepared.result
        token = await self._results.sign(
            verdict, one.judged.digest, result, one.profile, result.issued_at, one.loaded.policy
        )
        recorded = await self._committer.put(one.principal.tenant_id, prepared)
        self._metrics.recorded(prepared.row.status)
        made = recorded.made
        return attested(
            prepared.row,
            verdict,
            prepared.evidence,
            recorded.log,
            token,
            result.expires_at,
            recorded.after,
            None if made is None else made.issued,
        )

    def _result(self, one: Submission) -> ResultRow:
        issued = one.judged.verdict.evaluated_at
        return ResultRow(
            id=uuid4(),
            session_key=msgspec.json.encode(one.request.session_key),
            status_index=one.loaded.spent.status_index,
            issued_at=issued,
            expires_at=issued + self._lifetime(),
        )

    def _lifetime(self) -> timedelta:
        return self._process.settings.section(AttestationSettings).lifetime  # may have changed

    async def _keep_shared(self, judged: Judged, own: Collection[str]) -> None:
        """Puts what many attestations share where it is found by digest.

        Once in a while: this process remembers what it put.
        """
        for digest, blob in judged.packed.blobs.items():
            if digest not in own:
                if digest not in self._kept:
                    await self._process.blobs.put(blob)
                self._kept[digest] = None
                self._kept.move_to_end(digest)
        while len(self._kept) > REMEMBERED:
            self._kept.popitem(last=False)

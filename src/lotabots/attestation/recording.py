"""A verdict applied: stored and signed, the node's standing moved, what comes next given out."""

from collections import OrderedDict
from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import msgspec

from lotabots.appraisal import LIGHT_KINDS, Inputs, NodeState, Outcome, Scope
from lotabots.attestation import nodes, store
from lotabots.attestation.challenging import Challenges, Made
from lotabots.attestation.following import following
from lotabots.attestation.judge import Judged
from lotabots.attestation.known_node import known_node
from lotabots.attestation.loading import Loaded
from lotabots.attestation.metrics import Metrics
from lotabots.attestation.notices import Notice, Told, tell_all
from lotabots.attestation.outcome import (
    attestation_entry,
    attestation_row,
    attested,
    challenge_entry,
    device_rows,
    evidence_rows,
    standing_row,
)
from lotabots.attestation.parcel import make_parcel
from lotabots.attestation.policies import Policies
from lotabots.attestation.results import Results
from lotabots.attestation.results_store import revoke_of_node
from lotabots.attestation.session import FARTHEST, asked_of
from lotabots.attestation.settings import AttestationSettings
from lotabots.attestation.store import (
    AttestationRow,
    DeviceRow,
    EvidenceRow,
    Record,
    ResultRow,
    StandingRow,
)
from lotabots.attestation.types import AttestationRequest, Attested, Following, Logged
from lotabots.audit import Appended, Entry, Journal
from lotabots.kernel import Principal
from lotabots.result import Profile
from lotabots.runtime.database import Transaction
from lotabots.runtime.gathering import Gathered
from lotabots.runtime.process import Process

MOST, AT_ONCE = 32, 2
"""Attestations in one commit, and commits of a tenant that are on their way."""
REMEMBERED = 4096
"""Digests of blobs known to be stored: certificates, reference files and policies come again."""


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """What a node sent, by whom, and what was found of it."""

    principal: Principal
    request: AttestationRequest
    profile: Profile
    loaded: Loaded
    inputs: Inputs
    judged: Judged


class _Done(msgspec.Struct, frozen=True):
    """What its commit made of a submission: the audit entry, and what comes next."""

    entry: Appended
    after: Following
    made: Made | None


class _Ready(msgspec.Struct, frozen=True, kw_only=True):
    """A submission with all that its commit needs."""

    submission: Submission
    row: AttestationRow
    parcel: bytes
    evidence: Sequence[EvidenceRow]
    devices: Sequence[DeviceRow]
    result: ResultRow
    node: StandingRow | None

    @property
    def state(self) -> NodeState | None:
        """What the next attestation of the node is judged from."""
        if self.node is None or self.node.state is None:
            return self.submission.loaded.known.state
        return self.node.state

    def written(self, done: _Done) -> Record:
        """As it is stored."""
        return Record(
            row=self.row,
            parcel=self.parcel,
            entry_id=done.entry.id,
            evidence=self.evidence,
            devices=self.devices,
            result=self.result,
            node=self.node,
            following=None if done.made is None else done.made.row,
        )


class Recorder:
    """Applies the verdicts of this process, each in one transaction.

    Those that come at the same time share it: it stores all of them, or none, and where one cannot
    be stored, each is stored alone.
    """

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
        self._policies = policies
        self._challenges = challenges
        self._results = results
        self._journal = journal
        self._metrics = metrics
        self._kept: OrderedDict[str, None] = OrderedDict()
        self._recording = Gathered(
            self._record, most=MOST, at_once=AT_ONCE, key=lambda one: one.row.hardware_id
        )

    async def record(self, one: Submission) -> Attested:
        """The answer to a submission, once everything is stored."""
        verdict, known = one.judged.verdict, one.loaded.known
        own = {item.data_sha256 for item in verdict.evidence}
        await self._keep_shared(one.judged, own)
        row = attestation_row(one.judged, uuid4(), one.loaded.spent.id, one.inputs)
        node = standing_row(verdict, one.principal, known, one.inputs)
        result = self._result(one)
        token = await self._results.sign(
            verdict, one.judged.digest, result, one.profile, result.issued_at, one.loaded.policy
        )
        evidence = evidence_rows(verdict, one.inputs.evidence)
        counts = node is not None and node.standing is not None
        ready = _Ready(
            submission=one,
            row=row,
            parcel=make_parcel(one.judged.packed, sorted(own)),
            evidence=evidence,
            devices=device_rows(verdict, nodes.by_subject(one.loaded.asked), standing=counts),
            result=result,
            node=node,
        )
        done = await self._recording.add(one.principal.tenant_id, ready)
        self._metrics.recorded(row.status)
        return attested(
            row,
            verdict,
            evidence,
            Logged(entry=done.entry.id, leaf=done.entry.leaf.hex()),
            token,
            result.expires_at,
            done.after,
            None if done.made is None else done.made.issued,
        )

    async def _record(self, tenant: UUID, ready: Sequence[_Ready]) -> list[_Done]:
        """Stores them all, or none: each whole, with its audit entry."""
        async with self._process.database.transaction(tenant) as tx:
            nexts = [await self._next(tx, one.submission, one.state) for one in ready]
            entries = [attestation_entry(one.submission.principal, one.row) for one in ready]
            for one, (_, made) in zip(ready, nexts, strict=True):
                entries += _made_entries(one.submission.principal, made)
            appended = await self._journal.append_many(tx, entries)
            first = appended[: len(ready)]
            done = [_Done(entry, *after) for entry, after in zip(first, nexts, strict=True)]
            new = [one.written(what) for one, what in zip(ready, done, strict=True)]
            for one, before in zip(ready, await store.record(tx, new), strict=True):
                if one.node is not None and one.node.standing is not None:
                    await _tell(tx, one.row, one.node, before, one.submission.inputs)
        return done

    async def _next(
        self, tx: Transaction, one: Submission, state: NodeState | None
    ) -> tuple[Following, Made | None]:
        """What comes next, and the challenge for it: asked for, and not too far off."""
        loaded, now = one.loaded, one.inputs.now
        known, spent = loaded.known, loaded.spent
        policy = await self._policies.for_challenge(tx, one.principal, None, known.policy_ref)
        needed = loaded.revoked.needed(policy)
        after = following(state, one.inputs.scope, needed, now, lightly=known.lightly)
        scope, ahead = Scope(after.scope), timedelta(seconds=after.after_seconds)
        if not one.request.next_challenge or ahead > FARTHEST:
            return after, None
        if scope is Scope.LIGHT:
            items = tuple(item for item in loaded.asked if item.kind in LIGHT_KINDS)
        else:
            newest = await known_node(tx, spent.node_id)  # operators change inventories
            items = asked_of(newest.inventory, newest.host, scope)
        return after, self._challenges.make(
            known,
            items,
            scope=scope,
            needed=needed,
            state=state,
            session_key_sha256=spent.session_key_sha256,
            now=now,
            ahead=ahead,
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


def _made_entries(principal: Principal, made: Made | None) -> list[Entry]:
    if made is None:
        return []
    return [challenge_entry(principal, "challenge.create", made.row.id, "done")]


async def _tell(
    tx: Transaction, row: AttestationRow, node: StandingRow, before: str | None, inputs: Inputs
) -> None:
    """Ends the results that a rejection leaves nothing of, and tells what changed."""
    node_id = UUID(row.hardware_id)
    events = []
    if node.standing == Outcome.REJECTED:
        because = f"attestation {row.id} was rejected"
        revoked = await revoke_of_node(tx, node_id, because, inputs.now)
        if revoked:
            events.append(
                Told(Notice.RESULTS_REVOKED, node_id, {"results": revoked, "because": because})
            )
    if node.standing != before:
        events.append(Told(Notice.NODE_STANDING, node_id, _change(row, node, before)))
    if events:
        await tell_all(tx, events, inputs.now)


def _change(row: AttestationRow, node: StandingRow, before: str | None) -> dict[str, str | None]:
    reason = row.metadata.get("first_reason")
    code = reason.get("code") if isinstance(reason, dict) else None
    return {"before": before, "after": node.standing, "attestation": str(row.id), "code": code}

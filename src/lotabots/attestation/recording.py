"""A verdict applied: stored and signed, the node's standing moved, what comes next given out."""

from collections import OrderedDict
from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import msgspec

from lotabots.appraisal import LIGHT_KINDS, Inputs, Needed, NodeState, Outcome, Scope
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
from lotabots.audit import Appended, Journal
from lotabots.kernel import Principal
from lotabots.result import Profile
from lotabots.runtime.database import Transaction
from lotabots.runtime.gathering import Gathered
from lotabots.runtime.process import Process

MOST, AT_ONCE = 32, 2
"""Attestations in one commit, and commits of a tenant that are on their way."""
REMEMBERED = 4096
"""Digests of blobs known to be stored: certificates, reference files and policies come again."""


class _Ready(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict with all that its commit needs."""

    principal: Principal
    loaded: Loaded
    inputs: Inputs
    next_challenge: bool
    row: AttestationRow
    parcel: bytes
    evidence: Sequence[EvidenceRow]
    devices: Sequence[DeviceRow]
    result: ResultRow
    node: StandingRow | None


class _Done(msgspec.Struct, frozen=True):
    """What its commit made of it: the audit entry, and what comes next."""

    entry: Appended
    after: Following
    made: Made | None


class Recorder:
    """Applies the verdicts of this process, each in one transaction.

    Those that come at the same time share it: then it stores each of them, or none, and where one
    cannot be stored, each is stored alone.
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

    async def record(
        self,
        principal: Principal,
        request: AttestationRequest,
        profile: Profile,
        loaded: Loaded,
        judged: Judged,
        inputs: Inputs,
    ) -> Attested:
        """The answer to a submission, once everything is stored."""
        verdict, spent = judged.verdict, loaded.spent
        own = {item.data_sha256 for item in verdict.evidence}
        await self._keep_shared(judged, own)
        row = attestation_row(judged, uuid4(), spent.id, inputs)
        evidence = evidence_rows(verdict, inputs.evidence)
        node = standing_row(verdict, principal, loaded.known, inputs)
        counts = node is not None and node.standing is not None
        result = ResultRow(
            id=uuid4(),
            session_key=msgspec.json.encode(request.session_key),
            status_index=spent.status_index,
            issued_at=verdict.evaluated_at,
            expires_at=verdict.evaluated_at + self._lifetime(),
        )
        token = await self._results.sign(
            verdict, judged.digest, result, profile, result.issued_at, loaded.policy
        )
        ready = _Ready(
            principal=principal,
            loaded=loaded,
            inputs=inputs,
            next_challenge=request.next_challenge,
            row=row,
            parcel=make_parcel(judged.packed, sorted(own)),
            evidence=evidence,
            devices=device_rows(verdict, nodes.by_subject(loaded.asked), standing=counts),
            result=result,
            node=node,
        )
        done = await self._recording.add(principal.tenant_id, ready)
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
            nexts = [await self._follow(tx, one) for one in ready]
            entries = [attestation_entry(one.principal, one.row) for one in ready]
            for one, (_, made) in zip(ready, nexts, strict=True):
                if made is not None:
                    verb = "challenge.create"
                    entries.append(challenge_entry(one.principal, verb, made.row.id, "done"))
            appended = await self._journal.append_many(tx, entries)
            done = [
                _Done(entry, *following)
                for entry, following in zip(appended, nexts, strict=False)  # first the attestations
            ]
            before = await store.record(
                tx, [_written(*pair) for pair in zip(ready, done, strict=True)]
            )
            for one, standing in zip(ready, before, strict=True):
                if one.node is not None and one.node.standing is not None:
                    await _tell(tx, one.row, one.node, standing, one.inputs)
        return done

    async def _follow(self, tx: Transaction, ready: _Ready) -> tuple[Following, Made | None]:
        """What comes next, and the challenge for it where that was asked for."""
        loaded, inputs, node = ready.loaded, ready.inputs, ready.node
        known = loaded.known
        policy = await self._policies.for_challenge(tx, ready.principal, None, known.policy_ref)
        needed = loaded.revoked.needed(policy)
        state = known.state if node is None or node.state is None else node.state
        after = following(state, inputs.scope, needed, inputs.now, lightly=known.lightly)
        if not ready.next_challenge:
            return after, None
        return after, await self._next(tx, loaded, needed, state, after, inputs)

    async def _next(
        self,
        tx: Transaction,
        loaded: Loaded,
        needed: Needed,
        state: NodeState | None,
        after: Following,
        inputs: Inputs,
    ) -> Made | None:
        """The challenge for what comes next; None where that is too far off."""
        ahead = timedelta(seconds=after.after_seconds)
        if ahead > FARTHEST:
            return None
        scope = Scope(after.scope)
        if scope is Scope.LIGHT:
            items = tuple(item for item in loaded.asked if item.kind in LIGHT_KINDS)
        else:
            now = await known_node(tx, loaded.spent.node_id)  # operators change inventories
            items = asked_of(now.inventory, now.host, scope)
        return self._challenges.make(
            loaded.known,
            items,
            scope=scope,
            needed=needed,
            state=state,
            session_key_sha256=loaded.spent.session_key_sha256,
            now=inputs.now,
            ahead=ahead,
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


def _written(ready: _Ready, done: _Done) -> Record:
    return Record(
        row=ready.row,
        parcel=ready.parcel,
        entry_id=done.entry.id,
        evidence=ready.evidence,
        devices=ready.devices,
        result=ready.result,
        node=ready.node,
        following=None if done.made is None else done.made.row,
    )


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

"""A verdict applied: stored and signed, the node's standing moved, what comes next given out."""

from collections import OrderedDict
from collections.abc import Collection
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
from lotabots.attestation.store import AttestationRow, Record, ResultRow, StandingRow
from lotabots.attestation.types import AttestationRequest, Attested, Following, Logged
from lotabots.audit import Journal
from lotabots.kernel import Principal
from lotabots.result import Profile
from lotabots.runtime.database import Transaction
from lotabots.runtime.process import Process

REMEMBERED = 4096
"""Digests of blobs known to be stored: certificates, reference files and policies come again."""


class Recorder:
    """Applies the verdicts of this process, each in one transaction."""

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
        state = loaded.known.state if node is None or node.state is None else node.state
        async with self._process.database.transaction(principal.tenant_id) as tx:
            policy = await self._policies.for_challenge(
                tx, principal, None, loaded.known.policy_ref
            )
            needed = loaded.revoked.needed(policy)
            after = following(state, inputs.scope, needed, inputs.now, lightly=loaded.known.lightly)
            made = None
            if request.next_challenge:
                made = await self._next(tx, loaded, needed, state, after, inputs)
            entries = [attestation_entry(principal, row)]
            if made is not None:
                entries.append(challenge_entry(principal, "challenge.create", made.row.id, "done"))
            appended = (await self._journal.append_many(tx, entries))[0]
            before = await store.record(
                tx,
                Record(
                    row=row,
                    parcel=make_parcel(judged.packed, sorted(own)),
                    entry_id=appended.id,
                    evidence=evidence,
                    devices=device_rows(verdict, nodes.by_subject(loaded.asked), standing=counts),
                    result=result,
                    node=node,
                    following=None if made is None else made.row,
                ),
            )
            if node is not None and node.standing is not None:
                await _tell(tx, row, node, before, inputs)
        self._metrics.recorded(row.status)
        return attested(
            row,
            verdict,
            evidence,
            Logged(entry=appended.id, leaf=appended.leaf.hex()),
            token,
            result.expires_at,
            after,
            None if made is None else made.issued,
        )

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

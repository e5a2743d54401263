"""Verdicts stored, those that come at one time in one commit: all of each, or nothing of it.

1. The nodes that speak for themselves are held, so that nobody moves them meanwhile.
2. Of two verdicts that were made from one state, one counts.
3. Audit entries, then everything else in one statement: attestation, evidence, devices, result,
   the node's standing and state, and the challenge for what comes next.
4. Results that a rejection leaves nothing of are ended, and what changed is told.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from uuid import UUID

import msgspec

from lotabots.appraisal import LIGHT_KINDS, Outcome, Scope
from lotabots.attestation import store
from lotabots.attestation.challenging import Challenges, Made
from lotabots.attestation.following import following
from lotabots.attestation.known_node import known_node
from lotabots.attestation.notices import Notice, Told, tell_all
from lotabots.attestation.outcome import attestation_entry, challenge_entry
from lotabots.attestation.policies import Policies
from lotabots.attestation.results_store import revoke_of_node
from lotabots.attestation.session import FARTHEST, asked_of
from lotabots.attestation.store import Held
from lotabots.attestation.submission import Prepared
from lotabots.attestation.types import Following, Logged
from lotabots.audit import Journal
from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database import Database, Transaction
from lotabots.runtime.gathering import Gathering

MOST = 64
"""Verdicts in one commit."""
AT_ONCE, WORTH = 3, 16
"""Commits of one tenant that are on their way at one time; how many are worth another of them."""
UNKNOWN = "just written"
"""Instead of a state's digest: what was judged from another state does not follow this one."""


class Recorded(msgspec.Struct, frozen=True):
    """What the answer says beside the verdict."""

    log: Logged
    after: Following
    made: Made | None


class Committer:
    """Stores the verdicts of this process."""

    def __init__(
        self, database: Database, policies: Policies, challenges: Challenges, journal: Journal
    ) -> None:
        self._database = database
        self._policies = policies
        self._challenges = challenges
        self._journal = journal
        self._gathering: Gathering[Prepared, Recorded | LotaError] = Gathering(
            self._commit, most=MOST, at_once=AT_ONCE, worth=WORTH
        )

    async def put(self, tenant: UUID, prepared: Prepared) -> Recorded:
        """What was stored, once it is durable. Raises `NODE_STATE_CHANGED`, `DATABASE_*`."""
        recorded = await self._gathering.put(tenant, prepared)
        if isinstance(recorded, LotaError):
            raise recorded
        return recorded

    async def _commit(self, tenant: UUID, prepared: list[Prepared]) -> list[Recorded | LotaError]:
        async with self._database.transaction(tenant) as tx:
            own = {UUID(one.row.hardware_id) for one in prepared if one.node is not None}
            befores = standing_before(await store.hold(tx, own) if own else {}, prepared)
            passed = [
                (one, before)
                for one, before in zip(prepared, befores, strict=True)
                if not isinstance(before, LotaError)
            ]
            nexts = [await self._next(tx, one) for one, _ in passed]
            entries = [attestation_entry(one.one.principal, one.row) for one, _ in passed]
            entries += [
                challenge_entry(one.one.principal, "challenge.create", made.row.id, "done")
                for (one, _), (_, made) in zip(passed, nexts, strict=True)
                if made is not None
            ]
            stored: Iterator[Recorded] = iter(())
            if passed:
                appended = (await self._journal.append_many(tx, entries))[: len(passed)]
                rows = zip(passed, appended, nexts, strict=True)
                await store.record(
                    tx, [one.record(entry.id, made) for (one, _), entry, (_, made) in rows]
                )
                await tell_changes(tx, passed)
                stored = (
                    Recorded(Logged(entry=entry.id, leaf=entry.leaf.hex()), *told)
                    for entry, told in zip(appended, nexts, strict=True)
                )
            return [one if isinstance(one, LotaError) else next(stored) for one in befores]

    async def _next(self, tx: Transaction, prepared: Prepared) -> tuple[Following, Made | None]:
        """What comes next, and the challenge for it: asked for, and not too far off."""
        one, state = prepared.one, prepared.state
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


def standing_before(
    held: dict[UUID, Held], prepared: Sequence[Prepared]
) -> list[str | LotaError | None]:
    """How each one's node stands before it; None where it is not the node's own.

    `NODE_STATE_CHANGED` where the state that it was judged from is not the node's any more: of two
    that were judged at once from one state, one counts. But a rejection always counts.
    """
    befores: list[str | LotaError | None] = []
    for one in prepared:
        node_id = UUID(one.row.hardware_id)
        if one.node is None:
            befores.append(None)
            continue
        now = held.get(node_id)
        follows = now is not None and now.state_digest == one.node.known
        if now is None or (one.counts and not follows and one.node.standing != Outcome.REJECTED):
            detail = "Another verdict on this node came meanwhile."
            befores.append(LotaError(Kind.CONFLICT, "NODE_STATE_CHANGED", detail))
            continue
        befores.append(now.standing)
        if one.node.standing is not None:
            held[node_id] = Held(one.node.standing, UNKNOWN)
    return befores


async def tell_changes(
    tx: Transaction, passed: Sequence[tuple[Prepared, str | LotaError | None]]
) -> None:
    """Ends the results that a rejection leaves nothing of, and tells what changed."""
    events: list[Told] = []
    for one, before in passed:
        if one.node is None or one.node.standing is None:
            continue
        node_id, now = UUID(one.row.hardware_id), one.one.inputs.now
        if one.node.standing == Outcome.REJECTED:
            because = f"attestation {one.row.id} was rejected"
            if revoked := await revoke_of_node(tx, node_id, because, now):
                events.append(
                    Told(Notice.RESULTS_REVOKED, node_id, {"results": revoked, "because": because})
                )
        if one.node.standing != before:
            events.append(Told(Notice.NODE_STANDING, node_id, _change(one, before)))
    if events:
        await tell_all(tx, events, tx.began)


def _change(one: Prepared, before: object) -> dict[str, str | int | None]:
    reason = one.row.metadata.get("first_reason")
    code = reason.get("code") if isinstance(reason, dict) else None
    return {
        "before": str(before),
        "after": None if one.node is None else one.node.standing,
        "attestation": str(one.row.id),
        "code": code,
    }

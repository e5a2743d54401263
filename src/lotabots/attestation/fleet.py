"""The fleet at a glance, why one node stands as it does, and what another policy would say."""

from datetime import datetime
from uuid import UUID

from lotabots.appraisal import Policy, Verdict, difference, unpack_inputs
from lotabots.attestation import fleet_store, nodes
from lotabots.attestation.fleet_store import Newest
from lotabots.attestation.fleet_types import (
    Affected,
    Change,
    Fleet,
    Reappraisal,
    ReappraisalPage,
    ReappraisalRequest,
    Why,
)
from lotabots.attestation.history import History
from lotabots.attestation.judge import Judge
from lotabots.attestation.policies import Policies
from lotabots.kernel import LotaError, Principal
from lotabots.runtime.database import Transaction
from lotabots.runtime.process import Process

PAGE = 25
"""Nodes that are judged again in one request: each of them is read whole."""


class Fleets:
    """Questions about all nodes of a tenant. Nothing here changes anything."""

    def __init__(
        self, process: Process, judge: Judge, policies: Policies, history: History
    ) -> None:
        self._database = process.database
        self._judge = judge
        self._policies = policies
        self._history = history

    async def summary(self, tx: Transaction, now: datetime) -> Fleet:
        """How many nodes stand how, and the reasons that most of the others have."""
        return Fleet(
            at=now,
            nodes=await fleet_store.count(tx),
            standing=await fleet_store.by_standing(tx, now),
            lifecycle=await fleet_store.by_column(tx, "lifecycle"),
            identity=await fleet_store.by_column(tx, "identity"),
            classes=await fleet_store.by_column(tx, "node_class"),
            reasons=tuple(await fleet_store.reasons(tx)),
            silent=tuple(await fleet_store.silent(tx, now)),
        )

    async def why(self, tx: Transaction, node_id: UUID, now: datetime) -> Why:
        """Why the node stands as it does: reasons, what changed since it was last good, what hangs
        on it. Raises `NODE_NOT_FOUND`.
        """
        node = await nodes.found(tx, node_id, now)
        newest = await fleet_store.newest(tx, node_id)
        good = await fleet_store.last_good(tx, node_id)
        now_, then = _read(newest), _read(good)
        same = newest is not None and good is not None and newest.id == good.id
        changes = None
        if now_ is not None and then is not None and not same:
            found = difference(then, now_)
            changes = Change(facts=found.facts, appeared=found.appeared, vanished=found.vanished)
        return Why(
            node=node,
            newest=None if newest is None else newest.id,
            evaluated_at=None if newest is None else newest.created_at,
            status=None if newest is None else newest.status,
            policy=None if newest is None else newest.policy_id,
            reasons=() if now_ is None else now_.findings,
            bindings=() if now_ is None else now_.bindings,
            last_good=None if good is None else good.id,
            last_good_at=None if good is None else good.created_at,
            changed=changes,
            affected=Affected(
                results=await fleet_store.living_results(tx, node_id, now),
                devices=tuple(device.device_id for device in node.inventory),
                models=tuple(await fleet_store.models_of(tx, newest)),
            ),
        )

    async def reappraise(
        self, principal: Principal, request: ReappraisalRequest
    ) -> ReappraisalPage:
        """What a policy would say of the newest evidence of some more nodes; changes nothing.

        A node whose stored evidence cannot be judged again is listed with the code that says why.
        Raises `POLICY_*`, `CURSOR_MALFORMED`.
        """
        policy = await self._policies.load(request.source.encode())
        async with self._database.transaction(principal.tenant_id) as tx:
            rows = await fleet_store.page(tx, request.after, PAGE + 1)
        judged = [await self._judge_again(policy, row) for row in rows[:PAGE]]
        more = len(rows) > PAGE
        return ReappraisalPage(
            policy=policy.id,
            items=tuple(judged),
            next=UUID(rows[PAGE - 1].hardware_id) if more else None,
        )

    async def _judge_again(self, policy: Policy, row: "fleet_store.Stored") -> Reappraisal:
        try:
            inputs = unpack_inputs(*await self._history.packed(row.parcel))
            trial = await self._judge.try_policy(policy, inputs)
        except LotaError as error:
            return _unjudged(row, error.code)
        before = {(one.subject, one.code, one.rule) for one in trial.before.findings}
        return Reappraisal(
            node=UUID(row.hardware_id),
            name=row.name,
            attestation=row.id,
            before=trial.before.outcome,
            after=trial.after.outcome,
            findings=tuple(
                one
                for one in trial.after.findings
                if (one.subject, one.code, one.rule) not in before
            ),
            error=None,
        )


def _unjudged(row: "fleet_store.Stored", code: str) -> Reappraisal:
    return Reappraisal(
        node=UUID(row.hardware_id),
        name=row.name,
        attestation=row.id,
        before=row.status,
        after=None,
        findings=(),
        error=code,
    )


def _read(row: Newest | None) -> Verdict | None:
    return None if row is None else Verdict.read(row.verdict)

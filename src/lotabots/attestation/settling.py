"""Revocations once more, for whoever was being judged at the moment when they were made.

A submission is judged by what was revoked when its challenge was spent, and commits later. A node
that always has one under way would so have a result from after the revocation. It has it for a
second: what is new is looked at again and again, until nothing of before can still be under way.
"""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from lotabots.attestation import results_store
from lotabots.attestation.notices import Notice, Told, tell_all
from lotabots.attestation.revocations import OF_NODES, RevocationKind, because_of
from lotabots.runtime.database import Transaction
from lotabots.runtime.process import Process
from lotabots.runtime.tasks import Loop

LOOK_SECONDS = 1.0
STEPS = tuple(timedelta(seconds=one) for one in (1, 3, 10, 30, 90))
"""After a revocation: no submission is under way for longer than the last."""


class _Fresh(msgspec.Struct, frozen=True):
    id: UUID
    tenant_id: UUID
    kind: RevocationKind
    value: str
    made_at: datetime


class Settler:
    """Looks at what was revoked lately. Any number may run: what is revoked stays as it is."""

    def __init__(self) -> None:
        self._done: dict[UUID, int] = {}
        self.loop = Loop("revocations.settle", seconds=LOOK_SECONDS, run=self.run)

    async def run(self, process: Process) -> None:
        """Revokes the results that a revocation of the last moments should have met."""
        now = process.clock()
        async with process.database.transaction(None, login="watch:") as tx:
            fresh = await tx.fetch(
                "select id, tenant_id, kind, value, made_at from attestation.revocations"
                " where made_at > $1 and lifted_at is null",
                now - STEPS[-1] - timedelta(seconds=30),
                into=_Fresh,
            )
        self._done = {one.id: self._done.get(one.id, 0) for one in fresh}
        for one in fresh:
            passed = sum(step <= now - one.made_at for step in STEPS)
            if passed > self._done[one.id]:
                async with process.database.transaction(one.tenant_id) as tx:
                    await _settle(tx, one, now)
                self._done[one.id] = passed


async def _settle(tx: Transaction, one: _Fresh, now: datetime) -> None:
    if one.kind in OF_NODES:
        nodes = [UUID(one.value)]
    else:
        nodes = await results_store.in_force_on(tx, one.kind, one.value, now)
    because = because_of(one.kind, one.value)
    over = await results_store.revoke_of_each(tx, nodes, because, now)
    told = [
        Told(Notice.RESULTS_REVOKED, node, {"results": results, "because": because})
        for node, results in over.items()
    ]
    await tell_all(tx, told, now)

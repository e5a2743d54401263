"""Silence as a verdict: nodes that are not heard of in time become stale, then rejected.

It reads the database's clock alone, and needs nothing of the processes that take attestations: they
may all be away. Any number of watchdogs may run at once; of several that see one node silent, one
says so, and a node that is being judged at that very moment is not silent.
"""

from datetime import timedelta
from uuid import UUID

import msgspec
from prometheus_client import CollectorRegistry, Counter

from lotabots.attestation.notices import Notice, Told, tell_all
from lotabots.attestation.results_store import revoke_of_nodes
from lotabots.attestation.settings import AttestationSettings
from lotabots.attestation.settling import Settler
from lotabots.attestation.webhooks.delivering import Deliverer
from lotabots.audit import SYSTEM, Entry, Journal
from lotabots.runtime.database import Transaction
from lotabots.runtime.process import Process
from lotabots.runtime.tasks import Loop
from lotabots.runtime.web import Service

LOOK_SECONDS = 1.0
BATCH = 500
"""Nodes of one tenant in one transaction."""
SWEEP_SECONDS = 60.0
SWEPT = 10_000
"""Rows in one transaction."""
RENEWALS_KEPT = timedelta(hours=1)
"""After their end."""
STALE, SILENT = "stale", "rejected"
BECAUSE = "the node was silent for too long"

# On time is: when the statement begins. A row that is locked belongs to a node that is just judged,
# or to another watchdog.
_SILENT = """
    due_at <= now() and (standing in ('unknown', 'accepted', 'inconclusive')
        or (standing = 'stale' and overdue_at <= now()))
"""
_TENANTS = f"select distinct tenant_id from attestation.nodes where {_SILENT}"  # noqa: S608 - constants
_MARK = f"""
with silent as (
    select id, standing from attestation.nodes where {_SILENT} order by id limit $1
    for update skip locked
)
update attestation.nodes n set
    standing = case when n.overdue_at <= now() then 'rejected' else 'stale' end,
    standing_at = now()
from silent where n.id = silent.id
returning n.id, silent.standing as before, n.standing as after
"""  # noqa: S608 - constants


_OLD_EVENTS = """
delete from attestation.events where id in (
    select id from attestation.events where at < now() - $1::interval limit $2
)
"""
_OLD_DELIVERIES = """
delete from attestation.deliveries where id in (
    select d.id from attestation.webhooks w
    join attestation.deliveries d on d.tenant_id = w.tenant_id and d.webhook_id = w.id
    where d.created_at < now() - $1::interval and d.state <> 'queued' limit $2
)
"""
_OVER_RENEWALS = """
delete from attestation.renewals where id in (
    select id from attestation.renewals where expires_at < now() - $1::interval limit $2
)
"""


class Marked(msgspec.Struct, frozen=True):
    """A node that is not what it was, because it was silent."""

    id: UUID
    before: str
    after: str


class _Tenant(msgspec.Struct, frozen=True):
    tenant_id: UUID


class Watchdog:
    """Looks for silent nodes of all tenants, and removes what was kept long enough."""

    def __init__(self, process: Process) -> None:
        self._journal = Journal(process.keyring)
        self._marked = _counter(process.telemetry.registry)

    @property
    def loops(self) -> tuple[Loop, ...]:
        """What recurs."""
        return (
            Loop("attestation.watch", seconds=LOOK_SECONDS, run=self.watch),
            Loop("attestation.sweep", seconds=SWEEP_SECONDS, run=sweep),
        )

    async def watch(self, process: Process) -> None:
        """Marks every node that is silent by now."""
        async with process.database.transaction(None, login="watch:") as tx:
            tenants = await tx.fetch(_TENANTS, into=_Tenant)
        for tenant in tenants:
            marked = BATCH
            while marked == BATCH:
                async with process.database.transaction(tenant.tenant_id) as tx:
                    marked = await self._mark(tx)

    async def _mark(self, tx: Transaction) -> int:
        nodes = await tx.fetch(_MARK, BATCH, into=Marked)
        if not nodes:
            return 0
        lost = [node.id for node in nodes if node.after == SILENT]
        revoked = await revoke_of_nodes(tx, lost, BECAUSE, tx.began) if lost else 0
        events = [_told(node) for node in nodes]
        if revoked:
            events.append(
                Told(Notice.RESULTS_REVOKED, None, {"results": revoked, "because": BECAUSE})
            )
        await tell_all(tx, events, tx.began)
        await self._journal.append_many(tx, [_entry(node) for node in nodes])
        for node in nodes:
            self._marked.labels(node.after).inc()
        return len(nodes)


def _told(node: Marked) -> Told:
    kind = Notice.NODE_SILENT if node.after == SILENT else Notice.NODE_STALE
    return Told(kind, node.id, {"before": node.before, "after": node.after})


def _entry(node: Marked) -> Entry:
    return Entry(
        actor_ref=SYSTEM,
        verb="node.silent" if node.after == SILENT else "node.stale",
        subject_ref=f"node:{node.id}",
        outcome=node.after,
    )


def _counter(registry: CollectorRegistry) -> Counter:
    return Counter(
        "lotabots_nodes_silent", "Nodes that silence made stale or rejected", ["standing"],
        registry=registry,
    )  # fmt: skip


async def sweep(process: Process) -> None:
    """Removes what nobody needs any more: old events and deliveries, and renewals that are over."""
    days = process.settings.section(AttestationSettings).event_days
    kept = timedelta(days=days)
    async with process.database.transaction(None, login="watch:") as tx:
        old = await tx.fetch(
            "select distinct tenant_id from attestation.events where at < now() - $1::interval",
            kept,
            into=_Tenant,
        )
        renewing = await tx.fetch(
            "select distinct tenant_id from attestation.nodes where due_at is not null",
            into=_Tenant,
        )
    for tenant in old:
        await _remove(process, tenant.tenant_id, _OLD_DELIVERIES, kept)
        await _remove(process, tenant.tenant_id, _OLD_EVENTS, kept)
    for tenant in renewing:
        await _remove(process, tenant.tenant_id, _OVER_RENEWALS, RENEWALS_KEPT)


async def _remove(process: Process, tenant: UUID, sql: str, kept: timedelta) -> None:
    removed = SWEPT
    while removed == SWEPT:
        async with process.database.transaction(tenant) as tx:
            removed = await tx.execute(sql, kept, SWEPT)


def service(process: Process) -> Service:
    """The watchdog, and who delivers events: it answers nothing but whether it is well."""
    loops = (*Watchdog(process).loops, Settler().loop, *Deliverer(process).loops)
    return Service(name="watch", handlers=(), loops=loops)

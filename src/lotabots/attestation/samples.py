"""Reports of nodes' resources: stored in one statement, read as series, deleted when they are old.

Nothing here is believed: a report changes no standing, and no verdict looks at one.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from lotabots.attestation.known_node import check_caller
from lotabots.attestation.nodes import not_found
from lotabots.attestation.samples_types import Reported, Resources, Sample, Samples
from lotabots.attestation.settings import AttestationSettings
from lotabots.evidence.schemes.host_claims import Measured, Report
from lotabots.kernel import LotaError, Principal, invalid
from lotabots.runtime.database import Transaction
from lotabots.runtime.process import Process
from lotabots.runtime.tasks import Loop

AHEAD = timedelta(minutes=1)
"""How far a node's clock may be ahead of ours."""
STALE = timedelta(minutes=5)
"""An older report says nothing about now."""
MAX_POINTS = 300
MOST_AT_ONCE = 10_000
"""Rows that one statement deletes."""
MOST_STATEMENTS = 100
"""Of one run for one tenant."""

# One statement, so one round trip, whatever the number of reports. An older report than the newest
# one, as an agent sends after it was offline, changes nothing of the newest.
_STORE = """
with reports as (
    select at, report from unnest($2::timestamptz[], $3::jsonb[]) r (at, report)
), node as (
    select id from attestation.nodes where id = $1
), stored as (
    insert into attestation.samples (node_id, at, report)
    select node.id, r.at, r.report from node cross join reports r
    on conflict (node_id, at) do nothing
    returning at
), newest as (
    insert into attestation.latest_samples as l (node_id, at, report)
    select node.id, r.at, r.report from node cross join reports r order by r.at desc limit 1
    on conflict (node_id) do update set at = excluded.at, report = excluded.report
    where l.at < excluded.at
)
select (select count(*) from node) as nodes, (select count(*) from stored) as stored
"""

# As many look-ups of the primary key as there are steps, however many reports lie in each.
_SERIES = """
select s.at, s.report
from generate_series(
    $2::timestamptz, $3::timestamptz - interval '1 microsecond', $4::interval
) step (start)
cross join lateral (
    select at, report from attestation.samples
    where node_id = $1 and at >= step.start and at < least(step.start + $4::interval, $3)
    order by at desc limit 1
) s
order by s.at
"""

_LATEST = """
select n.id, l.at, l.report from attestation.nodes n
left join attestation.latest_samples l on l.node_id = n.id
where n.id = $1
"""

_DELETE = """
delete from attestation.samples where ctid = any (array(
    select ctid from attestation.samples where at < $1 limit $2
))
"""


class _Stored(msgspec.Struct, frozen=True):
    nodes: int
    stored: int


class _Latest(msgspec.Struct, frozen=True):
    id: UUID
    at: datetime | None
    report: dict[str, object] | None


class Keeper:
    """Keeps reports for some days."""

    def __init__(self, settings: AttestationSettings) -> None:
        self._kept = timedelta(days=settings.sample_days)

    async def store(
        self,
        tx: Transaction,
        principal: Principal,
        node_id: UUID,
        reports: Sequence[Report],
        now: datetime,
    ) -> Reported:
        """Stores what is new; a moment that the node has reported already keeps its report.

        Raises `NODE_NOT_YOURS`, `NODE_NOT_FOUND`, `NODE_REVOKED`, `CREDENTIAL_REPLACED`,
        `SAMPLE_FUTURE`, `SAMPLE_TOO_OLD`, `SAMPLES_DISORDERED`; then nothing is stored.
        """
        await check_caller(tx, principal, node_id)
        self._check_times([report.at for report in reports], now)
        row = await tx.fetch_one(
            _STORE,
            node_id,
            [report.at for report in reports],
            [Measured(host=one.host, nvml=one.nvml, gpus=one.gpus) for one in reports],
            into=_Stored,
        )
        if row is None or not row.nodes:
            raise not_found()
        return Reported(stored=row.stored, known=len(reports) - row.stored)

    async def sweep(self, process: Process) -> None:
        """Deletes what is older. Any number of processes may do so at once."""
        before = process.clock() - self._kept
        async with process.database.transaction(None, login="watch:") as tx:
            rows = await tx.fetch("select distinct tenant_id from attestation.latest_samples")
        for tenant in [msgspec.convert(row["tenant_id"], UUID) for row in rows]:
            for _ in range(MOST_STATEMENTS):
                async with process.database.transaction(tenant) as tx:
                    if await tx.execute(_DELETE, before, MOST_AT_ONCE) < MOST_AT_ONCE:
                        break

    @property
    def loop(self) -> Loop:
        """Deletes every ten minutes."""
        return Loop("attestation.samples", seconds=600.0, run=self.sweep)

    def _check_times(self, times: Sequence[datetime], now: datetime) -> None:
        for place, at in enumerate(times):
            if at > now + AHEAD:
                raise _refused("SAMPLE_FUTURE", "A report is from the future.", place, at)
            if at < now - self._kept:
                raise _refused("SAMPLE_TOO_OLD", "A report is older than they are kept.", place, at)
            if place and at <= times[place - 1]:
                detail = "Reports are sent oldest first, one for each moment."
                raise _refused("SAMPLES_DISORDERED", detail, place, at)


async def latest(tx: Transaction, node_id: UUID, now: datetime) -> Resources:
    """The node's newest report. Raises `NODE_NOT_FOUND`."""
    row = await tx.fetch_one(_LATEST, node_id, into=_Latest)
    if row is None:
        raise not_found()
    return Resources(
        node=row.id, at=row.at, stale=row.at is None or now - row.at > STALE, report=row.report
    )


async def series(
    tx: Transaction, node_id: UUID, start: datetime, end: datetime, step: timedelta | None
) -> Samples:
    """The node's reports from `start` up to `end`; without a step, in as many as there may be.

    Raises `SAMPLES_RANGE`, `NODE_NOT_FOUND`.
    """
    wanted = step
    if wanted is None:
        wanted = max(_whole((end - start) / MAX_POINTS), timedelta(minutes=1))
    if not start < end or not timedelta() < wanted or end - start > wanted * MAX_POINTS:
        detail = f"A series has an end after its start and at most {MAX_POINTS} steps."
        raise invalid("SAMPLES_RANGE", detail)
    found = await tx.fetch(_SERIES, node_id, start, end, wanted, into=Sample)
    if not found and not await _is_known(tx, node_id):
        raise not_found()
    return Samples(
        node=node_id,
        start=start,
        end=end,
        step_seconds=int(wanted.total_seconds()),
        samples=tuple(found),
    )


async def _is_known(tx: Transaction, node_id: UUID) -> bool:
    return bool(await tx.fetch_value("select true from attestation.nodes where id = $1", node_id))


def _whole(length: timedelta) -> timedelta:
    """The length in whole seconds, rounded up."""
    return -(-length // timedelta(seconds=1)) * timedelta(seconds=1)


def _refused(code: str, detail: str, place: int, at: datetime) -> LotaError:
    # As it was sent: near the ends of the calendar it has no UTC.
    return invalid(code, detail, index=place, at=at.isoformat())

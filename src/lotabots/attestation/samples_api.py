"""HTTP of nodes' resources: agents report them, people read the newest or a series."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.params import Parameter, QueryParameter

from lotabots.access import Permission
from lotabots.attestation import samples
from lotabots.attestation.samples import Keeper
from lotabots.attestation.samples_types import Reported, Reports, Resources, Samples
from lotabots.kernel import Principal, parse_duration, parse_time
from lotabots.runtime.database import Transaction
from lotabots.runtime.web import RateClass, limited, requires

MAX_REPORTS_BYTES = 2 * 1024 * 1024
"""Twenty reports of 64 GPUs each, with every field."""

READ = [requires(Permission.NODE_READ)]
REPORT = [requires(Permission.NODE_REPORT)]

Text = Annotated[str | None, Parameter(max_length=64)]
From = Annotated[str | None, QueryParameter(name="from", max_length=64)]
To = Annotated[str | None, QueryParameter(name="to", max_length=64)]


@post(
    "/v1/nodes/{node_id:uuid}/samples",
    guards=REPORT,
    opt=limited(RateClass.SUBMIT),
    request_max_body_size=MAX_REPORTS_BYTES,
)
async def report_samples(
    data: Reports,
    tx: Transaction,
    keeper: Keeper,
    principal: Principal,
    now: datetime,
    node_id: UUID,
) -> Reported:
    """Stores what the node says of its resources. Reports that are known already change nothing."""
    return await keeper.store(tx, principal, node_id, data.reports, now)


@get("/v1/nodes/{node_id:uuid}/samples", guards=READ)
async def list_samples(
    tx: Transaction,
    now: datetime,
    node_id: UUID,
    start: From = None,
    end: To = None,
    step: Text = None,
) -> Samples:
    """What the node said from one time up to another, without them in the last hour.

    Of each step (`30s`, `5m`) the newest report; at most 300 steps.
    """
    until = now if end is None else parse_time(end)
    since = until - timedelta(hours=1) if start is None else parse_time(start)
    return await samples.series(
        tx, node_id, since, until, None if step is None else parse_duration(step)
    )


@get("/v1/nodes/{node_id:uuid}/resources", guards=READ)
async def show_resources(tx: Transaction, now: datetime, node_id: UUID) -> Resources:
    """The newest that the node said of its resources."""
    return await samples.latest(tx, node_id, now)


HANDLERS = (report_samples, list_samples, show_resources)

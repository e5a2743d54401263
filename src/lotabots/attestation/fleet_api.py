"""HTTP of the fleet: counted, one node explained, and a policy tried on all of them."""

from datetime import datetime
from uuid import UUID

from litestar import get, post

from lotabots.access import Permission
from lotabots.attestation.fleet import Fleets
from lotabots.attestation.fleet_types import Fleet, ReappraisalPage, ReappraisalRequest, Why
from lotabots.kernel import Principal
from lotabots.runtime.database import Transaction
from lotabots.runtime.web import RateClass, limited, requires

NODE_READ = [requires(Permission.NODE_READ)]


@get("/v1/fleet", guards=NODE_READ)
async def show_fleet(tx: Transaction, fleets: Fleets, now: datetime) -> Fleet:
    """All nodes, counted by how they stand, and the reasons of those that are not accepted."""
    return await fleets.summary(tx, now)


@get("/v1/nodes/{node_id:uuid}/why", guards=NODE_READ)
async def explain_node(tx: Transaction, fleets: Fleets, now: datetime, node_id: UUID) -> Why:
    """Why a node stands as it does, what changed since it was last good, what is affected."""
    return await fleets.why(tx, node_id, now)


@post(
    "/v1/fleet/reappraisals",
    guards=[requires(Permission.POLICY_READ)],
    opt=limited(RateClass.EXPORT),
    status_code=200,
)
async def reappraise(
    data: ReappraisalRequest, fleets: Fleets, principal: Principal
) -> ReappraisalPage:
    """What a policy would say of the newest stored evidence of every node, page by page."""
    return await fleets.reappraise(principal, data)


HANDLERS = (show_fleet, explain_node, reappraise)

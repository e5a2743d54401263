"""HTTP of nodes: registered, listed, shown; taken out of service and put back; their devices."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import delete, get, post
from litestar.params import Parameter

from lotabots.access import Permission
from lotabots.attestation import nodes
from lotabots.attestation.lifecycle import Lives
from lotabots.attestation.node_types import (
    Identity,
    Lifecycle,
    Node,
    NodePage,
    NodeRegistration,
    Reason,
    Standing,
    Wanted,
)
from lotabots.attestation.policies import Policies
from lotabots.attestation.types import DeclaredDevice
from lotabots.audit import Journal
from lotabots.kernel import Principal
from lotabots.runtime.database import Transaction
from lotabots.runtime.web import requires

READ = [requires(Permission.NODE_READ)]
WRITE = [requires(Permission.NODE_WRITE)]

Text = Annotated[str | None, Parameter(max_length=128)]
Limit = Annotated[int, Parameter(ge=1, le=500)]


@post("/v1/nodes", guards=WRITE)
async def register_node(
    data: NodeRegistration,
    tx: Transaction,
    journal: Journal,
    policies: Policies,
    principal: Principal,
    now: datetime,
) -> Node:
    """Registers a node with its whole inventory. A device can stand in one node only."""
    return await nodes.register(tx, journal, policies, principal, data, now)


@get("/v1/nodes", guards=READ)
async def list_nodes(
    tx: Transaction,
    now: datetime,
    name: Text = None,
    standing: Standing | None = None,
    node_class: Text = None,
    lifecycle: Lifecycle | None = None,
    identity: Identity | None = None,
    after: Text = None,
    limit: Limit = 100,
) -> NodePage:
    """Nodes by name, each as it stands now; `next` of a page is `after` of the one behind it."""
    wanted = Wanted(
        name=name,
        standing=standing,
        node_class=node_class,
        lifecycle=lifecycle,
        identity=identity,
    )
    return await nodes.page(tx, wanted, after, limit, now)


@get("/v1/nodes/{node_id:uuid}", guards=READ)
async def show_node(tx: Transaction, now: datetime, node_id: UUID) -> Node:
    """One node with its devices, as it stands now."""
    return await nodes.found(tx, node_id, now)


@post("/v1/nodes/{node_id:uuid}/quarantine", guards=WRITE, status_code=200)
async def quarantine_node(
    data: Reason, tx: Transaction, lives: Lives, principal: Principal, now: datetime, node_id: UUID
) -> Node:
    """Takes a node out of service: no verdict on it is better than rejected until its release."""
    return await lives.quarantine(tx, principal, node_id, data.reason, now)


@post("/v1/nodes/{node_id:uuid}/release", guards=WRITE, status_code=200)
async def release_node(
    data: Reason, tx: Transaction, lives: Lives, principal: Principal, now: datetime, node_id: UUID
) -> Node:
    """Ends a node's quarantine. It is as good as its next attestation."""
    return await lives.release(tx, principal, node_id, data.reason, now)


@post("/v1/nodes/{node_id:uuid}/revoke", guards=WRITE, status_code=200)
async def revoke_node(
    data: Reason, tx: Transaction, lives: Lives, principal: Principal, now: datetime, node_id: UUID
) -> Node:
    """Ends a node for good: its credential, its results and every renewal."""
    return await lives.revoke(tx, principal, node_id, data.reason, now)


@post("/v1/nodes/{node_id:uuid}/devices", guards=WRITE)
async def add_device(
    data: DeclaredDevice,
    tx: Transaction,
    lives: Lives,
    principal: Principal,
    now: datetime,
    node_id: UUID,
) -> Node:
    """Pins one more device to a node. A device can stand in one node only."""
    return await lives.add_device(tx, principal, node_id, data, now)


@delete(
    "/v1/nodes/{node_id:uuid}/devices/{kind:str}/{device_id:str}", guards=WRITE, status_code=200
)
async def remove_device(
    tx: Transaction,
    lives: Lives,
    principal: Principal,
    now: datetime,
    node_id: UUID,
    kind: str,
    device_id: str,
) -> Node:
    """Frees a device of a node, so that it can stand in another."""
    return await lives.remove_device(tx, principal, node_id, kind, device_id, now)


HANDLERS = (
    register_node,
    list_nodes,
    show_node,
    quarantine_node,
    release_node,
    revoke_node,
    add_device,
    remove_device,
)

"""Nodes and their declared devices: SQL and the rules of registering."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

import msgspec

from lotabots.attestation.session import device_hash
from lotabots.attestation.types import Device, Node, NodeRegistration
from lotabots.audit import Entry, Journal
from lotabots.evidence import InventoryItem
from lotabots.kernel import Kind, LotaError, Principal, canonical, invalid, sha256_hex
from lotabots.runtime.database import Transaction

MAX_LISTED = 500


class _NodeRow(msgspec.Struct, frozen=True):
    id: UUID
    name: str
    created_at: datetime
    standing: str
    standing_at: datetime | None


class _DeviceRow(msgspec.Struct, frozen=True):
    node_id: UUID
    kind: str
    device_id: str
    standing: str
    standing_at: datetime | None


async def register(
    tx: Transaction,
    journal: Journal,
    principal: Principal,
    registration: NodeRegistration,
    now: datetime,
) -> Node:
    """The node, new. Raises `NODE_DEVICE_TWICE`, `NODE_NAME_TAKEN`, `NODE_DEVICE_TAKEN`."""
    devices = registration.inventory
    if len(set(devices)) != len(devices):
        raise invalid("NODE_DEVICE_TWICE", "The inventory names a device twice.")
    node_id = uuid4()
    added = await tx.execute(
        "insert into attestation.nodes (id, name, created_at) values ($1, $2, $3)"
        " on conflict (tenant_id, name) do nothing",
        node_id,
        registration.name,
        now,
    )
    if not added:
        raise LotaError(Kind.CONFLICT, "NODE_NAME_TAKEN", "A node of this name is registered.")
    added = await tx.execute(
        "insert into attestation.inventory (id, node_id, kind, device_id, device_hash)"
        " select gen_random_uuid(), $1, d.*"
        " from unnest($2::text[], $3::text[], $4::bytea[]) d on conflict (device_hash) do nothing",
        node_id,
        [device.kind for device in devices],
        [device.device_id for device in devices],
        [device_hash(device) for device in devices],
    )
    if added != len(devices):
        # Not which one, and not where: it can be another tenant's.
        detail = "One of the devices is registered already."
        raise LotaError(Kind.CONFLICT, "NODE_DEVICE_TAKEN", detail)
    await journal.append(tx, _entry(principal, node_id, registration))
    return await found(tx, node_id)


async def listed(tx: Transaction) -> list[Node]:
    """The nodes by name, at most `MAX_LISTED`, without their devices."""
    rows = await tx.fetch(
        "select id, name, created_at, standing, standing_at from attestation.nodes"
        " order by name limit $1",
        MAX_LISTED,
        into=_NodeRow,
    )
    return [_node(row, ()) for row in rows]


async def found(tx: Transaction, node_id: UUID) -> Node:
    """The node with its devices. Raises `NODE_NOT_FOUND`."""
    row = await tx.fetch_one(
        "select id, name, created_at, standing, standing_at from attestation.nodes where id = $1",
        node_id,
        into=_NodeRow,
    )
    if row is None:
        raise not_found()
    devices = await tx.fetch(
        "select node_id, kind, device_id, standing, standing_at from attestation.inventory"
        " where node_id = $1",
        node_id,
        into=_DeviceRow,
    )
    return _node(row, devices)


async def inventory(tx: Transaction, node_id: UUID) -> tuple[InventoryItem, ...]:
    """What the node declares, in the order that gives each device its index.

    Raises `NODE_NOT_FOUND`: a node without devices is never registered.
    """
    rows = await tx.fetch(
        "select kind, device_id from attestation.inventory where node_id = $1",
        node_id,
        into=InventoryItem,
    )
    if not rows:
        raise not_found()
    return tuple(sorted(rows))


def places(items: Sequence[InventoryItem]) -> list[tuple[str, int, InventoryItem]]:
    """Subject, index and item of each device (DESIGN section 7, Challenge)."""
    counts: dict[str, int] = {}
    placed = []
    for item in sorted(items):
        index = counts.get(item.kind, 0)
        counts[item.kind] = index + 1
        placed.append((f"{item.kind}{index}", index, item))
    return placed


def by_subject(items: Sequence[InventoryItem]) -> dict[str, InventoryItem]:
    """The declared device of each subject."""
    return {subject: item for subject, _, item in places(items)}


def not_found() -> LotaError:
    """The refusal of a node that is not there, or not this tenant's."""
    return LotaError(Kind.NOT_FOUND, "NODE_NOT_FOUND", "There is no such node.")


def _node(row: _NodeRow, devices: Sequence[_DeviceRow]) -> Node:
    by_item = {InventoryItem(device.kind, device.device_id): device for device in devices}
    return Node(
        **msgspec.structs.asdict(row),
        inventory=tuple(
            Device(
                subject=subject,
                kind=item.kind,
                index=index,
                device_id=item.device_id,
                standing=by_item[item].standing,
                standing_at=by_item[item].standing_at,
            )
            for subject, index, item in places(list(by_item))
        ),
    )


def _entry(principal: Principal, node_id: UUID, registration: NodeRegistration) -> Entry:
    # The digest commits to the inventory without telling it.
    return Entry(
        actor_ref=str(principal.user_id),
        verb="node.register",
        subject_ref=f"node:{node_id}",
        outcome="done",
        digests={"inventory": sha256_hex(canonical(msgspec.to_builtins(registration.inventory)))},
    )

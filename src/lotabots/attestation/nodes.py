"""Nodes and their devices: SQL, and the rules by which a node comes to be."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

import msgspec

from lotabots.appraisal import Cadence
from lotabots.attestation.node_types import Agent, Node, NodePage, NodeRegistration, Wanted
from lotabots.attestation.policies import Policies
from lotabots.attestation.session import device_hash
from lotabots.attestation.standing import freshness_at, standing_at
from lotabots.attestation.types import DeclaredDevice, Device
from lotabots.audit import Entry, Journal
from lotabots.evidence import InventoryItem
from lotabots.kernel import Kind, LotaError, Principal, canonical, invalid, sha256_hex
from lotabots.runtime.database import Transaction


class NewNode(msgspec.Struct, frozen=True, kw_only=True):
    """A node before it is there."""

    id: UUID
    name: str
    node_class: str
    identity: str
    policy: str | None
    devices: tuple[DeclaredDevice, ...]


class _DeviceRow(msgspec.Struct, frozen=True):
    node_id: UUID
    kind: str
    device_id: str
    standing: str
    standing_at: datetime | None


# The level is that of its newest full attestation: a light one is about its root of trust alone.
_NODES = f"""
select n.id, n.name, n.created_at, n.node_class, n.identity, n.lifecycle, n.lifecycle_reason,
    n.lifecycle_at, n.policy_ref as policy, {standing_at("$1")} as standing, n.standing_at,
    {freshness_at("$1")} as freshness, n.last_attempt_at, n.last_success_at, n.due_at, n.overdue_at,
    newest.level, newest.simulated
from attestation.nodes n left join lateral (
    select a.metadata->>'level' as level, (a.metadata->>'simulated')::boolean as simulated
    from attestation.attestations a
    where a.hardware_id = n.id::text and a.attestation_type = 'node'
    order by a.created_at desc limit 1
) newest on true
"""  # noqa: S608 - constants
_PAGE = f"""{_NODES}
where ($2::text is null or n.name > $2) and ($3::text is null or n.name = $3)
    and ($4::text is null or {standing_at("$1")} = $4) and ($5::text is null or n.node_class = $5)
    and ($6::text is null or n.lifecycle = $6) and ($7::text is null or n.identity = $7)
order by n.name limit $8
"""


async def register(
    tx: Transaction,
    journal: Journal,
    policies: Policies,
    principal: Principal,
    registration: NodeRegistration,
    now: datetime,
) -> Node:
    """The node, new, as an operator declares it.

    Raises `NODE_DEVICE_TWICE`, `NODE_NAME_TAKEN`, `NODE_DEVICE_TAKEN`, `POLICY_NOT_FOUND`.
    """
    if registration.policy is not None:
        await policies.get(tx, registration.policy)
    new = NewNode(
        id=uuid4(),
        name=registration.name,
        node_class=registration.node_class,
        identity="declared",
        policy=registration.policy,
        devices=registration.inventory,
    )
    await create(tx, new, now)
    entry = Entry(
        actor_ref=str(principal.user_id),
        verb="node.register",
        subject_ref=f"node:{new.id}",
        outcome="done",
        digests={"inventory": inventory_digest(new.devices)},
    )
    await journal.append(tx, entry)
    return await found(tx, new.id, now)


async def create(tx: Transaction, new: NewNode, now: datetime) -> None:
    """Stores a node with its devices; who calls records why.

    Raises `NODE_DEVICE_TWICE`, `NODE_NAME_TAKEN`, `NODE_DEVICE_TAKEN`: then roll back.
    """
    if len(set(new.devices)) != len(new.devices):
        raise invalid("NODE_DEVICE_TWICE", "The inventory names a device twice.")
    added = await tx.execute(
        "insert into attestation.nodes (id, name, node_class, identity, policy_ref, created_at)"
        " values ($1, $2, $3, $4, $5, $6) on conflict (tenant_id, name) do nothing",
        new.id,
        new.name,
        new.node_class,
        new.identity,
        new.policy,
        now,
    )
    if not added:
        raise LotaError(Kind.CONFLICT, "NODE_NAME_TAKEN", "A node of this name is registered.")
    await add_devices(tx, new.id, new.devices)


async def add_devices(tx: Transaction, node_id: UUID, devices: Sequence[DeclaredDevice]) -> None:
    """Pins devices to a node. Raises `NODE_DEVICE_TAKEN` if any stands in a node already."""
    # In the order of their hashes: two that add the same devices wait, and never for each other.
    ordered = sorted(devices, key=device_hash)
    added = await tx.execute(
        "insert into attestation.inventory (id, node_id, kind, device_id, device_hash)"
        " select gen_random_uuid(), $1, d.*"
        " from unnest($2::text[], $3::text[], $4::bytea[]) d on conflict (device_hash) do nothing",
        node_id,
        [device.kind for device in ordered],
        [device.device_id for device in ordered],
        [device_hash(device) for device in ordered],
    )
    if added != len(devices):
        # Not which one, and not where: it can be another tenant's.
        detail = "One of the devices is registered already."
        raise LotaError(Kind.CONFLICT, "NODE_DEVICE_TAKEN", detail)


async def await_first(tx: Transaction, node_id: UUID, cadence: Cadence) -> None:
    """Has a node that enrolled count as silent if it does not attest within its policy's time."""
    await tx.execute(
        "update attestation.nodes set due_at = now() + $2::interval,"
        " overdue_at = now() + $3::interval where id = $1",
        node_id,
        cadence.stale_in,
        cadence.rejected_in,
    )


def inventory_digest(devices: Sequence[DeclaredDevice]) -> str:
    """Hex SHA-256 that commits to an inventory without telling it."""
    return sha256_hex(canonical(msgspec.to_builtins(devices)))


async def page(
    tx: Transaction, wanted: Wanted, after: str | None, limit: int, now: datetime
) -> NodePage:
    """At most `limit` nodes by name, from behind the name `after` on, without their devices."""
    rows = await tx.fetch(
        _PAGE,
        now,
        after,
        wanted.name,
        wanted.standing,
        wanted.node_class,
        wanted.lifecycle,
        wanted.identity,
        limit + 1,
        into=Node,
    )
    shown = rows[:limit]
    return NodePage(items=tuple(shown), next=shown[-1].name if len(rows) > limit else None)


async def found(tx: Transaction, node_id: UUID, now: datetime) -> Node:
    """The node with its devices and its agent's credential. Raises `NODE_NOT_FOUND`."""
    node = await tx.fetch_one(f"{_NODES} where n.id = $2", now, node_id, into=Node)
    if node is None:
        raise not_found()
    devices = await tx.fetch(
        "select node_id, kind, device_id, standing, standing_at from attestation.inventory"
        " where node_id = $1",
        node_id,
        into=_DeviceRow,
    )
    agent = await tx.fetch_one(
        "select key_thumbprint, issued_at, expires_at from attestation.agents where node_id = $1",
        node_id,
        into=Agent,
    )
    return msgspec.structs.replace(node, inventory=_devices(devices), agent=agent)


async def inventory(tx: Transaction, node_id: UUID) -> tuple[InventoryItem, ...]:
    """What the node declares, in the order that gives each device its index.

    One that enrolled can have no device. Raises `NODE_NOT_FOUND`.
    """
    rows = await tx.fetch(
        "select kind, device_id from attestation.inventory where node_id = $1",
        node_id,
        into=InventoryItem,
    )
    if not rows:
        await existing(tx, node_id)
    return tuple(sorted(rows))


async def existing(tx: Transaction, node_id: UUID) -> None:
    """Returns only if there is such a node. Raises `NODE_NOT_FOUND`."""
    if await tx.fetch_value("select id from attestation.nodes where id = $1", node_id) is None:
        raise not_found()


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


def _devices(rows: Sequence[_DeviceRow]) -> tuple[Device, ...]:
    by_item = {InventoryItem(device.kind, device.device_id): device for device in rows}
    return tuple(
        Device(
            subject=subject,
            kind=item.kind,
            index=index,
            device_id=item.device_id,
            standing=by_item[item].standing,
            standing_at=by_item[item].standing_at,
        )
        for subject, index, item in places(list(by_item))
    )

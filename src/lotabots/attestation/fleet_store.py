"""SQL over all nodes of a tenant: counted, the newest evidence of each, what hangs on one."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from lotabots.attestation.fleet_types import Reason, Silent
from lotabots.runtime.database import Transaction

MOST_REASONS = 10
MOST_SILENT = 20
_NOW = (
    "case when standing = 'rejected' or overdue_at <= $1 then 'rejected'"
    " when due_at <= $1 then 'stale' else standing end"
)


class Newest(msgspec.Struct, frozen=True):
    """An attestation as far as an explanation needs it."""

    id: UUID
    created_at: datetime
    status: str
    policy_id: str
    verdict: bytes


class Stored(msgspec.Struct, frozen=True):
    """The newest full attestation of a node, with its inputs."""

    id: UUID
    hardware_id: str
    name: str
    status: str
    parcel: bytes


class _Count(msgspec.Struct, frozen=True):
    what: str
    nodes: int


class _Model(msgspec.Struct, frozen=True):
    device_id: str


async def count(tx: Transaction) -> int:
    """How many nodes there are."""
    return await tx.fetch_value("select count(*) from attestation.nodes", into=int) or 0


async def by_standing(tx: Transaction, now: datetime) -> dict[str, int]:
    """How many nodes stand how, at this moment."""
    rows = await tx.fetch(
        f"select {_NOW} as what, count(*) as nodes from attestation.nodes group by 1 order by 1",  # noqa: S608 - a constant
        now,
        into=_Count,
    )
    return {row.what: row.nodes for row in rows}


async def by_column(
    tx: Transaction, column: Literal["lifecycle", "identity", "node_class"]
) -> dict[str, int]:
    """How many nodes have which value of a column."""
    rows = await tx.fetch(
        f"select {column} as what, count(*) as nodes from attestation.nodes group by 1 order by 1",  # noqa: S608 - one of three
        into=_Count,
    )
    return {row.what: row.nodes for row in rows}


async def reasons(tx: Transaction) -> list[Reason]:
    """The first reasons of the newest attestations of nodes that are not accepted, the most common
    first.
    """
    return await tx.fetch(
        "select newest.metadata->'first_reason'->>'code' as code,"
        " min(newest.metadata->'first_reason'->>'title') as title, count(*) as nodes"
        " from attestation.nodes n cross join lateral ("
        "   select metadata, status from attestation.attestations"
        "   where hardware_id = n.id::text order by created_at desc, id desc limit 1"
        " ) newest"
        " where newest.status <> 'accepted' and newest.metadata->'first_reason'->'code' is not null"
        " group by 1 order by 3 desc, 1 limit $1",
        MOST_REASONS,
        into=Reason,
    )


async def silent(tx: Transaction, now: datetime) -> list[Silent]:
    """The nodes beyond their deadline, the longest silent first."""
    return await tx.fetch(
        f"select id, name, {_NOW} as standing, due_at, last_success_at from attestation.nodes"  # noqa: S608 - a constant
        " where due_at <= $1 and lifecycle <> 'revoked' order by due_at limit $2",
        now,
        MOST_SILENT,
        into=Silent,
    )


async def newest(tx: Transaction, node: UUID) -> Newest | None:
    """The newest attestation of a node."""
    return await tx.fetch_one(
        "select id, created_at, status, policy_id, verdict from attestation.attestations"
        " where hardware_id = $1 order by created_at desc, id desc limit 1",
        str(node),
        into=Newest,
    )


async def last_good(tx: Transaction, node: UUID) -> Newest | None:
    """The newest full attestation of a node that was accepted."""
    return await tx.fetch_one(
        "select id, created_at, status, policy_id, verdict from attestation.attestations"
        " where hardware_id = $1 and status = 'accepted' and attestation_type = 'node'"
        " order by created_at desc, id desc limit 1",
        str(node),
        into=Newest,
    )


async def living_results(tx: Transaction, node: UUID, now: datetime) -> int:
    """How many results of a node somebody may still act on."""
    return (
        await tx.fetch_value(
            "select count(*) from attestation.results r"
            " join attestation.attestations a on a.id = r.attestation_id"
            " where a.hardware_id = $1 and a.status = 'accepted' and r.expires_at > $2"
            " and r.revoked_at is null",
            str(node),
            now,
            into=int,
        )
        or 0
    )


async def models_of(tx: Transaction, attestation: Newest | None) -> list[str]:
    """The models that an attestation was about, by digest."""
    if attestation is None:
        return []
    rows = await tx.fetch(
        "select device_id from attestation.devices"
        " where attestation_id = $1 and kind = 'model' and device_id is not null order by 1",
        attestation.id,
        into=_Model,
    )
    return [row.device_id for row in rows]


async def page(tx: Transaction, after: UUID | None, most: int) -> list[Stored]:
    """The newest full attestation of each of some more nodes, in the order of their ids."""
    return await tx.fetch(
        "select a.id, a.hardware_id, n.name, a.status, a.parcel"
        " from attestation.nodes n cross join lateral ("
        "   select id, hardware_id, status, parcel from attestation.attestations"
        "   where hardware_id = n.id::text and attestation_type = 'node'"
        "   order by created_at desc, id desc limit 1"
        " ) a where $1::uuid is null or n.id > $1 order by n.id limit $2",
        after,
        most,
        into=Stored,
    )

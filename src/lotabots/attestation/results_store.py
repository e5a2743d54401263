"""SQL of results that are revoked before they end, and of what stands on a thing."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from lotabots.runtime.database import Database, Transaction

MAX_BECAUSE = 200
LOOK_BACK = timedelta(minutes=11)
"""A result lives 10 minutes at most: none that is in force is of an older attestation."""


class _Node(msgspec.Struct, frozen=True):
    node: UUID


class _Count(_Node, frozen=True):
    results: int


class _Index(msgspec.Struct, frozen=True):
    status_index: int


async def revoke_of_node(tx: Transaction, node: UUID, because: str, now: datetime) -> int:
    """How many results of a node were in force, and are not any more once this commits.

    Those of verdicts that accepted nothing stay as they are: nobody could act upon them.
    """
    return await revoke_of_nodes(tx, [node], because, now)


async def revoke_of_nodes(
    tx: Transaction, nodes: Sequence[UUID], because: str, now: datetime
) -> int:
    """The same for several nodes."""
    return sum((await revoke_of_each(tx, nodes, because, now)).values())


async def revoke_of_each(
    tx: Transaction, nodes: Sequence[UUID], because: str, now: datetime
) -> dict[UUID, int]:
    """The same for several nodes, node by node; those that had none in force are left out."""
    rows = await tx.fetch(
        "with over as ("
        "  update attestation.results r set revoked_at = $2, revoked_because = $3"
        "  from attestation.attestations a"
        "  where a.id = r.attestation_id and a.hardware_id = any($1::text[])"
        "  and a.created_at > $2::timestamptz - $4::interval and a.status = 'accepted'"
        "  and r.expires_at > $2 and r.revoked_at is null"
        "  returning a.hardware_id"
        ") select hardware_id::uuid as node, count(*) as results from over group by 1 order by 1",
        [str(node) for node in nodes],
        now,
        because[:MAX_BECAUSE],
        LOOK_BACK,
        into=_Count,
    )
    return {row.node: row.results for row in rows}


async def standing_on(tx: Transaction, kind: str, value: str, now: datetime) -> list[UUID]:
    """The nodes of which the newest attestation, or a result in force, stands on this device, file,
    key or driver version.

    By the facts of its verdict: what was proven there, or claimed where nothing is proven.
    """
    if kind == "device":
        rows = await tx.fetch(_HAVING, value, into=_Node)
    else:
        rows = await tx.fetch(_SAYING, value, now, LOOK_BACK, into=_Node)
    return [row.node for row in rows]


async def in_force_on(tx: Transaction, kind: str, value: str, now: datetime) -> list[UUID]:
    """Those of them that have a result in force, which somebody could act upon."""
    sql = _HAVING if kind == "device" else _SAYING
    rows = await tx.fetch(f"{sql} and {_IN_FORCE}", value, now, LOOK_BACK, into=_Node)
    return [row.node for row in rows]


_HAVING = """
select n.id as node from attestation.nodes n where exists (
    select from attestation.inventory i where i.node_id = n.id and i.device_id = $1
)
"""
# The canonical text of a string stands in the verdict exactly as JSON writes it. The newest full
# attestation says what the node is now; a result in force stands on the full one that it is of, or,
# if it is a light one's, on the last that was accepted before.
_SAYING = """
select n.id as node from attestation.nodes n where exists (
    select from (
        (select id from attestation.attestations where hardware_id = n.id::text
            and attestation_type = 'node' order by created_at desc, id desc limit 1)
        union
        select basis.id from attestation.attestations a
        join attestation.results r on r.attestation_id = a.id
        cross join lateral (
            select id from attestation.attestations where hardware_id = a.hardware_id
                and attestation_type = 'node' and status = 'accepted'
                and created_at <= a.created_at order by created_at desc limit 1
        ) basis
        where a.hardware_id = n.id::text and a.created_at > $2::timestamptz - $3::interval
            and a.status = 'accepted' and r.expires_at > $2 and r.revoked_at is null
    ) of_node
    -- One by one: joined otherwise, every verdict would be read for every node.
    cross join lateral (
        select verdict from attestation.attestations f where f.id = of_node.id offset 0
    ) f where position(convert_to(to_json($1::text)::text, 'UTF8') in f.verdict) > 0
)
"""
_IN_FORCE = """exists (
    select from attestation.attestations a join attestation.results r on r.attestation_id = a.id
    where a.hardware_id = n.id::text and a.created_at > $2::timestamptz - $3::interval
        and a.status = 'accepted' and r.expires_at > $2 and r.revoked_at is null
)"""


async def revoked_indexes(database: Database, now: datetime) -> list[int]:
    """The places in the status list of results of all tenants that are revoked and not yet over."""
    async with database.transaction(None, login="status:") as tx:
        rows = await tx.fetch(
            "select status_index from attestation.results"
            " where revoked_at is not null and expires_at > $1",
            now,
            into=_Index,
        )
    return [row.status_index for row in rows]

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
    return await tx.execute(
        "update attestation.results r set revoked_at = $2, revoked_because = $3"
        " from attestation.attestations a"
        " where a.id = r.attestation_id and a.hardware_id = any($1::text[])"
        " and a.created_at > $2::timestamptz - $4::interval and a.status = 'accepted'"
        " and r.expires_at > $2 and r.revoked_at is null",
        [str(node) for node in nodes],
        now,
        because[:MAX_BECAUSE],
        LOOK_BACK,
    )


async def standing_on(tx: Transaction, kind: str, value: str) -> list[UUID]:
    """The nodes whose newest attestation stands on this device, file, key or driver version.

    By the facts of its verdict: what was proven there, or claimed where nothing is proven.
    """
    if kind == "device":
        rows = await tx.fetch(
            "select distinct n.id as node from attestation.nodes n"
            " join attestation.inventory i on i.node_id = n.id where i.device_id = $1",
            value,
            into=_Node,
        )
        return [row.node for row in rows]
    rows = await tx.fetch(
        "select n.id as node from attestation.nodes n cross join lateral ("
        "   select verdict from attestation.attestations where hardware_id = n.id::text"
        "   and attestation_type = 'node' order by created_at desc, id desc limit 1"
        " ) newest"
        # The canonical text of a string stands in the verdict exactly as JSON writes it.
        " where position(convert_to(to_json($1::text)::text, 'UTF8') in newest.verdict) > 0",
        value,
        into=_Node,
    )
    return [row.node for row in rows]


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

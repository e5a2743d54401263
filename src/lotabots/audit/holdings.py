"""The SQL of the operator's check: every row that the database has of the log, batch by batch."""

from datetime import datetime
from uuid import UUID

import msgspec

from lotabots.audit.places import Signed
from lotabots.runtime.database import Transaction


class Tip(msgspec.Struct, frozen=True):
    """The stored state of the tree (None: no row), and one more than the last leaf's number."""

    tree: bytes | None
    size: int


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A leaf, or what waits to be one, with the entry that it names; None where that is gone."""

    number: int
    entry_id: UUID
    leaf: bytes
    body: bytes | None
    tenant_id: UUID | None
    at: datetime | None
    actor_kind: str | None
    verb: str | None
    subject_ref: str | None
    outcome: str | None


class Standing(msgspec.Struct, frozen=True):
    """How often an entry has its place, and how often it waits for one."""

    id: UUID
    places: int
    waits: int


_ENTRY = "e.body, e.tenant_id, e.at, e.actor_kind, e.verb, e.subject_ref, e.outcome"

_LEAVES = f"""
select l.idx as number, l.entry_id, l.leaf, {_ENTRY}
from audit.leaves l left join audit.entries e on e.id = l.entry_id
where l.idx >= $1 and l.idx < $2 order by l.idx limit $3
"""  # noqa: S608 - of constants

_WAITING = f"""
select p.position as number, p.entry_id, p.leaf, {_ENTRY}
from audit.pending p left join audit.entries e on e.id = p.entry_id
where p.position >= $1 order by p.position limit $2
"""  # noqa: S608 - of constants

# Counted row by row, by the indexes: a join might be planned over the whole tables for each batch.
_STANDINGS = """
select e.id,
    (select count(*) from audit.leaves l where l.entry_id = e.id) as places,
    (select count(*) from audit.pending p where p.position = e.position and p.entry_id = e.id)
        as waits
from audit.entries e where e.id >= $1 order by e.id limit $2
"""


async def tip(tx: Transaction) -> Tip:
    """Where the tree ends: both as of one moment."""
    sql = (
        "select (select tree from audit.state), coalesce(max(idx) + 1, 0) as size from audit.leaves"
    )
    return await tx.fetch_one(sql, into=Tip) or Tip(None, 0)


async def leaves(tx: Transaction, start: int, end: int, most: int) -> list[Held]:
    """At most so many leaves from `start` to before `end`, in their order."""
    return await tx.fetch(_LEAVES, start, end, most, into=Held)


async def waiting(tx: Transaction, start: int, most: int) -> list[Held]:
    """At most so many of what waits, from the position `start` on."""
    return await tx.fetch(_WAITING, start, most, into=Held)


async def standings(tx: Transaction, start: UUID, most: int) -> list[Standing]:
    """At most so many entries from the id `start` on."""
    return await tx.fetch(_STANDINGS, start, most, into=Standing)


async def signed(tx: Transaction, above: int, end: int) -> list[Signed]:
    """What was signed for the sizes above one up to another."""
    sql = (
        "select size, root, note from audit.checkpoints"
        " where size > $1 and size <= $2 order by size"
    )
    return await tx.fetch(sql, above, end, into=Signed)


async def signed_beyond(tx: Transaction, most: int) -> list[int]:
    """At most so many sizes that were signed, and for which there are not leaves enough."""
    sql = (
        "select size from audit.checkpoints"
        " where size > (select coalesce(max(idx) + 1, 0) from audit.leaves) order by size limit $1"
    )
    return [row.size for row in await tx.fetch(sql, most, into=_Size)]


class _Size(msgspec.Struct, frozen=True):
    size: int

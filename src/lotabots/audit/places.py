"""The SQL of the sequencer: what waits, what has its place, and what was signed."""

from uuid import UUID

import msgspec

from lotabots.runtime.database import Transaction
from lotabots.tlog import CompactRange


class Signed(msgspec.Struct, frozen=True):
    """The one note that was ever signed for a size."""

    size: int
    root: bytes
    note: str


class _Waiting(msgspec.Struct, frozen=True):
    id: UUID
    leaf: bytes


async def tree(tx: Transaction) -> CompactRange:
    """The tree over everything that has its place."""
    packed = await tx.fetch_value("select tree from audit.state", into=bytes)
    return CompactRange.unpack(packed or b"")


async def order(tx: Transaction, most: int) -> None:
    """Gives the entries that wait longest their places, at most so many."""
    waiting = await tx.fetch(
        "with taken as (delete from audit.pending where entry_id in"
        " (select entry_id from audit.pending order by position limit $1)"
        " returning position, entry_id)"
        " select id, leaf from taken join audit.entries on id = entry_id order by taken.position",
        most,
        into=_Waiting,
    )
    if not waiting:
        return
    old = await tree(tx)
    await tx.execute(
        "insert into audit.leaves (idx, entry_id)"
        " select $1 + place - 1, id from unnest($2::uuid[]) with ordinality as one (id, place)",
        old.size,
        [one.id for one in waiting],
    )
    new = old.extend([one.leaf for one in waiting])
    await tx.execute("update audit.state set tree = $1", new.pack())


async def keep(tx: Transaction, signed: Signed) -> None:
    """Stores the note of a size that has none."""
    await tx.execute(
        "insert into audit.checkpoints (size, root, note) values ($1, $2, $3)",
        signed.size, signed.root, signed.note,
    )  # fmt: skip


async def signed(tx: Transaction, size: int) -> Signed | None:
    """What was signed for this size."""
    sql = "select size, root, note from audit.checkpoints where size = $1"
    return await tx.fetch_one(sql, size, into=Signed)


async def next_signed(tx: Transaction, old: int, most: int) -> Signed | None:
    """The largest checkpoint above the old size and up to `most`, else the smallest above it."""
    return await tx.fetch_one(
        "select size, root, note from audit.checkpoints where size > $1"
        " order by size > $2, abs(size - $2) limit 1",
        old, most, into=Signed,
    )  # fmt: skip


async def bodies(tx: Transaction, start: int, end: int) -> list[bytes]:
    """The entries at the places from `start` to before `end`."""
    rows = await tx.fetch(
        "select body from audit.leaves join audit.entries on id = entry_id"
        " where idx >= $1 and idx < $2 order by idx",
        start, end, into=_Body,
    )  # fmt: skip
    return [row.body for row in rows]


class _Body(msgspec.Struct, frozen=True):
    body: bytes

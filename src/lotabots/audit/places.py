"""The SQL of the sequencer: what waits, what has its place, and what was signed."""

import msgspec

from lotabots.runtime.database import Transaction
from lotabots.tlog import WIDTH, CompactRange, read_bundle

HASH_BYTES = 32


class Signed(msgspec.Struct, frozen=True):
    """The one note that was ever signed for a size."""

    size: int
    root: bytes
    note: str


async def tree(tx: Transaction) -> CompactRange:
    """The tree over everything that has its place."""
    packed = await tx.fetch_value("select tree from audit.state", into=bytes)
    return CompactRange.unpack(packed or b"")


async def any_waiting(tx: Transaction) -> bool:
    """Whether an entry waits for its place."""
    return bool(await tx.fetch_value("select exists (select from audit.pending)"))


# The leaves come back as one value: what is decided here is the order, and the rows stay there.
_ORDER = """
with taken as (
    delete from audit.pending
    where position = any(array(select position from audit.pending order by position limit $1))
    returning position, entry_id, leaf
), placed as (
    insert into audit.leaves (idx, entry_id, leaf)
    select $2 + row_number() over (order by position) - 1, entry_id, leaf from taken
    returning idx, leaf
)
select string_agg(leaf, ''::bytea order by idx) from placed
"""


async def order(tx: Transaction, old: CompactRange, most: int) -> int:
    """How many of the entries that wait longest have their places behind `old` now."""
    leaves = await _hashes(tx, _ORDER, most, old.size)
    if leaves:
        await tx.execute("update audit.state set tree = $1", old.extend(leaves).pack())
    return len(leaves)


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


async def newest(tx: Transaction) -> Signed | None:
    """The last note that was signed."""
    sql = "select size, root, note from audit.checkpoints order by size desc limit 1"
    return await tx.fetch_one(sql, into=Signed)


async def leaves(tx: Transaction, start: int, end: int) -> list[bytes]:
    """The leaf hashes at the places from `start` to before `end`."""
    sql = (
        "select string_agg(leaf, ''::bytea order by idx) from audit.leaves"
        " where idx >= $1 and idx < $2"
    )
    return await _hashes(tx, sql, start, end)


class _Bundle(msgspec.Struct, frozen=True):
    bundle: bytes


_BUNDLES = f"""
select string_agg(substring(int4send(octet_length(body)) from 3) || body, ''::bytea order by idx)
    as bundle
from audit.leaves join audit.entries on id = entry_id
where idx >= $1 and idx < $2 group by idx / {WIDTH} order by idx / {WIDTH}
"""  # noqa: S608 - of constants


async def entries(tx: Transaction, start: int, end: int) -> list[bytes]:
    """The entries at the places from `start` to before `end`, less those that are gone."""
    # As bundles: a value for 256 entries is far less work than a row for each.
    rows = await tx.fetch(_BUNDLES, start, end, into=_Bundle)
    return [entry for row in rows for entry in read_bundle(row.bundle)]


async def _hashes(tx: Transaction, sql: str, *args: object) -> list[bytes]:
    """The hashes of a statement whose one value is all of them, joined; none for null."""
    joined = await tx.fetch_value(sql, *args, into=bytes) or b""
    return [joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES)]

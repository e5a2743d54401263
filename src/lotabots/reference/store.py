"""SQL of reference bundles: rows that never change, and one pointer for each name."""

from datetime import datetime
from uuid import uuid4

import msgspec

from lotabots.kernel import Kind, LotaError
from lotabots.reference.bundle import Bundle, Standing, check_successor, number_taken
from lotabots.reference.types import InForce, StoredBundle
from lotabots.runtime.database import Transaction

MAX_LISTED = 200

# $1: one id, or null for all.
_BUNDLES = """
    select b.id, b.digest, b.name, b.number, b.created, b.imported_at, b.files, b.size,
        a.id is not null as active
    from reference.bundles b left join reference.active_bundles a on a.bundle_id = b.id
    where $1::text is null or b.digest = $1
    order by b.name, b.number desc limit $2
"""


async def listed(tx: Transaction) -> list[StoredBundle]:
    """The bundles by name and falling number, at most `MAX_LISTED`."""
    return await tx.fetch(_BUNDLES, None, MAX_LISTED, into=StoredBundle)


async def found(tx: Transaction, digest: str) -> StoredBundle:
    """The bundle of this id. Raises `REFERENCE_NOT_FOUND`."""
    row = await tx.fetch_one(_BUNDLES, digest, 1, into=StoredBundle)
    if row is None:
        raise _not_found()
    return row


async def envelope_of(tx: Transaction, digest: str) -> bytes:
    """The envelope of a bundle that is there."""
    envelope = await tx.fetch_value(
        "select envelope from reference.bundles where digest = $1", digest, into=bytes
    )
    if envelope is None:
        raise _not_found()
    return envelope


async def next_number(tx: Transaction, name: str) -> int:
    """One more than the highest number that this name has had; holds the name until commit."""
    await tx.lock(f"reference/{tx.tenant}/{name}")
    highest = await tx.fetch_value(
        "select max(number) from reference.bundles where name = $1", name, into=int
    )
    return (highest or 0) + 1


async def insert(tx: Transaction, bundle: Bundle, created: datetime, now: datetime) -> bool:
    """Whether the bundle is new. Raises `REFERENCE_NUMBER_TAKEN`."""
    manifest = bundle.manifest
    await tx.lock(f"reference/{tx.tenant}/{manifest.name}")
    taken = await tx.fetch_value(
        "select digest from reference.bundles where name = $1 and number = $2",
        manifest.name,
        manifest.number,
        into=str,
    )
    if taken is not None:
        if taken != bundle.id:
            raise number_taken(manifest.name, manifest.number)
        return False
    await tx.execute(
        "insert into reference.bundles"
        " (id, digest, name, number, created, imported_at, files, size, envelope)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        uuid4(),
        bundle.id,
        manifest.name,
        manifest.number,
        created,
        now,
        len(manifest.files),
        manifest.size,
        bundle.envelope,
    )
    return True


class _Active(msgspec.Struct):
    number: int
    digest: str


async def activate(tx: Transaction, row: StoredBundle, now: datetime) -> bool:
    """Whether this puts another bundle of the name into force than before.

    Raises `REFERENCE_ROLLBACK`. Holds the name until commit.
    """
    await tx.lock(f"reference/{tx.tenant}/{row.name}")
    active = await tx.fetch_one(
        "select a.number, b.digest from reference.active_bundles a"
        " join reference.bundles b on b.id = a.bundle_id where a.name = $1",
        row.name,
        into=_Active,
    )
    standing = None if active is None else Standing(active.number, active.digest)
    check_successor(row.name, row.number, row.digest, standing)
    if standing is not None and standing.id == row.digest:
        return False
    await tx.execute(
        "insert into reference.active_bundles (id, name, number, bundle_id, activated_at)"
        " values ($1, $2, $3, $4, $5) on conflict (tenant_id, name) do update"
        " set number = excluded.number, bundle_id = excluded.bundle_id,"
        " activated_at = excluded.activated_at",
        uuid4(),
        row.name,
        row.number,
        row.id,
        now,
    )
    return True


async def in_force(tx: Transaction) -> tuple[InForce, ...]:
    """The active bundle of each name, by name."""
    rows = await tx.fetch(
        "select a.name, b.digest from reference.active_bundles a"
        " join reference.bundles b on b.id = a.bundle_id order by a.name",
        into=InForce,
    )
    return tuple(rows)


def _not_found() -> LotaError:
    return LotaError(Kind.NOT_FOUND, "REFERENCE_NOT_FOUND", "There is no such bundle.")

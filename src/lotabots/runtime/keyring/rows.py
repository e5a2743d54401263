"""The SQL of signing keys: one for each place of a purpose."""

from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from lotabots.runtime.database import Transaction

Place: TypeAlias = Literal["previous", "current", "next"]


class Row(msgspec.Struct, frozen=True):
    """A key as it rests."""

    kid: str
    place: Place
    public_jwk: dict[str, str]
    sealed: bytes


class ListedKey(msgspec.Struct, frozen=True):
    """A key as it may be shown."""

    purpose: str
    kid: str
    place: Place
    created_at: datetime
    placed_at: datetime
    """Since when it has been in its place."""


async def of_purpose(tx: Transaction, purpose: str) -> list[Row]:
    """The keys of a purpose, none where it has never been used."""
    return await tx.fetch(
        "select kid, place, public_jwk, sealed from runtime.signing_keys where purpose = $1",
        purpose,
        into=Row,
    )


async def listed(tx: Transaction) -> list[ListedKey]:
    """Every key, by purpose: previous, current, next."""
    return await tx.fetch(
        "select purpose, kid, place, created_at, placed_at from runtime.signing_keys"
        " order by purpose, array_position(array['previous', 'current', 'next'], place)",
        into=ListedKey,
    )


async def hold(tx: Transaction, purpose: str) -> dict[Place, ListedKey]:
    """The keys of a purpose by place; nobody else changes them until this transaction ends."""
    await tx.lock(f"keyring/{purpose}")
    return {key.place: key for key in await listed(tx) if key.purpose == purpose}


async def add(
    tx: Transaction,
    kid: str,
    purpose: str,
    place: Place,
    public_jwk: dict[str, str],
    sealed: bytes,
    now: datetime,
) -> None:
    """Puts a new key into a place that is empty."""
    await tx.execute(
        "insert into runtime.signing_keys"
        " (kid, purpose, place, public_jwk, sealed, created_at, placed_at)"
        " values ($1, $2, $3, $4, $5, $6, $6)",
        kid, purpose, place, public_jwk, sealed, now,
    )  # fmt: skip


async def move(tx: Transaction, kid: str, place: Place, now: datetime) -> None:
    """Moves a key to a place that is empty."""
    await tx.execute(
        "update runtime.signing_keys set place = $2, placed_at = $3 where kid = $1", kid, place, now
    )


async def remove(tx: Transaction, kid: str) -> None:
    """Takes a key away for good."""
    await tx.execute("delete from runtime.signing_keys where kid = $1", kid)

"""The SQL of persons: their secrets, made when an entry first mentions them, gone when erased."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from time import monotonic
from typing import NamedTuple
from uuid import UUID, uuid4

import msgspec

from lotabots.audit.commitments import PersonKeys, Secret
from lotabots.audit.types import Person
from lotabots.runtime.database import Transaction
from lotabots.runtime.keyring import Keyring

REMEMBERED = 16_384
MEMORY_SECONDS = 60.0
"""How long the secret of someone who was erased by another process may stay in our memory."""


class Known(NamedTuple):
    """A person's row and secret."""

    id: UUID
    secret: Secret


class _Row(msgspec.Struct, frozen=True):
    id: UUID
    lookup: bytes
    secret: bytes
    value: bytes


class Persons:
    """The persons of every tenant; those met lately are remembered."""

    def __init__(self, keyring: Keyring) -> None:
        self._keys = PersonKeys(
            keyring.derive("audit-persons-seal"), keyring.derive("audit-persons-lookup")
        )
        self._remembered: dict[bytes, tuple[float, Known]] = {}

    async def known(
        self, tx: Transaction, tenant: UUID, persons: Iterable[Person]
    ) -> dict[Person, Known]:
        """Each of these persons with a secret: remembered, stored, or made in this transaction."""
        lookups = {self._keys.lookup(tenant, person): person for person in persons}
        found = {lookup: known for lookup in lookups if (known := self._recalled(lookup))}
        if missing := lookups.keys() - found.keys():
            found |= await self._stored(tx, missing)
        if missing := lookups.keys() - found.keys():
            await self._make(tx, {lookup: lookups[lookup] for lookup in missing})
            # Not remembered: this transaction may yet be rolled back.
            found |= await self._read(tx, missing)
        return {lookups[lookup]: known for lookup, known in found.items()}

    async def find(self, tx: Transaction, tenant: UUID, person: Person) -> Known | None:
        """The person, if any entry of the tenant mentions it and it was not erased."""
        lookup = self._keys.lookup(tenant, person)
        return (await self._read(tx, [lookup])).get(lookup)

    async def by_id(
        self, tx: Transaction, persons: Collection[UUID]
    ) -> Mapping[UUID, tuple[Known, str]]:
        """Those of these rows that are there, each with who it is."""
        rows = await tx.fetch(
            "select id, lookup, secret, value from audit.persons where id = any($1::uuid[])",
            list(persons),
            into=_Row,
        )
        opened = [(Known(row.id, self._keys.opened(row.secret, row.id)), row) for row in rows]
        return {
            row.id: (known, known.secret.opened(row.value, row.id.bytes).decode())
            for known, row in opened
        }

    def forget(self, tenant: UUID, persons: Iterable[Person]) -> None:
        """Forgets what is remembered of these."""
        for person in persons:
            self._remembered.pop(self._keys.lookup(tenant, person), None)

    def _recalled(self, lookup: bytes) -> Known | None:
        until, known = self._remembered.get(lookup, (0.0, None))
        return known if monotonic() < until else None

    async def _stored(self, tx: Transaction, lookups: Collection[bytes]) -> dict[bytes, Known]:
        found = await self._read(tx, lookups)
        for lookup, known in found.items():
            while len(self._remembered) >= REMEMBERED:
                del self._remembered[next(iter(self._remembered))]
            self._remembered[lookup] = monotonic() + MEMORY_SECONDS, known
        return found

    async def _read(self, tx: Transaction, lookups: Collection[bytes]) -> dict[bytes, Known]:
        rows = await tx.fetch(
            "select id, lookup, secret, value from audit.persons where lookup = any($1::bytea[])",
            list(lookups),
            into=_Row,
        )
        return {row.lookup: Known(row.id, self._keys.opened(row.secret, row.id)) for row in rows}

    async def _make(self, tx: Transaction, persons: Mapping[bytes, Person]) -> None:
        rows = []
        for lookup in sorted(persons):  # in one order: two who make the same do not wait crosswise
            row, secret, person = uuid4(), Secret.new(), persons[lookup]
            value = secret.sealed(person.value.encode(), row.bytes)
            sealed = self._keys.sealed(secret, row)
            rows.append((row, person.kind, lookup, sealed, value, tx.began))
        await tx.execute_many(
            "insert into audit.persons (id, kind, lookup, secret, value, made_at)"
            " values ($1, $2, $3, $4, $5, $6) on conflict (tenant_id, lookup) do nothing",
            rows,
        )


async def erase(tx: Transaction, person: UUID) -> int | None:
    """How many entries mentioned the person, whose row, secret and texts are gone with this.

    None where somebody else has erased them a moment ago.
    """
    # The row first: it waits for whoever appends about the person, and nobody can after it.
    if not await tx.execute("delete from audit.persons where id = $1", person):
        return None
    about = await tx.execute(
        "update audit.mentions set actor = null, texts = null where actor = $1", person
    )
    about += await tx.execute("update audit.mentions set subject = null where subject = $1", person)
    return about


async def outdated(tx: Transaction, kind: str, before: datetime, most: int) -> list[UUID]:
    """Persons of a kind that were first mentioned before that moment, at most so many.

    They are the caller's until the transaction ends: who asks meanwhile gets others.
    """
    rows = await tx.fetch(
        "select id from audit.persons where kind = $1 and made_at < $2 order by made_at limit $3"
        " for update skip locked",
        kind,
        before,
        most,
        into=_Id,
    )
    return [row.id for row in rows]


class _Id(msgspec.Struct, frozen=True):
    id: UUID

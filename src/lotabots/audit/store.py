"""The SQL of the audit log: entries go in, and come out newest first."""

from datetime import datetime
from uuid import UUID

import msgspec

from lotabots.audit.types import Entry
from lotabots.runtime.database import Transaction


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries are wanted; what is None does not matter. `until` is exclusive."""

    actor: str | None = None
    subject: str | None = None
    verb: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: UUID | None = None
    """The last entry of the page before."""


class Row(msgspec.Struct, frozen=True):
    """An entry's bytes and their leaf hash."""

    id: UUID
    body: bytes
    leaf: bytes


async def insert(tx: Transaction, entry: Entry, row: Row) -> None:
    """Adds one entry."""
    await tx.execute(
        "insert into audit.entries (id, at, actor_ref, verb, subject_ref, outcome, body, leaf)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8)",
        row.id, tx.began, entry.actor_ref, entry.verb, entry.subject_ref, entry.outcome,
        row.body, row.leaf,
    )  # fmt: skip


_CLAUSES = {
    "actor": "actor_ref = {}",
    "subject": "subject_ref = {}",
    "verb": "verb = {}",
    "outcome": "outcome = {}",
    "since": "at >= {}",
    "until": "at < {}",
    "after": "position < (select position from audit.entries where id = {})",
}


async def newest(tx: Transaction, wanted: Filter, limit: int) -> list[Row]:
    """At most `limit` entries of the transaction's tenant, newest first."""
    values = {name: value for name in _CLAUSES if (value := getattr(wanted, name)) is not None}
    clauses = [_CLAUSES[name].format(f"${place}") for place, name in enumerate(values, 2)]
    where = f" where {' and '.join(clauses)}" if clauses else ""
    return await tx.fetch(
        f"select id, body, leaf from audit.entries{where} order by position desc limit $1",  # noqa: S608 - clauses are ours, values are arguments
        limit,
        *values.values(),
        into=Row,
    )

"""The SQL of the audit log: entries go in, and come out newest first, as their tenant sees them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from lotabots.audit.types import Appended, Entry, kind_of
from lotabots.runtime.database import Transaction


class Mention(msgspec.Struct, frozen=True):
    """Which persons an entry mentions, by their rows, and its texts, sealed."""

    entry_id: UUID
    actor: UUID | None
    subject: UUID | None
    texts: bytes | None


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries are wanted; what is None does not matter. `until` is exclusive."""

    actor_kind: str | None = None
    actor: UUID | None = None
    """The row of a person."""
    person: UUID | None = None
    """The same, where it was done to a person."""
    subject: str | None = None
    verb: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: UUID | None = None
    """The last entry of the page before."""


class Row(msgspec.Struct, frozen=True):
    """An entry's bytes, their leaf hash, and its place in the tree once it has one."""

    id: UUID
    body: bytes
    leaf: bytes
    idx: int | None = None
    actor: UUID | None = None
    subject: UUID | None = None
    texts: bytes | None = None


# One statement, so one round trip. The persons are locked against erasure until this is committed;
# if one of them is gone already, nothing is added.
_APPEND = """
with known as materialized (
    select id from audit.persons where id = any($2::uuid[]) for key share
), added as (
    insert into audit.entries (id, at, actor_kind, verb, subject_ref, outcome, body, leaf)
    select e.id, $1, e.actor, e.verb, e.subject, e.outcome, e.body, e.leaf
    from unnest($3::uuid[], $13::text[], $4::text[], $5::text[], $6::text[], $7::bytea[],
        $8::bytea[]) e (id, actor, verb, subject, outcome, body, leaf)
    where (select count(*) from known) = cardinality($2::uuid[])
    returning id, position
), mentioned as (
    insert into audit.mentions (entry_id, position, actor, subject, texts)
    select m.id, added.position, m.actor, m.subject, m.texts
    from unnest($9::uuid[], $10::uuid[], $11::uuid[], $12::bytea[]) m (id, actor, subject, texts)
    join added using (id)
)
select count(*) from added
"""


async def insert(
    tx: Transaction,
    entries: Sequence[Entry],
    appended: Sequence[Appended],
    mentions: Sequence[Mention],
    persons: Collection[UUID],
) -> bool:
    """Whether the entries were added: all of them, or none because a person of them was erased."""
    added = await tx.fetch_value(
        _APPEND,
        tx.began,
        list(persons),
        [one.id for one in appended],
        [entry.verb for entry in entries],
        [searchable(entry) for entry in entries],
        [entry.outcome for entry in entries],
        [one.body for one in appended],
        [one.leaf for one in appended],
        [mention.entry_id for mention in mentions],
        [mention.actor for mention in mentions],
        [mention.subject for mention in mentions],
        [mention.texts for mention in mentions],
        [kind_of(entry.actor_ref) for entry in entries],
        into=int,
    )
    return added == len(entries)


_CLAUSES = {
    "actor_kind": "e.actor_kind = {}",
    "actor": "m.actor = {}",
    "person": "m.subject = {}",
    "subject": "e.subject_ref = {}",
    "verb": "e.verb = {}",
    "outcome": "e.outcome = {}",
    "since": "e.at >= {}",
    "until": "e.at < {}",
}
_BY_MENTION = ("actor", "person")


def searchable(entry: Entry) -> str:
    """What an entry is found by: its subject, or of a person the kind alone."""
    person = entry.subject()
    return entry.subject_ref if person is None else f"{person.kind}:"


async def newest(tx: Transaction, wanted: Filter, limit: int) -> list[Row]:
    """At most `limit` entries of the transaction's tenant, newest first."""
    values = {name: value for name in _CLAUSES if (value := getattr(wanted, name)) is not None}
    clauses = [_CLAUSES[name].format(f"${place}") for place, name in enumerate(values, 2)]
    # Both tables have the position: whichever is searched by is the one that is read in its order.
    order = "m" if any(name in values for name in _BY_MENTION) else "e"
    if wanted.after is not None:
        values["after"] = wanted.after
        last = f"(select position from audit.entries where id = ${len(values) + 1})"  # noqa: S608
        clauses.append(f"{order}.position < {last}")
    where = f" where {' and '.join(clauses)}" if clauses else ""
    return await tx.fetch(
        "select e.id, e.body, e.leaf, l.idx, m.actor, m.subject, m.texts"  # noqa: S608 - ours
        " from audit.entries e left join audit.mentions m on m.entry_id = e.id"
        " left join audit.leaves l on l.entry_id = e.id"
        f"{where} order by {order}.position desc limit $1",
        limit,
        *values.values(),
        into=Row,
    )


async def body(tx: Transaction, entry: UUID) -> bytes | None:
    """The bytes of an entry of the transaction's tenant."""
    return await tx.fetch_value("select body from audit.entries where id = $1", entry, into=bytes)


async def places(tx: Transaction, entries: Sequence[UUID]) -> dict[UUID, int]:
    """The places in the tree of those of these entries that have one."""
    rows = await tx.fetch(
        "select entry_id, idx from audit.leaves where entry_id = any($1::uuid[])",
        entries,
        into=_Place,
    )
    return {row.entry_id: row.idx for row in rows}


class _Place(msgspec.Struct, frozen=True):
    entry_id: UUID
    idx: int

"""The log as its tenant reads it: entries, found by person too, and who stands in them."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from lotabots.audit.commitments import Disclosed, disclosed
from lotabots.audit.persons import Known, Persons
from lotabots.audit.store import Filter, Row, newest
from lotabots.audit.types import ANONYMOUS, NODE, SYSTEM, USER, Person, Recorded, person_of
from lotabots.runtime.database import Transaction

Named = Mapping[UUID, tuple[Known, str]]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries are wanted, as a caller says it; what is None does not matter.

    `actor` is `system`, `anonymous` or a user's UUID; `subject` is `kind:id`.
    """

    actor: str | None = None
    subject: str | None = None
    verb: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: UUID | None = None


class LoggedEntry(msgspec.Struct, frozen=True):
    """An entry, its leaf (SHA-256 over 0x00 and the RFC 8785 form of `entry`, in hex), its place.

    `disclosed` has the personal fields in clear text, as far as nobody had them erased.
    """

    entry: Recorded
    leaf: str
    index: int | None
    """None until the sequencer has come to it."""
    disclosed: dict[str, Disclosed]


class EntryPage(msgspec.Struct, frozen=True):
    """Entries newest first; `next` is what to send as `after`, or null on the last page."""

    entries: list[LoggedEntry]
    next: UUID | None


async def page(
    tx: Transaction, persons: Persons, tenant: UUID, asked: Asked, limit: int
) -> EntryPage:
    """At most `limit` of the entries that match everything asked, newest first."""
    wanted = await _resolved(tx, persons, tenant, asked)
    if wanted is None:
        return EntryPage([], None)
    rows = await newest(tx, wanted, limit + 1)
    shown = rows[:limit]
    mentioned = {one for row in shown for one in (row.actor, row.subject) if one is not None}
    named = await persons.by_id(tx, mentioned)
    entries = [_shown(row, named) for row in shown]
    return EntryPage(entries, shown[-1].id if len(rows) > limit else None)


async def _resolved(tx: Transaction, persons: Persons, tenant: UUID, asked: Asked) -> Filter | None:
    """The filter, with persons as their rows; None where no entry mentions one of them."""
    of_nobody = asked.actor in (SYSTEM, ANONYMOUS, NODE)
    wanted = Filter(
        actor_kind=asked.actor if of_nobody else None,
        subject=asked.subject, verb=asked.verb, outcome=asked.outcome,
        since=asked.since, until=asked.until, after=asked.after,
    )  # fmt: skip
    if asked.actor is not None and not of_nobody:
        actor = person_of(asked.actor) or Person(USER, asked.actor.lower())
        if (known := await persons.find(tx, tenant, actor)) is None:
            return None
        wanted = msgspec.structs.replace(wanted, actor=known.id)
    person = None if asked.subject is None else person_of(asked.subject)
    if person is not None:
        if (known := await persons.find(tx, tenant, person)) is None:
            return None
        wanted = msgspec.structs.replace(wanted, subject=None, person=known.id)
    return wanted


def _shown(row: Row, named: Named) -> LoggedEntry:
    entry = msgspec.json.decode(row.body, type=Recorded)
    return LoggedEntry(entry, row.leaf.hex(), row.idx, _disclosed(row, named))


def _disclosed(row: Row, named: Named) -> dict[str, Disclosed]:
    shown: dict[str, Disclosed] = {}
    if row.actor is not None and row.actor in named:
        known, value = named[row.actor]
        texts: dict[str, str] = {}
        if row.texts is not None:
            opened = known.secret.opened(row.texts, row.id.bytes)
            texts = msgspec.json.decode(opened, type=dict[str, str])
        shown |= disclosed(known.secret, row.id, {"actor": value, **texts})
    if row.subject is not None and row.subject in named:
        known, value = named[row.subject]
        shown |= disclosed(known.secret, row.id, {"subject": value})
    return shown

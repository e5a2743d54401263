"""SQL of events in the one order in which none is missed.

A transaction gets its number when it begins to write, and is seen when it commits: the next row by
number can be one that nobody sees yet. So a row counts as settled only once every transaction that
began before its own has ended, and readers go no further than the first row that is not. Whatever
appears later stands behind it.
"""

import re
from datetime import datetime
from uuid import UUID

import msgspec

from lotabots.kernel import Kind, LotaError, invalid
from lotabots.runtime.database import Transaction

_POSITION = re.compile(r"(0|[1-9][0-9]{0,19})-(0|[1-9][0-9]{0,18})", re.ASCII)
_MAX_XACT, _MAX_NUMBER = 2**64 - 1, 2**63 - 1


class Position(msgspec.Struct, frozen=True, order=True):
    """A place in the order of events: the transaction, and the row among all that were written."""

    xact: int
    number: int

    def __str__(self) -> str:
        return f"{self.xact}-{self.number}"

    @classmethod
    def read(cls, text: str) -> "Position":
        """The position of this text. Raises `EVENT_POSITION_MALFORMED`."""
        found = _POSITION.fullmatch(text)
        if found is not None:
            xact, number = int(found[1]), int(found[2])
            if xact <= _MAX_XACT and number <= _MAX_NUMBER:
                return cls(xact, number)
        detail = (
            "A position is that of an event, such as 7412-93, or 0-0 for the oldest that is kept."
        )
        raise invalid("EVENT_POSITION_MALFORMED", detail)


class EventRow(msgspec.Struct, frozen=True):
    """An event as it is stored."""

    xact: int
    number: int
    id: UUID
    at: datetime
    kind: str
    node_id: UUID | None
    data: dict[str, str | int | None]

    @property
    def position(self) -> Position:
        """Where it stands."""
        return Position(self.xact, self.number)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which events are shown: all, or those of these kinds, of this node."""

    kinds: frozenset[str] = frozenset()
    node: UUID | None = None

    def take(self, row: EventRow) -> bool:
        """Whether this one is."""
        return (not self.kinds or row.kind in self.kinds) and self.node in (None, row.node_id)


EVERYTHING = Wanted()


class _Row(EventRow, frozen=True):
    settled: bool


class Page(msgspec.Struct, frozen=True):
    """Settled events behind a position, in order."""

    rows: tuple[EventRow, ...]
    end: Position
    """Where whoever has seen these goes on."""
    unsettled: bool
    """More are there, which cannot be shown yet."""


_COLUMNS = "xact, number, id, at, kind, node_id, data"
_SETTLED = "xact < pg_snapshot_xmin(pg_current_snapshot())"
# Of the tenant that is seen anyway: said again, it is found by the index.
_WANTED = (
    "tenant_id = $1 and ($2::text[] = '{}' or kind = any ($2))"
    " and ($3::uuid is null or node_id = $3)"
)
_AFTER = (
    f"select {_COLUMNS}, {_SETTLED} as settled from attestation.events where {_WANTED}"  # noqa: S608 - constants
    " and (xact, number) > ($4::xid8, $5) order by xact, number limit $6"
)
_NEWEST = (
    f"select {_COLUMNS} from attestation.events where {_WANTED} and {_SETTLED}"  # noqa: S608 - constants
    " order by xact desc, number desc limit $4"
)


async def after(
    tx: Transaction, position: Position, most: int, wanted: Wanted = EVERYTHING
) -> Page:
    """At most `most` events of the tenant behind a position."""
    rows = await tx.fetch(
        _AFTER,
        tx.tenant,
        sorted(wanted.kinds),
        wanted.node,
        position.xact,
        position.number,
        most,
        into=_Row,
    )
    first = next((at for at, row in enumerate(rows) if not row.settled), len(rows))
    shown = tuple(rows[:first])
    end = shown[-1].position if shown else position
    return Page(shown, end, unsettled=first < len(rows))


async def newest(tx: Transaction, most: int, wanted: Wanted = EVERYTHING) -> Page:
    """The newest events that are settled, in order."""
    rows = await tx.fetch(
        _NEWEST, tx.tenant, sorted(wanted.kinds), wanted.node, most, into=EventRow
    )
    shown = tuple(reversed(rows))
    end = shown[-1].position if shown else await here(tx)
    return Page(shown, end, unsettled=False)


async def here(tx: Transaction) -> Position:
    """Before everything that is not settled yet, and behind everything that is."""
    first = await tx.fetch_value("select pg_snapshot_xmin(pg_current_snapshot())", into=int)
    return Position(first or 0, 0)


async def require_past(tx: Transaction, position: Position) -> None:
    """Raises `EVENT_POSITION_AHEAD` for a position that this database has not come to.

    It is of another one, or of this one before it was restored: to wait for it would be silence.
    """
    ahead = await tx.fetch_value(
        "select $1::xid8 > pg_snapshot_xmax(pg_current_snapshot())", position.xact
    )
    if ahead:
        detail = "This database has not come so far: the position is of another, or of before."
        raise LotaError(Kind.CONFLICT, "EVENT_POSITION_AHEAD", detail)

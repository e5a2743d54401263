"""HTTP of events: the newest of them, those behind a position, and all as they happen."""

from datetime import datetime
from typing import Annotated, Any, cast
from uuid import UUID

import msgspec
from litestar import Request, Response, get
from litestar.params import Parameter
from litestar.response import Stream as Streamed

from lotabots.access import Permission
from lotabots.attestation import event_store
from lotabots.attestation.event_store import EventRow, Position, Wanted
from lotabots.attestation.listener import Event, Listener
from lotabots.attestation.notices import Notice
from lotabots.attestation.stream import Stream
from lotabots.kernel import Principal, invalid
from lotabots.runtime.process import Process
from lotabots.runtime.web import requires, stopping

STREAM = "text/event-stream"
MAX_PAGE = 1000

AnyRequest = Request[Any, Any, Any]
Text = Annotated[str | None, Parameter(max_length=512)]
Limit = Annotated[int, Parameter(ge=1, le=MAX_PAGE)]


class EventPage(msgspec.Struct, frozen=True, kw_only=True):
    """Events in the order in which they are told."""

    items: tuple[Event, ...]
    next: str
    """The position behind them: `after` of the next page."""


@get("/v1/events", guards=[requires(Permission.EVENT_READ)])
async def list_events(
    request: AnyRequest,
    process: Process,
    stream: Stream,
    principal: Principal,
    now: datetime,
    kind: Text = None,
    node: UUID | None = None,
    after: Text = None,
    limit: Limit = 100,
) -> Response[EventPage]:
    """What happened to nodes, and by what was revoked; `kind` is one kind or several with commas.

    With `Accept: text/event-stream` they are told as they happen, from now or behind the position
    in `Last-Event-ID` or `after`. Else it is one page: behind `after`, or the newest.
    """
    wanted = Wanted(kinds=_kinds(kind), node=node)
    streamed = STREAM in request.headers.get("accept", "")
    last_seen = request.headers.get("last-event-id") if streamed else None
    text = last_seen or after
    position = None if text is None else Position.read(text)
    if not streamed:
        return Response(await _page(process, principal.tenant_id, wanted, position, limit))
    stream.require_room(principal.tenant_id)
    async with process.database.transaction(principal.tenant_id) as tx:
        if position is None:
            position = await event_store.here(tx)
        else:
            await event_store.require_past(tx, position)
    listener = Listener(principal, wanted, position, now)
    # A proxy that gathers an answer before it sends it on would keep events for minutes.
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    pieces = stream.pieces(listener, stopping(request.scope))
    # Described as the page alone: no schema can say what a stream is.
    return cast("Response[EventPage]", Streamed(pieces, media_type=STREAM, headers=headers))


async def _page(
    process: Process, tenant: UUID, wanted: Wanted, position: Position | None, limit: int
) -> EventPage:
    async with process.database.transaction(tenant) as tx:
        if position is None:
            page = await event_store.newest(tx, limit, wanted)
            return _shown(page.rows, page.end)
        await event_store.require_past(tx, position)
        page = await event_store.after(tx, position, limit, wanted)
    return _shown(page.rows, page.end)


def _shown(rows: tuple[EventRow, ...], end: Position) -> EventPage:
    return EventPage(items=tuple(map(Event.of, rows)), next=str(end))


def _kinds(text: str | None) -> frozenset[str]:
    if text is None:
        return frozenset()
    kinds = frozenset(text.split(","))
    unknown = sorted(kinds - set(Notice))
    if unknown:
        detail = f"The kinds of events are {', '.join(sorted(Notice))}."
        raise invalid("EVENT_KIND_UNKNOWN", detail, unknown=unknown[:8])
    return kinds


HANDLERS = (list_events,)

"""Events of a server as they happen, whatever happens to the line; and each of them as one line."""

import time
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlencode

import msgspec

from lotabots.cli.client import connect
from lotabots.cli.output import COLOUR_OF, paint, printable, say
from lotabots.kernel import Kind, LotaError

AGAIN_SECONDS = 1.0
"""How long after its end, or a failure, the stream is asked for again."""


class Event(msgspec.Struct):
    """What is printed of an event."""

    position: str
    at: datetime
    kind: str
    node: str | None
    data: dict[str, str | int | None]


class Page(msgspec.Struct):
    """A page of events, and where they go on."""

    items: list[Event]
    next: str


def followed(server: str, position: str, **wanted: str | None) -> Iterator[bytes]:
    """Each event behind this position as JSON, without end. `wanted` is what the API filters by."""
    lost = False
    query = {name: value for name, value in wanted.items() if value is not None}
    while True:
        try:
            with connect(server) as client:
                for data in client.events(f"/v1/events?{urlencode({**query, 'after': position})}"):
                    lost = False
                    position = msgspec.json.decode(data, type=Event).position
                    yield data
        except LotaError as error:
            if error.kind is not Kind.UNAVAILABLE:
                raise
            if not lost:
                say(f"{error.code}: {error.detail}; trying again")
            lost = True
        time.sleep(AGAIN_SECONDS)


def line_of(event: Event, *, with_node: bool = False) -> str:
    """One event for a person."""
    told = [event.node or "-"] if with_node else []
    for name, value in event.data.items():
        if name == "after":
            told.append(f"{_painted(event.data.get('before'))} -> {_painted(value)}")
        elif value is not None and name != "before":
            text = printable(str(value))
            told.append(text if name in ("code", "reason") else f"{name} {text}")
    return f"{event.at:%H:%M:%S}  {event.kind:<18} {'  '.join(told)}".rstrip()


def _painted(standing: str | int | None) -> str:
    text = str(standing)
    return paint(text) if text in COLOUR_OF else printable(text)

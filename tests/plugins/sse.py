"""A client of server-sent events, by the book (HTML, section 9.2): what it is told, and its id."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
from plugins.api import Api

from lotabots.kernel import Role

SECONDS = 60
"""After which what was not told counts as lost; heartbeats would keep a test waiting for ever."""


@dataclass
class Told:
    """One message: its kind, its data, and the id that the client then has."""

    kind: str
    data: dict[str, Any]
    id: str


@dataclass
class Listening:
    """A stream that is open."""

    answer: httpx.Response
    last_id: str = ""
    comments: list[str] = field(default_factory=list)

    async def messages(self) -> AsyncIterator[Told]:
        kind, data = "", ""
        async for line in self.answer.aiter_lines():
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if not line:
                if data:
                    yield Told(kind, msgspec.json.decode(data), self.last_id)
                kind, data = "", ""
            elif not name:
                self.comments.append(value)
            elif name == "id":
                self.last_id = value
            elif name == "event":
                kind = value
            elif name == "data":
                data = f"{data}\n{value}" if data else value

    async def begun(self) -> None:
        """Reads until the client has an id."""
        async with asyncio.timeout(SECONDS):
            async for line in self.answer.aiter_lines():
                if line.startswith("id: "):
                    self.last_id = line.removeprefix("id: ")
                    return

    async def next(self, count: int) -> list[Told]:
        """So many messages; `messages` cannot be read after it, since a line may be begun."""
        found: list[Told] = []
        async with asyncio.timeout(SECONDS):
            async for one in self.messages():
                found.append(one)
                if len(found) == count:
                    break
        return found


@asynccontextmanager
async def listening(
    api: Api, *, as_: Role = Role.VIEWER, last_id: str = "", **query: str
) -> AsyncIterator[Listening]:
    """A stream of the events of the tenant of `api`, once it is connected."""
    headers = api.tokens.of(as_) | {"accept": "text/event-stream"}
    headers |= {"last-event-id": last_id} if last_id else {}
    url = f"{api.servers.url}/v1/events"
    async with api.client.stream("GET", url, params=query, headers=headers) as answer:
        if answer.status_code != 200:
            await answer.aread()
        yield Listening(answer)

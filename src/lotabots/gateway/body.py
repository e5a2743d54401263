"""What a caller sends, on its way to a service in another process."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from litestar.types import Receive

from lotabots.gateway.wire import Connection
from lotabots.kernel import LotaError, invalid


@dataclass
class Body:
    """What the caller sends: all of it, or a stream that can be read once."""

    whole: bytes | None = b""
    pieces: AsyncIterator[bytes] | None = None
    sending: "asyncio.Task[None] | None" = None

    @classmethod
    async def begin(cls, receive: Receive) -> "Body":
        """The body, of which one piece was read: most have no more."""
        message = await receive()
        if message["type"] != "http.request":
            raise incomplete()
        if message["more_body"]:
            return cls(None, _stream(message["body"], receive))
        return cls(message["body"])

    @property
    def sent(self) -> bool:
        """Whether nothing of it is left."""
        return self.sending is None or (
            self.sending.done()
            and not self.sending.cancelled()
            and self.sending.exception() is None
        )

    def end(self) -> None:
        """Stops sending what the service did not wait for."""
        if self.sending is not None:
            self.sending.cancel()


async def _stream(piece: bytes, receive: Receive) -> AsyncIterator[bytes]:
    yield piece
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise incomplete()
        piece, more = message["body"], message["more_body"]
        yield piece


async def sent(connection: Connection, pieces: AsyncIterator[bytes]) -> None:
    """Sends a stream, as fast as the service takes it."""
    async for piece in pieces:
        await connection.send(piece)


def looked_at(task: "asyncio.Task[None]") -> None:
    """A caller who broke off is no news once the answer has begun."""
    if not task.cancelled():
        task.exception()


def incomplete() -> LotaError:
    """The refusal of a request that ended before its body did."""
    return invalid("REQUEST_INCOMPLETE", "The request ended before its body did.")

"""A service elsewhere, as bytes: what it was sent is kept, and the test writes its answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"

Behave = Callable[["Backend", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Backend:
    """A server on a port of its own."""

    behave: Behave
    port: int = 0
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def read(self, reader: asyncio.StreamReader) -> bytes | None:
        """The next request's head, once its body is read as well; None at the end."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        self.heads.append(head)
        lowered, body = head.lower(), b""
        if b"\r\ntransfer-encoding: chunked\r\n" in lowered:
            while (line := await reader.readline()) != b"0\r\n":
                body += (await reader.readexactly(int(line, 16) + 2))[:-2]
            await reader.readline()
        elif b"\r\ncontent-length: " in lowered:
            size = int(lowered.partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(size)
        self.bodies.append(body)
        return head


async def answers(
    backend: Backend, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answers every request with `OK`, on connections that stay."""
    while await backend.read(reader) is not None:
        writer.write(OK)


@asynccontextmanager
async def backend(behave: Behave = answers, port: int = 0) -> AsyncIterator[Backend]:
    """A backend that does this with each connection."""
    made = Backend(behave)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.connections += 1
        try:
            await made.behave(made, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", port)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()

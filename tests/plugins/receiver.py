"""A receiver of webhooks on this machine that is as bad as a test wants it to be."""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Got:
    """One request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes


def status(code: int, *more: str) -> Answer:
    """Answers with that status."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        head = "\r\n".join([f"HTTP/1.1 {code} Said", "content-length: 0", *more])
        writer.write(f"{head}\r\n\r\n".encode())

    return answer


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Ends the connection without an answer."""
    writer.transport.abort()


async def say_nothing(writer: asyncio.StreamWriter) -> None:
    """Keeps the connection open, and whoever waits waiting."""
    await asyncio.sleep(3600)


async def ramble(writer: asyncio.StreamWriter) -> None:
    """Answers with a head that has no end."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"x-more: " + b"m" * 8000 + b"\r\n")
        await writer.drain()
        await asyncio.sleep(0)


async def babble(writer: asyncio.StreamWriter) -> None:
    """Answers with what is no HTTP."""
    writer.write(b"220 mail.example ESMTP\r\n\r\n")


@dataclass
class Receiver:
    """What came, and what is answered: each of `answers` once, then 200."""

    url: str = ""
    got: "asyncio.Queue[Got]" = field(default_factory=asyncio.Queue)
    answers: deque[Answer] = field(default_factory=deque)
    always: Answer = field(default_factory=lambda: status(200))
    connections: int = 0

    async def next(self) -> Got:
        async with asyncio.timeout(30):
            return await self.got.get()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            line, *fields = head.strip().split("\r\n")
            headers = dict(one.split(": ", 1) for one in fields)
            body = await reader.readexactly(int(headers["content-length"]))
            self.got.put_nowait(Got(line, headers, body))
            await (self.answers.popleft() if self.answers else self.always)(writer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A receiver, for as long as the block runs."""
    receiver = Receiver()
    tasks: set[asyncio.Task[None]] = set()

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(receiver.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    scheme = "http" if tls is None else "https"
    receiver.url = f"{scheme}://127.0.0.1:{port}/hook?from=lotabots"
    try:
        yield receiver
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()

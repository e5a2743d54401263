"""A way to a server on which connections break: what clients meet when it goes away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Flaky:
    """Passes on to a server; of the next connections so many bytes, `cuts`, then it hangs up.

    What is counted is what the client sends; 0 hangs up at once. Later connections are whole, but
    for the first answer in which each of `marks` stands: behind it, too, it hangs up.
    """

    server: str
    url: str = ""
    cuts: list[int] = field(default_factory=list)
    marks: list[bytes] = field(default_factory=list)
    broken: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        left = self.cuts.pop(0) if self.cuts else None
        where = urlsplit(self.server)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            there, back = await asyncio.open_connection(where.hostname, where.port)
            answers = asyncio.create_task(self.answer(there, writer))
            try:
                while data := await reader.read(65536 if left is None else min(65536, left)):
                    back.write(data)
                    await back.drain()
                    left = None if left is None else left - len(data)
            finally:
                if left == 0:
                    self.broken += 1
                    answers.cancel()
                back.close()
                writer.close()
                await asyncio.gather(answers, return_exceptions=True)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """What the server says on one connection."""
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
            if self.marks and self.marks[0] in data:
                self.broken += 1
                del self.marks[0]
                break
        writer.close()


@asynccontextmanager
async def flaky(server: str) -> AsyncIterator[Flaky]:
    """The way, open."""
    way = Flaky(server)
    listening = await asyncio.start_server(way.serve, "127.0.0.1", 0)
    way.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with listening:
        yield way

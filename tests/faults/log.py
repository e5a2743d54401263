"""A log under test: its database, the folder it publishes to, and what everyone was told."""
# ruff: noqa: ASYNC240 - folders are made before anything else runs

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic

import asyncpg
from faults.copy_reader import Head
from faults.history import History
from plugins.database import DatabaseUrls, _copy_of_template

from lotabots.runtime.database import Database
from lotabots.runtime.migrations import migrate
from lotabots.runtime.postgres import EmbeddedPostgres

CAUGHT_UP_SECONDS = 20.0


@asynccontextmanager
async def server_in(disk: Path | None = None) -> AsyncIterator[EmbeddedPostgres]:
    """A watched, migrated server with its data on that disk, or in a temporary folder."""
    folder = Path(tempfile.mkdtemp(prefix="lotabots-faults-", dir=disk))
    folder.chmod(0o711)
    try:
        async with EmbeddedPostgres(folder, state=folder, run_directories=[folder]) as server:
            await migrate(server.owner_url)
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Log:
    """One log. `history` is what its callers and readers saw."""

    urls: DatabaseUrls
    folder: Path
    database: Database
    history: History = field(default_factory=History)

    def see(self) -> Head:
        """The published head, size 0 before the first one."""
        return self.history.see(self.folder) or Head("", 0, b"")

    async def grown(self, beyond: int, seconds: float = CAUGHT_UP_SECONDS) -> None:
        """Returns when more than `beyond` entries are published."""
        await self._until(lambda: self.see().size > beyond, seconds)

    async def caught_up(self, seconds: float = CAUGHT_UP_SECONDS) -> None:
        """Returns when every committed entry is published."""
        count = len(await self.leaves())
        await self._until(lambda: self.see().size >= count, seconds)

    async def acknowledged(self, more: int, seconds: float = CAUGHT_UP_SECONDS) -> None:
        """Returns when so many more entries than now are acknowledged."""
        wanted = len(self.history.acknowledged) + more
        await self._until(lambda: len(self.history.acknowledged) >= wanted, seconds)

    async def leaves(self) -> list[bytes]:
        """Every leaf that the database has, of whatever tenant."""
        owner = await asyncpg.connect(self.urls.owner)
        try:
            return [row["leaf"] for row in await owner.fetch("select leaf from audit.entries")]
        finally:
            await owner.close()

    async def check_database(self) -> None:
        """Every acknowledged entry is in the database once, and none that nobody appended."""
        there = await self.leaves()
        assert len(there) == len(set(there))
        assert self.history.acknowledged <= set(there) <= self.history.attempted

    async def opened_again(self) -> "Log":
        """The same log with a pool of its own, after its database was put in place anew."""
        return replace(self, database=await Database.open(self.urls.app))

    async def _until(self, holds: Callable[[], bool], seconds: float) -> None:
        deadline = monotonic() + seconds
        while not holds():
            assert monotonic() < deadline, f"still at {self.see().size} after {seconds:g} s"
            await asyncio.sleep(0.01)


@asynccontextmanager
async def open_log(server: EmbeddedPostgres, folder: Path) -> AsyncIterator[Log]:
    """A log in a fresh database of the server."""
    folder.mkdir(parents=True)
    urls = await _copy_of_template(server)
    database = await Database.open(urls.app)
    try:
        yield Log(urls, folder, database)
    finally:
        await database.close()

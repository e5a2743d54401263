"""A log under test: its database, the folder it publishes to, and what everyone was told."""
# ruff: noqa: ASYNC240 - folders are made before anything else runs

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic

import asyncpg
from faults.copy_reader import Head, entries, leaf
from faults.history import History
from plugins.database import DatabaseUrls, _copy_of_template
from plugins.process import MASTER_KEY

from lotabots.audit import Journal
from lotabots.runtime.database import Database
from lotabots.runtime.keyring import Keyring
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
    journal: Journal
    history: History = field(default_factory=History)

    @property
    def name(self) -> str:
        """That of its database."""
        return self.urls.app.rpartition("/")[2].partition("?")[0]

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
        return [row["leaf"] for row in await self.asked("select leaf from audit.entries")]

    async def placed(self) -> list[bytes]:
        """The leaves that have their places, in their order: each place once, none left out."""
        rows = await self.asked(
            "select idx, leaves.leaf, entry_id, entries.leaf as own, p.position as waiting"
            " from audit.leaves left join audit.entries on id = entry_id"
            " left join audit.pending p using (entry_id) order by idx"
        )
        assert [row["idx"] for row in rows] == list(range(len(rows)))
        assert len({row["entry_id"] for row in rows}) == len(rows)
        assert all(row["leaf"] == row["own"] and row["waiting"] is None for row in rows)
        return [row["leaf"] for row in rows]

    async def signed(self) -> int:
        """The largest size that was ever signed."""
        [row] = await self.asked("select coalesce(max(size), 0) as size from audit.checkpoints")
        return int(row["size"])

    async def asked(self, sql: str) -> list[asyncpg.Record]:
        """The rows of a query, whoever may see them."""
        owner = await asyncpg.connect(self.urls.owner)
        try:
            return await owner.fetch(sql)
        finally:
            await owner.close()

    async def check_database(self) -> None:
        """Every acknowledged entry is in the database once, and none that nobody appended."""
        there = await self.leaves()
        assert len(there) == len(set(there))
        assert self.history.acknowledged <= set(there) <= self.history.attempted

    async def check_published(self) -> Head:
        """The head: what is published holds, and is the database's leaves in their places."""
        head = self.history.check(self.folder)
        published = [leaf(entry) for entry in entries(self.folder, head.size)]
        assert published == (await self.placed())[: head.size]
        return head

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
    """A log in a fresh database of the server, which is dropped when the block ends."""
    folder.mkdir(parents=True)
    urls = await _copy_of_template(server)
    database = await Database.open(urls.app)
    log = Log(urls, folder, database, Journal(Keyring(database, MASTER_KEY)))
    try:
        yield log
    finally:
        await database.close()
        await drop(server, log.name)


async def drop(server: EmbeddedPostgres, name: str) -> None:
    """Drops a database, whoever is in it; leaves it where the server is away.

    A server that was killed syncs every file that it has before it answers: with the databases of
    a hundred tests that takes longer than any test would wait.
    """
    with suppress(asyncpg.PostgresError, OSError):
        owner = await asyncpg.connect(as_owner(server), timeout=5)
        try:
            await owner.execute(f"drop database if exists {name} with (force)", timeout=10)
        finally:
            await owner.close(timeout=5)


def as_owner(server: EmbeddedPostgres) -> str:
    """The URL of a database that is no log, from which others are made and dropped."""
    return server.owner_url.replace("/lotabots?", "/postgres?")

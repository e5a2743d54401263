"""A log's database, and its published folder where that is asked for, put back as they were."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from faults.log import Log, as_owner, drop

from lotabots.runtime.postgres import EmbeddedPostgres


@dataclass
class Backup:
    """A log as it was. Both ways every connection to its database is closed."""

    server: EmbeddedPostgres
    log: Log
    database: str
    folder: Path

    async def restore(self, *, published: bool = False) -> Log:
        """The log with its old database, and with `published` also what it had published then."""
        await self.log.database.close()
        await _copy(self.server, self.database, self.log.name)
        if published:
            shutil.rmtree(self.log.folder)
            shutil.copytree(self.folder, self.log.folder)
        return await self.log.opened_again()


@asynccontextmanager
async def backup(server: EmbeddedPostgres, log: Log) -> AsyncIterator[Backup]:
    """A backup of the log, which `backup.log` is from now on; gone when the block ends."""
    made = Backup(server, log, f"{log.name}_backup", log.folder.with_name("backup"))
    await log.database.close()
    try:
        await _copy(server, log.name, made.database)
        shutil.copytree(log.folder, made.folder)
        made.log = await log.opened_again()
        yield made
    finally:
        await made.log.database.close()
        await drop(server, made.database)


async def _copy(server: EmbeddedPostgres, source: str, target: str) -> None:
    owner = await asyncpg.connect(as_owner(server))
    try:
        await owner.execute(f"drop database if exists {target} with (force)")
        await owner.execute(f"create database {target} template {source}")
        await owner.execute(f"grant connect on database {target} to lotabots_app")
        await owner.execute(f"grant connect on database {target} to lotabots_sequencer")
    finally:
        await owner.close()

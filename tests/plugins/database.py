"""Fixtures with a real PostgreSQL: one server for the run, one migrated database for each module.

    @pytest.mark.anyio
    async def test_a_user_is_found_by_name(database: Database) -> None:
        async with database.transaction(TENANT) as tx: ...

`database` speaks as the role that serves. `database_urls` are for processes that open their own.
Tests of one module share a database: make names and tenants that are new (`uuid4`), or take
`fresh_database_urls`, which are of a database that no other test has seen.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from lotabots.runtime.database import Database
from lotabots.runtime.migrations import migrate
from lotabots.runtime.postgres import EmbeddedPostgres

# A test's data need not outlive the power supply.
UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class DatabaseUrls:
    """One database as its three roles reach it."""

    app: str
    owner: str

    @property
    def sequencer(self) -> str:
        return self.app.replace("//lotabots_app@", "//lotabots_sequencer@")


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A running server; its database `lotabots` is migrated, and is the template of all others."""
    # Not pytest's own folder: as root that one is closed to the server's user.
    folder = Path(tempfile.mkdtemp(prefix="lotabots-test-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder, options=UNSAFE, state=folder, run_directories=[folder])
    asyncio.run(_begin(server))
    try:
        yield server
    finally:
        asyncio.run(server.stop())
        shutil.rmtree(folder, ignore_errors=True)


async def _begin(server: EmbeddedPostgres) -> None:
    await server.start()
    await migrate(server.owner_url)


@pytest.fixture(scope="session")
def session_database_urls(postgres: EmbeddedPostgres) -> DatabaseUrls:
    """A migrated, empty database for what runs as long as all tests: servers in other processes."""
    return asyncio.run(_copy_of_template(postgres))


@pytest.fixture(scope="module")
def database_urls(postgres: EmbeddedPostgres) -> DatabaseUrls:
    """A migrated, empty database that the tests of this module share."""
    return asyncio.run(_copy_of_template(postgres))


@pytest.fixture
def fresh_database_urls(postgres: EmbeddedPostgres) -> DatabaseUrls:
    """A migrated, empty database for one test alone."""
    return asyncio.run(_copy_of_template(postgres))


@pytest.fixture
async def database(database_urls: DatabaseUrls) -> AsyncIterator[Database]:
    """A pool to the module's database, in the role that row-level security binds."""
    opened = await Database.open(database_urls.app)
    yield opened
    await opened.close()


async def _copy_of_template(server: EmbeddedPostgres) -> DatabaseUrls:
    name = f"test_{uuid4().hex}"
    connection = await asyncpg.connect(server.owner_url.replace("/lotabots?", "/postgres?"))
    try:
        await connection.execute(f"create database {name} template lotabots strategy file_copy")
        await connection.execute(f"revoke all on database {name} from public")
        roles = "lotabots_app, lotabots_sequencer"
        await connection.execute(f"grant connect on database {name} to {roles}")
    finally:
        await connection.close()
    return DatabaseUrls(
        server.app_url.replace("/lotabots?", f"/{name}?"),
        server.owner_url.replace("/lotabots?", f"/{name}?"),
    )

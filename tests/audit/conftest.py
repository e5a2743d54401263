"""What the tests of the log share: its database in every role, its files, and a sequencer."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from plugins.database import DatabaseUrls

from lotabots.audit import Journal, Sequencer, log_signers
from lotabots.runtime.database import Database
from lotabots.runtime.files import Files, Folder, open_files
from lotabots.runtime.process import Process


@pytest.fixture
def journal(process: Process) -> Journal:
    """The log, as the process writes to it."""
    return Journal(process.keyring)


@pytest.fixture
async def sequencer(process: Process, database_urls: DatabaseUrls) -> AsyncIterator[Sequencer]:
    """Orders the module's log and publishes it to the files of the process."""
    opened = await Database.open(database_urls.sequencer, connections=3)
    yield Sequencer(opened, process.log_files, log_signers(process.keyring, ""))
    await opened.close()


@pytest.fixture
async def app(fresh_database_urls: DatabaseUrls) -> AsyncIterator[Database]:
    """A log of the test's own, in the role that appends."""
    opened = await Database.open(fresh_database_urls.app)
    yield opened
    await opened.close()


@pytest.fixture
async def ordering(fresh_database_urls: DatabaseUrls) -> AsyncIterator[Database]:
    """The same, in the role that orders."""
    opened = await Database.open(fresh_database_urls.sequencer)
    yield opened
    await opened.close()


@pytest.fixture
async def owner(
    fresh_database_urls: DatabaseUrls,
) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """The same as a superuser whom no trigger and no policy stops."""
    connection = await asyncpg.connect(fresh_database_urls.owner)
    await connection.execute("set session_replication_role = replica")
    yield connection
    await connection.close()


@pytest.fixture(params=["folder", "objects"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    """Each kind of place that a log is published to."""
    return Folder(tmp_path / "log") if request.param == "folder" else open_files("memory:///")

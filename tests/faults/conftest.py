"""One PostgreSQL for all faults, a child of this process, and a log of its own for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from faults.log import Log, open_log, server_in

from lotabots.runtime.postgres import EmbeddedPostgres


@pytest.fixture(scope="package")
def anyio_backend() -> str:
    """One event loop for all tests of this folder: the watcher of their PostgreSQL lives in it."""
    return "asyncio"


@pytest.fixture(scope="package")
async def server() -> AsyncIterator[EmbeddedPostgres]:
    """A watched, migrated server as we ship it: it syncs what it promises."""
    async with server_in() as running:
        yield running


@pytest.fixture
async def log(server: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Log]:
    """An empty log in a database of its own, which publishes to a folder."""
    async with open_log(server, tmp_path / "log") as opened:
        yield opened

"""A PostgreSQL that is this process's child, killed without warning and brought back."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic

import asyncpg

from lotabots.runtime.postgres import EmbeddedPostgres

BACK_SECONDS = 30.0


def family(pid: int) -> Iterator[int]:
    """The process and all that descend from it (proc(5))."""
    yield pid
    with suppress(FileNotFoundError):
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in task.read_text().split():
                yield from family(int(child))


def kill(server: EmbeddedPostgres) -> int:
    """Kills the postmaster and every backend at once, as the kernel's OOM killer or a host would.

    Returns the postmaster's pid. Its parent, which is this process, must reap it.
    """
    assert server.pid is not None
    pid = server.pid
    for each in list(family(pid)):
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
    return pid


async def back(server: EmbeddedPostgres, killed: int) -> float:
    """Seconds until another server than the one killed answers."""
    began = monotonic()
    while True:
        with suppress(asyncpg.PostgresError, OSError):
            if server.pid not in (None, killed):
                connection = await asyncpg.connect(server.owner_url, timeout=5)
                await connection.close()
                return monotonic() - began
        assert monotonic() < began + BACK_SECONDS, "PostgreSQL did not come back"
        await asyncio.sleep(0.01)

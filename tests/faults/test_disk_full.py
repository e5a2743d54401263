"""A disk that fills up below the database or the published log, and gets room again."""
# ruff: noqa: ASYNC110 - a fault is waited for, and nothing else runs

import asyncio
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from faults.copies import KEYS, paths, verified
from faults.load import load
from faults.log import Log, open_log, server_in
from faults.sequencer import Sequencer, check, sequencer

from lotabots.runtime.postgres import EmbeddedPostgres
from lotabots.tlog import verify_copy

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024
Disk = Callable[[int], Path]
"""A small disk of so many MiB."""


@pytest.fixture
def disk() -> Iterator[Disk]:
    """Small disks of our own, or a loud skip."""
    with ExitStack() as stack:
        yield lambda mib: stack.enter_context(mounted(mib))


@contextmanager
def mounted(mib: int) -> Iterator[Path]:
    # Not below pytest's folder: the server's user may not pass through it.
    place = Path("/tmp") / f"lotabots-disk-{os.getpid()}"
    place.mkdir(mode=0o711)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=711", "lotabots", str(place)]
    try:
        ran = subprocess.run(mount, capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            pytest.skip(f"SKIPPED: needs root, to mount a small disk: {ran.stderr.strip()}")
        yield place
        subprocess.run(["umount", str(place)], check=True)
    finally:
        place.rmdir()


def fill(ballast: Path) -> None:
    """Takes every byte that is left."""
    with ballast.open("ab", buffering=0) as file:
        size = MIB
        while size:
            try:
                file.write(b"\0" * size)
            except OSError:
                size //= 2


async def test_a_full_disk_refuses_and_loses_nothing_and_room_heals_it(disk: Disk) -> None:
    small = disk(192)
    ballast = small / "ballast"
    async with server_in(small) as server, open_log(server, small / "log") as log:
        async with load(log, seed=1):
            await log.acknowledged(20)
            fill(ballast)
            refused = log.history.refused
            while log.history.refused < refused + 20:
                await asyncio.sleep(0.02)
            ballast.unlink()
            await log.acknowledged(20)
        await log.check_database()


async def test_a_full_disk_below_the_published_log_delays_it_and_tears_nothing(
    server: EmbeddedPostgres, disk: Disk
) -> None:
    small = disk(8)
    ballast = small / "ballast"
    async with open_log(server, small / "log") as log:
        async with load(log, seed=1), sequencer(log, both_loops=True) as running:
            await log.grown(beyond=300)
            await filled_up(ballast, running)
            size, placed = log.see().size, len(await log.placed())
            await log.acknowledged(500)
            assert len(await log.placed()) > placed  # only what is published waits
            assert log.see().size == size
            left = whole(log)
            ballast.unlink()
            await log.grown(beyond=size + 500)
        await check(log)
        now = {path: (log.folder / path).read_bytes() for path in paths(log.folder)}
        assert all(now.get(path, data) == data for path, data in left.items())


async def filled_up(ballast: Path, running: Sequencer) -> None:
    """Returns when nothing can be published any more: what it removes makes room again."""
    published = -1
    while published < (published := running.steps.count("published")):
        fill(ballast)
        await asyncio.sleep(0.2)
    await running.until_said("FILES_UNAVAILABLE")


def whole(log: Log) -> dict[str, bytes]:
    """What lies below the log's folder, which holds as it is: every file but the checkpoint."""
    assert verified(log.folder).findings == ()
    assert verify_copy(lambda path: (log.folder / path).read_bytes(), None, KEYS).findings == ()
    tiles = [path for path in paths(log.folder) if path.startswith("tile/")]
    return {path: (log.folder / path).read_bytes() for path in tiles}

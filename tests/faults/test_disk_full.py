"""A disk that fills up below the database and the published log, and gets room again."""
# ruff: noqa: ASYNC110 - a fault is waited for, and nothing else runs

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.load import load
from faults.log import open_log, server_in

pytestmark = pytest.mark.anyio

SIZE_MIB = 192
MIB = 1024 * 1024


@pytest.fixture
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small disk of our own, or a loud skip."""
    # Not below pytest's folder: the server's user may not pass through it.
    place = Path("/tmp") / f"lotabots-disk-{os.getpid()}"
    place.mkdir(mode=0o711)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m,mode=711", "lotabots", str(place)]
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
    with ballast.open("wb", buffering=0) as file:
        size = MIB
        while size:
            try:
                file.write(b"\0" * size)
            except OSError:
                size //= 2


async def test_a_full_disk_refuses_and_loses_nothing_and_room_heals_it(disk: Path) -> None:
    ballast = disk / "ballast"
    async with server_in(disk) as server, open_log(server, disk / "log") as log:
        async with load(log.database, log.history, seed=1):
            await log.acknowledged(20)
            fill(ballast)
            refused = log.history.refused
            while log.history.refused < refused + 20:
                await asyncio.sleep(0.02)
            ballast.unlink()
            await log.acknowledged(20)
        await log.check_database()

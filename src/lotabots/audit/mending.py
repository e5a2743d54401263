"""Published files made again from the database, each only where it is not what it must be."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable

from lotabots.audit import places
from lotabots.audit.published import tile_reader
from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database import Database
from lotabots.runtime.files import Files
from lotabots.tlog import WIDTH, Tile, bundle, parse_path, root_of, tiles_for

CHUNK = 4096
"""Leaves that are read at one time."""


async def mend(database: Database, files: Files, size: int, named: Iterable[str]) -> list[str]:
    """The paths of the tiles and bundles that were written, in a log of that size.

    `named` are further files, such as partial ones of earlier sizes; what is no path of a tile in
    them is passed over. The caller has seen that the database has what was signed. Raises
    `FILES_UNAVAILABLE`, `DATABASE_*`.
    """
    written: list[str] = []
    for tile in tiles_for(0, size):
        await _renew(database, files, tile, written)
    for path in dict.fromkeys(named):
        try:
            tile = parse_path(path)
        except LotaError:
            continue
        await _renew(database, files, tile, written)
    return written


async def _renew(database: Database, files: Files, tile: Tile, written: list[str]) -> None:
    data = await _made(database, tile)
    # A partial one that is gone because it became full is not made again.
    if await asyncio.to_thread(content, tile_reader(files), tile.path) != data:
        await asyncio.to_thread(files.put, [(tile.path, data)])
        written.append(tile.path)


def content(read: Callable[[str], bytes], path: str) -> bytes | None:
    """What is in a file; None where there is none. Blocks. Raises `FILES_UNAVAILABLE`."""
    try:
        return read(path)
    except LotaError as error:
        if error.kind is Kind.UNAVAILABLE:
            raise
        return None


async def _made(database: Database, tile: Tile) -> bytes:
    """What the database says is in this file."""
    first = tile.number * WIDTH
    if tile.level is None:
        async with database.transaction(None) as tx:
            return bundle(await places.entries(tx, first, first + tile.width))
    hashes = [one async for one in _row(database, tile.level, first, tile.width)]
    return b"".join(hashes)


async def _row(database: Database, level: int, first: int, count: int) -> AsyncIterator[bytes]:
    """So many hashes of a tile level, from the first on. Holds a tile of each level below."""
    if level == 0:
        for start in range(first, first + count, CHUNK):
            end = min(start + CHUNK, first + count)
            async with database.transaction(None) as tx:
                leaves = await places.leaves(tx, start, end)
            for leaf in leaves:
                yield leaf
        return
    below: list[bytes] = []
    async for one in _row(database, level - 1, first * WIDTH, count * WIDTH):
        below.append(one)
        if len(below) == WIDTH:
            yield root_of(below)
            below = []

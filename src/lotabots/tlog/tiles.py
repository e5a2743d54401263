"""Tiles: the tree and its entries as immutable files (C2SP tlog-tiles), written and read.

A tile holds 256 neighbouring hashes of one level, and each level is 256 times as high as the one
below it: level 0 are the leaf hashes. A bundle holds the entries of a tile of level 0.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from lotabots.kernel import invalid
from lotabots.tlog.tree import HASH_BYTES, MAX_SIZE, cut, paired

WIDTH = 256
HEIGHT = 8
"""Levels of the tree from the hashes of a tile to its root."""
MAX_LEVEL = 63
MAX_ENTRY = 65_535
CACHED_TILES = 256

Read = Callable[[str], bytes]
"""The content of the file at a path of the log. What it raises passes through."""

_PATH = re.compile(
    r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/){0,6})([0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII
)


class Tile(NamedTuple):
    """One file of a log. `width` hashes or entries: 256 in a full one, 1 to 255 in a partial."""

    level: int | None
    """None for a bundle of entries."""
    number: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Its path below the prefix of the log. Raises `TLOG_PATH`."""
        top = -1 if self.level is None else self.level
        if not (-1 <= top <= MAX_LEVEL and 0 <= self.number <= MAX_SIZE >> HEIGHT):
            raise _no_path()
        if not 1 <= self.width <= WIDTH:
            raise _no_path()
        groups, rest = f"{self.number % 1000:03d}", self.number // 1000
        while rest:
            groups, rest = f"x{rest % 1000:03d}/{groups}", rest // 1000
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{'entries' if self.level is None else self.level}/{groups}{partial}"


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """The path of a tile of hashes, such as `tile/0/x001/x234/067.p/8`."""
    return Tile(level, index, width).path


def entries_path(index: int, width: int = WIDTH) -> str:
    """The path of a bundle of entries, such as `tile/entries/x001/x234/067.p/8`."""
    return Tile(None, index, width).path


def parse_path(path: str) -> Tile:
    """The tile or bundle at this path, in its one spelling. Raises `TLOG_PATH`."""
    found = _PATH.fullmatch(path)
    if found is None:
        raise _no_path()
    kind, high, low, width = found.groups()
    index = int(high.replace("x", "").replace("/", "") + low)
    tile = Tile(None if kind == "entries" else int(kind), index, int(width or WIDTH))
    # Written again it must be the same: `x000/001`, `00` and `.p/256` are no spellings.
    if tile.path != path:
        raise _no_path()
    return tile


def bundle(entries: Sequence[bytes]) -> bytes:
    """The entries of a bundle, each behind its length as 2 bytes, big-endian.

    Raises `TLOG_ENTRY_LENGTH`, `TLOG_BUNDLE`.
    """
    if not 1 <= len(entries) <= WIDTH:
        raise _no_bundle()
    if any(len(entry) > MAX_ENTRY for entry in entries):
        raise invalid("TLOG_ENTRY_LENGTH", f"An entry has more than {MAX_ENTRY} bytes.")
    return b"".join([len(entry).to_bytes(2, "big") + entry for entry in entries])


def read_bundle(data: bytes) -> list[bytes]:
    """The 1 to 256 entries of a bundle. Raises `TLOG_BUNDLE`."""
    entries: list[bytes] = []
    at, end = 0, len(data)
    while at + 2 <= end and len(entries) < WIDTH:
        start = at + 2
        at = start + (data[at] << 8 | data[at + 1])
        entries.append(data[start:at])
    if at != end or not entries:
        raise _no_bundle()
    return entries


def read_tile(data: bytes, width: int) -> tuple[bytes, ...]:
    """The hashes of a tile of that width. Raises `TLOG_TILE`."""
    if len(data) != width * HASH_BYTES:
        raise invalid("TLOG_TILE", f"A tile of {width} hashes has {len(data)} bytes.")
    return cut(data)


def narrowed(tile: Tile, full: bytes) -> bytes:
    """The content of a partial tile or bundle, from that of the full one that it became.

    Raises `TLOG_BUNDLE`, `TLOG_TILE`.
    """
    if tile.level is None:
        return bundle(read_bundle(full)[: tile.width])
    return b"".join(read_tile(full, WIDTH)[: tile.width])


def tiles_for(old_size: int, new_size: int) -> Iterator[Tile]:
    """Every file that a log growing from the old to the new size needs anew, bundles first.

    With the old size 0: every file that a log of the new size consists of.
    """
    if not 0 <= old_size <= new_size <= MAX_SIZE:
        raise invalid("TLOG_SIZE", f"A log does not grow from {old_size} to {new_size}.")
    for level in (None, *range(MAX_LEVEL + 1)):
        shift = HEIGHT * (level or 0)
        old, new = old_size >> shift, new_size >> shift
        if old == new:
            return
        for index in range(old // WIDTH, (new + WIDTH - 1) // WIDTH):
            yield Tile(level, index, min(WIDTH, new - index * WIDTH))


def grow_bundles(read: Read, size: int, entries: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
    """Path and content of each bundle that is new when these entries follow a log of that size.

    `read` is asked for the partial bundle that the log of that size ends in, if it does.
    """
    first, held = divmod(size, WIDTH)
    kept = read_bundle(read(entries_path(first, held))) if held else []
    if len(kept) != held:
        raise _no_bundle()
    row = [*kept, *entries]
    for at in range(0, len(row) if entries else 0, WIDTH):
        part = row[at : at + WIDTH]
        yield entries_path(first + at // WIDTH, len(part)), bundle(part)


def grow_tiles(read: Read, size: int, leaf_hashes: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
    """Path and content of each tile that is new when these leaves follow a log of that size.

    `read` is asked for the partial tiles at the right edge of the tree of that size.
    """
    new: Sequence[bytes] = leaf_hashes
    for level in range(MAX_LEVEL + 1):
        if not new:
            return
        first, held = divmod(size >> HEIGHT * level, WIDTH)
        kept = read_tile(read(tile_path(level, first, held)), held) if held else ()
        row = [*kept, *new]
        above: list[bytes] = []
        for at in range(0, len(row), WIDTH):
            part = row[at : at + WIDTH]
            yield tile_path(level, first + at // WIDTH, len(part)), b"".join(part)
            if len(part) == WIDTH:
                above.append(rows_of(part)[-1][0])
        new = above


def rows_of(hashes: Sequence[bytes]) -> list[Sequence[bytes]]:
    """The nodes over the hashes of a tile, row by row: the hashes first, complete subtrees only."""
    rows = [hashes]
    while len(rows[-1]) > 1:
        rows.append(paired(rows[-1]))
    return rows


class HashReader:
    """The `get(level, index)` of proofs, over the tiles of a log of one size.

    Tiles are kept, the least recently used of them go. Nothing read is believed: what is made of it
    is held against a signed root. Raises `TLOG_SIZE` outside of the tree, `TLOG_TILE`.
    """

    def __init__(self, read: Read, size: int, cached_tiles: int = CACHED_TILES) -> None:
        self._read = read
        self._size = size
        self._most = cached_tiles
        self._rows: OrderedDict[Tile, list[Sequence[bytes]]] = OrderedDict()

    @property
    def size(self) -> int:
        """The size of the log."""
        return self._size

    def at(self, size: int) -> "HashReader":
        """A reader of the same log at another size; both keep the tiles that either has read."""
        other = HashReader(self._read, size, self._most)
        other._rows = self._rows
        return other

    def __call__(self, level: int, index: int) -> bytes:
        """The root of the complete subtree over leaves `index * 2**level` and following."""
        if level < 0 or index < 0 or index + 1 << level > self._size:
            raise invalid("TLOG_SIZE", "That subtree is not complete in the tree.")
        tile_level, row = divmod(level, HEIGHT)
        number = index >> HEIGHT - row
        width = min(WIDTH, (self._size >> HEIGHT * tile_level) - number * WIDTH)
        tile = Tile(tile_level, number, width)
        rows = self._rows.pop(tile, None)  # and back in, as the newest: safe with several threads
        if rows is None:
            rows = rows_of(read_tile(self._read(tile.path), width))
        self._rows[tile] = rows
        if len(self._rows) > self._most:
            self._rows.popitem(last=False)
        return rows[row][index - (number << HEIGHT - row)]


def _no_path() -> Exception:
    return invalid("TLOG_PATH", "This is not the path of a tile or bundle of a log.")


def _no_bundle() -> Exception:
    return invalid("TLOG_BUNDLE", "This is not a bundle of 1 to 256 entries.")

"""The tiles of a copy, each vouched for from above: by its parent tile, and at the top by the root.

A tile that its parent does not vouch for is made again from what is below it. So the finding names
the file that was altered, and not the ones that came to disagree with it.
"""

from collections.abc import Callable, Mapping
from itertools import product
from typing import NamedTuple, TypeVar

from lotabots.kernel import Kind, LotaError
from lotabots.tlog.findings import Findings
from lotabots.tlog.heads import Checkpoint
from lotabots.tlog.tiles import HEIGHT, WIDTH, Read, Tile, read_bundle, read_tile, rows_of
from lotabots.tlog.tree import CompactRange, leaf_hash

Hashes = tuple[bytes, ...]
T = TypeVar("T")


class Known(NamedTuple):
    """The hashes of a full tile, and the root over them."""

    hashes: Hashes
    root: bytes


class StoredTree:
    """The tiles and bundles of a copy under one checkpoint that is believed."""

    def __init__(self, read: Read, checkpoint: Checkpoint, findings: Findings) -> None:
        self._read = read
        self._size = checkpoint.size
        self._root = checkpoint.root
        self._findings = findings
        self._newest: dict[int, tuple[int, Known | None]] = {}
        self._edges = self._right_edge()

    def width(self, level: int, number: int) -> int:
        """How many hashes this tile has in the signed tree; below 1 for none."""
        return min(WIDTH, (self._size >> HEIGHT * level) - number * WIDTH)

    def file(self, tile: Tile) -> bytes | None:
        """The content of a file; None, and a finding, where it is missing."""
        data = content(self._read, tile.path)
        if data is None:
            self._findings.finding("TLOG_FILE_MISSING", tile.path, "The file is not there.")
        return data

    def entries(self, tile: Tile) -> list[bytes] | None:
        """The entries of a bundle; None, and a finding, where it cannot be read."""
        data = self.file(tile)
        entries = _parsed(read_bundle, data)
        if data is not None and (entries is None or len(entries) != tile.width):
            detail = f"It cannot be cut into {tile.width} entries."
            self._findings.finding("TLOG_BUNDLE", tile.path, detail)
            return None
        return entries

    def hashes(self, level: int, number: int) -> Hashes | None:
        """The hashes of a tile as the signed root has them; None where nothing tells.

        Findings for a tile that is missing or altered come with the first call. Tiles of one level
        are asked for in rising order.
        """
        if self.width(level, number) < WIDTH:
            return self._edges.get(level)
        known = self.full(level, number)
        return None if known is None else known.hashes

    def full(self, level: int, number: int) -> Known | None:
        """The same of a full tile, with the root over it."""
        newest = self._newest.get(level)
        if newest is None or newest[0] != number:
            newest = number, self._vouched(level, number)
            self._newest[level] = newest
        return newest[1]

    def _vouched(self, level: int, number: int) -> Known | None:
        stored = _known(self._tile(level, number))
        parent = self.hashes(level + 1, number // WIDTH)
        expected = None if parent is None else parent[number % WIDTH]
        if stored is not None and expected in {None, stored.root}:
            return stored
        made = _known(self._from_below(level, number))
        if stored is not None:
            self._altered(level, number)
        return made if made is not None and expected in {None, made.root} else stored or made

    def _right_edge(self) -> Mapping[int, Hashes | None]:
        """The partial tiles, one of a level: no parent has them, the root is over all of them."""
        levels = [level for level in range(HEIGHT) if (self._size >> HEIGHT * level) % WIDTH]
        places = {level: (self._size >> HEIGHT * level) // WIDTH for level in levels}
        stored = {level: self._tile(level, places[level]) for level in levels}
        if self._leads_to_root(stored):
            return stored
        made = {level: self._from_below(level, places[level]) for level in levels}
        choices = [
            [one[level] for one in (stored, made) if one[level] is not None] for level in levels
        ]
        for choice in product(*choices):
            edges: dict[int, Hashes | None] = dict(zip(levels, choice, strict=True))
            if self._leads_to_root(edges):
                for level in levels:
                    if stored[level] is not None and stored[level] != edges[level]:
                        self._altered(level, places[level])
                return edges
        for level in levels:
            if stored[level] is not None and made[level] != stored[level]:
                self._altered(level, places[level])
        return {level: stored[level] or made[level] for level in levels}

    def _leads_to_root(self, edges: Mapping[int, Hashes | None]) -> bool:
        peaks: tuple[bytes, ...] = ()
        for level in sorted(edges, reverse=True):
            hashes = edges[level]
            if hashes is None:
                return False
            peaks += CompactRange.EMPTY.extend(hashes).hashes
        return CompactRange(self._size, peaks).root() == self._root

    def _from_below(self, level: int, number: int) -> Hashes | None:
        """The hashes of a tile from the files below it; None where one of those cannot be read."""
        width = self.width(level, number)
        if level == 0:
            data = content(self._read, Tile(None, number, width).path)
            entries = _parsed(read_bundle, data)
            full = entries is not None and len(entries) == width
            return tuple(map(leaf_hash, entries or ())) if full else None
        made = []
        for child in range(number * WIDTH, number * WIDTH + width):
            data = content(self._read, Tile(level - 1, child).path)
            if data is None or len(data) != WIDTH * len(self._root):
                return None
            made.append(_root(read_tile(data, WIDTH)))
        return tuple(made)

    def _tile(self, level: int, number: int) -> Hashes | None:
        tile = Tile(level, number, self.width(level, number))
        data = self.file(tile)
        hashes = _parsed(lambda given: read_tile(given, tile.width), data)
        if data is not None and hashes is None:
            self._findings.finding("TLOG_TILE", tile.path, f"It has not {tile.width} hashes.")
        return hashes

    def _altered(self, level: int, number: int) -> None:
        path = Tile(level, number, self.width(level, number)).path
        self._findings.finding("TLOG_TILE_ALTERED", path, "Its hashes are not those of the tree.")


def content(read: Read, path: str) -> bytes | None:
    """What is at the path; None where nothing is. A source that is down is no missing file."""
    try:
        return read(path)
    except LotaError as error:
        if error.kind is Kind.UNAVAILABLE:
            raise
        return None
    except (KeyError, FileNotFoundError):
        return None


def _parsed(parse: Callable[[bytes], T], data: bytes | None) -> T | None:
    try:
        return None if data is None else parse(data)
    except LotaError:
        return None


def _known(hashes: Hashes | None) -> Known | None:
    return None if hashes is None else Known(hashes, _root(hashes))


def _root(hashes: Hashes) -> bytes:
    return rows_of(hashes)[-1][0]

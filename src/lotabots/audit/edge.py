"""The right edge of the published log: the partial files that what is new is built upon."""

from collections.abc import Iterator, Sequence

from lotabots.audit.published import Published, tile_reader, tree_of
from lotabots.kernel import Kind, LotaError
from lotabots.runtime.files import Files
from lotabots.tlog import (
    WIDTH,
    entries_path,
    grow_bundles,
    grow_tiles,
    leaf_hash,
    read_bundle,
    tile_path,
)


class Edge:
    """The partial tiles and the partial bundle that the published log ends in, as they were signed.

    Each is read once, held against the signed root, and what grows from it is made from those very
    bytes: a damaged file is found, and never built upon.
    """

    def __init__(self, files: Files, published: Published) -> None:
        """Blocks. Raises `AUDIT_ALTERED`, `FILES_UNAVAILABLE`."""
        self._read_file = tile_reader(files)
        self._partial: dict[str, bytes] = {}
        try:
            self.tree = tree_of(self._read, published)
            number, width = divmod(published.size, WIDTH)
            if width:
                entries = read_bundle(self._read(entries_path(number, width)))
                leaves = self._read(tile_path(0, number, width))
                if b"".join(map(leaf_hash, entries)) != leaves:
                    raise _altered(f"{entries_path(number, width)} does not hold what was signed.")
        except LotaError as error:
            if error.kind is Kind.UNAVAILABLE or error.code == "AUDIT_ALTERED":
                raise
            raise _altered(f"A file at the end of the log is no file of it: {error}") from error

    def grow(
        self, entries: Sequence[bytes], leaves: Sequence[bytes]
    ) -> Iterator[tuple[str, bytes]]:
        """Path and content of each file that is new with these entries; the edge moves on."""
        for path, data in (
            *grow_bundles(self._partial.__getitem__, self.tree.size, entries),
            *grow_tiles(self._partial.__getitem__, self.tree.size, leaves),
        ):
            if ".p/" in path:
                self._partial[path] = data
            yield path, data
        self.tree = self.tree.extend(leaves)

    def _read(self, path: str) -> bytes:
        if path not in self._partial:
            self._partial[path] = self._read_file(path)
        return self._partial[path]


def _altered(detail: str) -> LotaError:
    return LotaError(Kind.CONFLICT, "AUDIT_ALTERED", detail)

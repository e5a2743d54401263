"""A published log read from a folder by code of its own: none of it is shared with what it checks.

Formats: C2SP tlog-tiles (paths, entry bundles), C2SP tlog-checkpoint, RFC 6962 section 2.1 (tree).
"""

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

WIDTH = 256


@dataclass(frozen=True)
class Head:
    """The first three lines of a checkpoint."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def of(cls, note: str) -> "Head":
        origin, size, root, empty, *_ = note.split("\n")
        assert empty == ""
        return cls(origin, int(size), base64.b64decode(root, validate=True))


def bundle_path(number: int, width: int = WIDTH) -> str:
    """Where a bundle of `width` entries lies."""
    groups = [f"{number % 1000:03d}"]
    while number := number // 1000:
        groups.insert(0, f"x{number % 1000:03d}")
    suffix = "" if width == WIDTH else f".p/{width}"
    return f"tile/entries/{'/'.join(groups)}{suffix}"


def entries(folder: Path, size: int) -> list[bytes]:
    """The entries of the log of that size, which must all be there."""
    found: list[bytes] = []
    for number in range((size + WIDTH - 1) // WIDTH):
        width = min(WIDTH, size - number * WIDTH)
        bundle = (folder / bundle_path(number, width)).read_bytes()
        held = []
        while bundle:
            length = int.from_bytes(bundle[:2], "big")
            assert len(bundle) >= 2 + length, f"bundle {number} is cut"
            held.append(bundle[2 : 2 + length])
            bundle = bundle[2 + length :]
        assert len(held) == width, f"bundle {number} holds {len(held)} of {width} entries"
        found += held
    return found


def leaf(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


class Roots:
    """The root of a growing list of leaves, at each size asked for in rising order."""

    def __init__(self, leaves: list[bytes]) -> None:
        self._leaves = leaves
        self._size = 0
        self._peaks: list[tuple[int, bytes]] = []  # subtree sizes, powers of two, falling

    def at(self, size: int) -> bytes:
        for hashed in self._leaves[self._size : size]:
            width = 1
            while self._peaks and self._peaks[-1][0] == width:
                hashed = _node(self._peaks.pop()[1], hashed)  # noqa: PLW2901
                width *= 2
            self._peaks.append((width, hashed))
        self._size = size
        if not self._peaks:
            return hashlib.sha256().digest()
        *left, (_, root) = self._peaks
        for _, peak in reversed(left):
            root = _node(peak, root)
        return root


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()

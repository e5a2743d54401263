"""One pass over the bytes of a file, through buffers that stay in the cache of a core."""

from collections.abc import Callable, Generator
from contextlib import closing
from queue import SimpleQueue
from threading import Event, Thread
from typing import Protocol

from lotabots.kernel import Kind, LotaError
from lotabots.models.read.ranges import Ranges
from lotabots.models.types import Content

NEAR = 256 * 1024
"""Bytes of the buffer of a thread that reads and hashes: half of them fit the L2 of any core."""
FAR = 2 * 1024 * 1024
"""Bytes of each buffer that one thread fills and another one hashes."""
WIDE = 4 * 1024 * 1024
"""The same where the hasher itself spreads a buffer over threads."""
DEPTH = 3
"""Buffers between the two: one is read into, one is hashed, one waits."""


class Hasher(Protocol):
    """A digest that is being taken."""

    def update(self, data: memoryview, /) -> object:
        """Takes the next bytes."""

    def digest(self) -> bytes:
        """The digest of all bytes taken."""


class Source(Protocol):
    """Bytes that are read into a buffer. Implemented by an open file, and by any other content."""

    @property
    def size(self) -> int:
        """Bytes in all."""

    def fill(self, view: memoryview, offset: int) -> int:
        """How many bytes from `offset` on were put into the buffer, at least one."""

    def settle(self) -> None:
        """Returns if what was read is the file that was listed; raises `MODEL_READ_CHANGED`."""

    def announce(self) -> None:
        """Told that everything will be read in order."""


def one_pass(
    source: Source,
    hasher: Hasher,
    ranges: Ranges,
    *,
    ahead: bool,
    wide: bool,
    tell: Callable[[int], None],
    stop: Event,
) -> None:
    """Gives every byte to the hasher and to the ranges. Raises `MODEL_READ_*`.

    `ahead`: a second thread reads the next buffer meanwhile; for one large file, whose hash no
    second core can help with otherwise. `wide`: buffers that are worth spreading over threads.
    """
    source.announce()
    pieces = _ahead(source, WIDE if wide else FAR) if ahead else _near(source)
    offset = told = 0
    with closing(pieces):
        for piece in pieces:
            hasher.update(piece)
            ranges.update(offset, piece)
            offset += len(piece)
            if offset - told >= WIDE:
                tell(offset - told)
                told = offset
                if stop.is_set():
                    raise LotaError(Kind.UNAVAILABLE, "MODEL_READ_FAILED", "It was interrupted.")
    tell(offset - told)
    source.settle()


def _near(source: Source) -> Generator[memoryview, None, None]:
    """The bytes in order; each piece is valid until the next is asked for."""
    view = memoryview(bytearray(min(NEAR, source.size)))
    offset = 0
    while offset < source.size:
        count = source.fill(view[: source.size - offset], offset)
        yield view[:count]
        offset += count


def _ahead(source: Source, size: int) -> Generator[memoryview, None, None]:
    """The same, read by another thread while the piece before is worked on."""
    free: SimpleQueue[memoryview | None] = SimpleQueue()
    full: SimpleQueue[memoryview | BaseException | None] = SimpleQueue()

    def fill() -> None:
        offset = 0
        try:
            while offset < source.size:
                view = free.get()
                if view is None:
                    return
                count = source.fill(view[: source.size - offset], offset)
                full.put(view[:count])
                offset += count
            full.put(None)
        except BaseException as error:  # noqa: BLE001 - it is raised where the bytes are used
            full.put(error)

    for _ in range(DEPTH):
        free.put(memoryview(bytearray(min(size, source.size))))
    reader = Thread(target=fill, name="read-ahead", daemon=True)
    reader.start()
    try:
        while True:
            piece = full.get()
            if isinstance(piece, BaseException):
                raise piece
            if piece is None:
                return
            yield piece
            free.put(memoryview(piece.obj))
    finally:
        free.put(None)
        reader.join()


class Plain:
    """A content as a source: what is in memory does not change."""

    def __init__(self, content: Content) -> None:
        self._content = content

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self._content.size

    def fill(self, view: memoryview, offset: int) -> int:
        """How many bytes were put into the buffer."""
        count = min(len(view), self.size - offset)
        view[:count] = self._content.read(offset, count)
        return count

    def settle(self) -> None:
        """Nothing to find out."""

    def announce(self) -> None:
        """Nothing to prepare."""


def source_of(content: Content) -> Source:
    """The content as a source of bytes."""
    return Plain(content)

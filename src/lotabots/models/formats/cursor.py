"""A file read from front to back through one window, and a part of a file as a content."""

from lotabots.models.memory import out_of_range
from lotabots.models.types import Content

WINDOW = 1 << 20
"""Bytes that are read ahead."""


class Cut(Exception):
    """The file ends before what was asked for."""


class Cursor:
    """A place in a content that moves forward only."""

    __slots__ = ("_at", "_base", "_content", "_window", "size")

    def __init__(self, content: Content, begin: int = 0) -> None:
        self._content = content
        self.size = content.size
        self._base = begin
        self._window = b""
        self._at = 0

    @property
    def position(self) -> int:
        """Offset of the next byte in the content."""
        return self._base + self._at

    @property
    def left(self) -> int:
        """Bytes behind this place."""
        return self.size - self.position

    def take(self, length: int) -> bytes:
        """The next `length` bytes. Raises `Cut` if they are not all there."""
        end = self._at + length
        if end > len(self._window):
            self._fill(length)
            end = length
        found = self._window[self._at : end]
        self._at = end
        return found

    def skip(self, length: int) -> None:
        """Passes over bytes without reading them. Raises `Cut` if they are not all there."""
        if length > self.left:
            raise Cut
        self._at += length
        if self._at > len(self._window):
            self._base, self._at, self._window = self.position, 0, b""

    def line(self, most: int) -> bytes | None:
        """The bytes up to the next line feed, which is passed over; None if more than `most`.

        Raises `Cut` if the content ends before one.
        """
        room = min(most + 1, self.left)
        end = self._window.find(b"\n", self._at, self._at + room)
        if end < 0 and self._at + room > len(self._window):
            self._fill(room)
            end = self._window.find(b"\n", 0, room)
        if end < 0:
            if room <= most:
                raise Cut
            return None
        found = self._window[self._at : end]
        self._at = end + 1
        return found

    def _fill(self, length: int) -> None:
        if length > self.left:
            raise Cut
        self._base, self._at = self.position, 0
        self._window = self._content.read(self._base, min(max(WINDOW, length), self.left))


class Section:
    """A part of a content, read as if it were all."""

    __slots__ = ("_begin", "_content", "_size")

    def __init__(self, content: Content, begin: int, size: int) -> None:
        self._content = content
        self._begin = begin
        self._size = size

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self._size

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes. Raises `MODEL_READ_RANGE`."""
        if offset < 0 or length < 0 or offset + length > self._size:
            raise out_of_range(offset, length, self._size)
        return self._content.read(self._begin + offset, length)

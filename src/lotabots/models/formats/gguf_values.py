"""The keys and values of a GGUF header, read in order; long lists are stepped over, not built.

Source: `docs/gguf.md` of ggml-org/ggml, gguf_kv and gguf_metadata_value_type.
"""

import hashlib
import re
import struct
from typing import Literal

import msgspec

from lotabots.kernel import Json
from lotabots.models.formats.faults import Faults
from lotabots.models.types import Content

MAX_HEADER = 128 * 1024 * 1024
"""Bytes of keys, values and tensor descriptions: ten times what a vocabulary of 256k tokens has."""
MAX_TEXT = 1024 * 1024
"""Bytes of one text that is read: a chat template."""
MAX_TEXTS = 4 * MAX_TEXT
"""Bytes of all texts that are read."""
MAX_KEY = 65535  # docs/gguf.md: "It can be at most 2^16-1 bytes long"
CHUNK = 64 * 1024
EXACT = 2**53 - 1
"""The largest integer that a fact states (RFC 7493)."""

Order = Literal["<", ">"]

STRING, ARRAY, BOOL = 8, 9, 7
SCALARS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "B",
    10: "Q",
    11: "q",
    12: "d",
}
"""Struct codes of the value types that have one size."""

CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Cursor:
    """The header's bytes, fetched as they are needed, and the place that was read up to."""

    __slots__ = ("_buffer", "_content", "_u32", "_u64", "faults", "order", "place", "size")

    def __init__(self, content: Content, faults: Faults, order: Order, place: int) -> None:
        self._content = content
        self._buffer = bytearray()
        self.size = content.size
        self.faults = faults
        self.order: Order = order
        self.place = place
        self._u32 = struct.Struct(f"{order}I")
        self._u64 = struct.Struct(f"{order}Q")

    def _fetch(self, end: int) -> None:
        """Has the bytes before `end` in the buffer, which at least doubles: linear in all."""
        if end > self.size:
            self.faults.refuse("GGUF-CUT", offset=self.place, expected=end, measured=self.size)
        if end > MAX_HEADER:
            self.faults.refuse("GGUF-HEADER-LARGE", offset=self.place, expected=MAX_HEADER)
        have = len(self._buffer)
        wanted = min(max(end, 2 * have, CHUNK), self.size, MAX_HEADER)
        self._buffer += self._content.read(have, wanted - have)

    def skip(self, length: int) -> int:
        """The place of so many bytes, which are there."""
        begin, end = self.place, self.place + length
        if end > len(self._buffer):
            self._fetch(end)
        self.place = end
        return begin

    def u32(self) -> int:
        """The next four bytes."""
        value: int = self._u32.unpack_from(self._buffer, self.skip(4))[0]
        return value

    def u64(self) -> int:
        """The next eight bytes."""
        value: int = self._u64.unpack_from(self._buffer, self.skip(8))[0]
        return value

    def scalar(self, kind: int) -> int | float:
        """The next value of this type."""
        code = struct.Struct(self.order + SCALARS[kind])
        value: int | float = code.unpack_from(self._buffer, self.skip(code.size))[0]
        return value

    def text(self, most: int, code: str) -> str:
        """The next text, of at most so many bytes and in UTF-8; else it is refused by this code."""
        length = self.length(1)
        if length > most:
            self.faults.refuse(code, offset=self.place, expected=most, measured=length)
        begin = self.skip(length)
        try:
            return self._buffer[begin : begin + length].decode()
        except UnicodeDecodeError:
            self.faults.refuse("GGUF-TEXT", offset=begin, measured=length)

    def length(self, unit: int) -> int:
        """The next count, of things that have at least `unit` bytes each: the file has as many."""
        value = self.u64()
        if value > (self.size - self.place) // unit:
            self.faults.refuse(
                "GGUF-LENGTH",
                offset=self.place - 8,
                expected=(self.size - self.place) // unit,
                measured=value,
            )
        return value

    def skip_texts(self, count: int) -> None:
        """Steps over so many texts; 100 ns each, for a vocabulary has 256k of them."""
        buffer, unpack, place, size = self._buffer, self._u64.unpack_from, self.place, self.size
        for _ in range(count):
            if place + 8 > len(buffer):
                self.place = place
                self._fetch(place + 8)
            (length,) = unpack(buffer, place)
            if length > size - place - 8:
                most = size - place - 8
                self.faults.refuse("GGUF-LENGTH", offset=place, expected=most, measured=length)
            place += 8 + length
        self.place = place
        self.skip(0)

    def digest(self, begin: int) -> bytes:
        """The SHA-256 of what was read since that place."""
        return hashlib.sha256(memoryview(self._buffer)[begin : self.place]).digest()


class Values(msgspec.Struct):
    """What stands under the keys of one header."""

    scalars: dict[str, Json] = {}
    """By key. A number that JSON cannot hold exactly is left out."""
    counts: dict[str, int] = {}
    """How long each list is."""
    lists: dict[str, list[Json]] = {}
    """Short lists of texts under `general.`."""
    digests: dict[str, bytes] = {}
    """SHA-256 of key, type and value under `tokenizer.ggml.`, as they stand in the file."""

    keys: set[str] = set()
    """Every key."""
    texts: int = 0
    """Bytes of all texts so far."""


def read_values(cursor: Cursor, count: int) -> Values:
    """So many keys with their values."""
    values = Values()
    keys = values.keys
    for _ in range(count):
        begin = cursor.place
        key = cursor.text(MAX_KEY, "GGUF-KEY")
        if not key or CONTROL.search(key):
            cursor.faults.refuse("GGUF-KEY", offset=begin, measured=repr(key[:80]))
        if key in keys:
            cursor.faults.refuse("GGUF-KEY-DUPLICATE", offset=begin, measured=key)
        keys.add(key)
        _read_value(cursor, key, values)
        if key.startswith("tokenizer.ggml."):
            values.digests[key] = cursor.digest(begin)
    return values


def _read_value(cursor: Cursor, key: str, values: Values) -> None:
    kind = cursor.u32()
    if kind == ARRAY:
        _read_list(cursor, key, values)
    elif kind == STRING:
        begin = cursor.place
        values.scalars[key] = cursor.text(MAX_TEXT, "GGUF-TEXT-LARGE")
        values.texts += cursor.place - begin
        if values.texts > MAX_TEXTS:
            cursor.faults.refuse("GGUF-TEXT-LARGE", offset=begin, expected=MAX_TEXTS, measured=key)
    elif kind in SCALARS:
        value = cursor.scalar(kind)
        if kind == BOOL and value > 1:
            cursor.faults.refuse("GGUF-BOOL", offset=cursor.place - 1, measured=value)
        if -EXACT <= value <= EXACT:  # false for NaN
            values.scalars[key] = bool(value) if kind == BOOL else value
    else:
        cursor.faults.refuse("GGUF-VALUE-TYPE", offset=cursor.place - 4, measured=kind)


def _read_list(cursor: Cursor, key: str, values: Values) -> None:
    kind = cursor.u32()
    if kind == ARRAY:
        cursor.faults.refuse("GGUF-ARRAY-NESTED", offset=cursor.place - 4, measured=key)
    if kind == STRING:
        count = cursor.length(8)
        if key.startswith("general.") and count <= 64:
            texts = [cursor.text(MAX_TEXT, "GGUF-TEXT-LARGE") for _ in range(count)]
            values.lists[key] = [text[:200] for text in texts]
        else:
            cursor.skip_texts(count)
    elif kind in SCALARS:
        size = struct.calcsize("=" + SCALARS[kind])
        count = cursor.length(size)
        cursor.skip(count * size)
    else:
        cursor.faults.refuse("GGUF-VALUE-TYPE", offset=cursor.place - 4, measured=kind)
    values.counts[key] = count

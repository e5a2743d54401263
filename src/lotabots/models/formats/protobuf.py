"""The fields of a protobuf message by their place in a file, payloads unread however long.

Source: protobuf.dev, "Encoding". Stricter than the usual parsers, which pass over what they do not
expect: a known field has the wire type of its schema, one that does not repeat stands once (parsers
merge a message that stands twice), and there are no groups.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from lotabots.models.formats.faults import Faults
from lotabots.models.types import Content

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types; 3 and 4 are groups, given up long ago."""

MAX_FIELDS = 2_000_000
"""Fields of one file that are looked at: about three seconds."""
MAX_TEXT = 4096
MAX_TEXTS = 64 * 1024 * 1024
"""Bytes of all texts that are read."""
CHUNK = 16 * 1024


class Slot(NamedTuple):
    """What a schema says about one field."""

    name: str
    wires: tuple[int, ...]
    repeated: bool


Schema = Mapping[int, Slot]


def one(name: str, wire: int = BYTES) -> Slot:
    """A field that stands once at most."""
    return Slot(name, (wire,), repeated=False)


def many(name: str, wire: int = BYTES) -> Slot:
    """A field that may stand again; numbers also packed into one payload."""
    return Slot(name, (wire,) if wire == BYTES else (wire, BYTES), repeated=True)


class Field(NamedTuple):
    """One field that the schema knows."""

    name: str
    wire: int
    value: int
    """Of a number that is not packed; the bits of it, if it is of a fixed size."""
    begin: int
    """Where its payload is in the file; the encoded number itself, if it is one."""
    end: int


class Messages:
    """Messages of one file, read field by field within bounds that all of them share."""

    __slots__ = ("_base", "_content", "_fields", "_texts", "_window", "faults", "unknown")

    def __init__(self, content: Content, faults: Faults) -> None:
        self._content = content
        self._window = b""
        self._base = 0
        self._fields = 0
        self._texts = 0
        self.faults = faults
        self.unknown = 0
        """Fields that no schema knew."""

    def read(self, schema: Schema, begin: int, end: int) -> Iterator[Field]:
        """The known fields of the message between these places, in order."""
        seen: set[int] = set()
        place = begin
        while place < end:
            self._fields += 1
            if self._fields > MAX_FIELDS:
                self.faults.refuse("ONNX-TOO-MANY", offset=place, expected=MAX_FIELDS)
            at = place
            tag, place = self.varint(place, end, 5)
            wire, number = tag & 7, tag >> 3
            payload, value = place, 0
            if wire == VARINT:
                value, place = self.varint(place, end)
            elif wire == BYTES:
                length, payload = self.varint(place, end)
                place = payload + length
            elif wire in {FIXED32, FIXED64}:
                place += 4 if wire == FIXED32 else 8
            else:
                self.faults.refuse("ONNX-PROTOBUF", offset=at, measured=f"wire type {wire}")
            if place > end or number == 0:
                self.faults.refuse("ONNX-PROTOBUF", offset=at, expected=end, measured=place)
            slot = schema.get(number)
            if slot is None:
                self.unknown += 1
                continue
            if wire not in slot.wires:
                measured = f"{slot.name} of wire type {wire}"
                self.faults.refuse("ONNX-PROTOBUF", offset=at, measured=measured)
            if not slot.repeated:
                if number in seen:
                    self.faults.refuse("ONNX-FIELD-DUPLICATE", offset=at, measured=slot.name)
                seen.add(number)
            yield Field(slot.name, wire, value, payload, place)

    def varint(self, place: int, end: int, most: int = 10) -> tuple[int, int]:
        """The number that begins here, of at most so many bytes, and the place behind it."""
        index = place - self._base
        if index < 0 or index + 10 > len(self._window):
            self._load(place)
            index = 0
        value = shift = 0
        for byte in self._window[index : index + min(most, end - place)]:
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        else:
            self.faults.refuse("ONNX-PROTOBUF", offset=place, measured="a number without an end")
        if value >> 64:
            self.faults.refuse("ONNX-PROTOBUF", offset=place, measured="a number of 65 bits")
        return value, place + shift // 7

    def _load(self, place: int) -> None:
        self._base = place
        self._window = self._content.read(place, min(CHUNK, self._content.size - place))

    def text(self, field: Field) -> str:
        """The payload as UTF-8."""
        length = field.end - field.begin
        self._texts += length
        if length > MAX_TEXT or self._texts > MAX_TEXTS:
            self.faults.refuse(
                "ONNX-TEXT-LARGE", offset=field.begin, expected=MAX_TEXT, measured=length
            )
        index = field.begin - self._base
        if index >= 0 and index + length <= len(self._window):
            data = self._window[index : index + length]
        else:
            data = self._content.read(field.begin, length)
        try:
            return data.decode()
        except UnicodeDecodeError:
            self.faults.refuse("ONNX-TEXT", offset=field.begin, measured=field.name)

    def numbers(self, field: Field, most: int) -> list[int]:
        """The varints of a repeated field, packed or not: at most so many."""
        if field.wire == VARINT:
            return [field.value]
        found: list[int] = []
        place = field.begin
        while place < field.end:
            if len(found) == most:
                self.faults.refuse("ONNX-DIMENSIONS", offset=field.begin, expected=most)
            value, place = self.varint(place, field.end)
            found.append(value)
        return found

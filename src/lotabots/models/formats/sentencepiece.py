"""Vocabularies of SentencePiece (tokenizer.model): every byte belongs to a field that is known.

Source: src/sentencepiece_model.proto of google/sentencepiece 0.2, `ModelProto`: 1 pieces (1 text,
2 score, 3 kind), 2 trainer, 3 normaliser, 4 self test, 5 denormaliser; encoded as protobuf.dev,
"Encoding" says. The settings of trainer and normaliser are walked and not judged: they are data.
"""

from collections.abc import Iterator
from typing import NamedTuple

from lotabots.kernel import Json, canonical, sha256_hex
from lotabots.models.formats.faults import Faults, Stop
from lotabots.models.types import Content, Parsed

MAX_BYTES = 32 * 1024 * 1024
MAX_PIECES = 1_000_000
MAX_PIECE = 1024
"""Bytes of one token."""
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_KNOWN = {1: "piece", 2: "trainer", 3: "normaliser", 4: "self test", 5: "denormaliser"}


class _Field(NamedTuple):
    number: int
    wire: int
    begin: int
    end: int


def sniff(head: bytes) -> bool:
    """Whether a file begins with a piece that begins with its text."""
    return len(head) > 4 and head[0] == 0x0A and 2 < head[1] < 0x80 and head[2] == 0x0A


def parse(path: str, content: Content) -> Parsed:
    """The facts `vocabulary` and `vocabulary_digest`: how many tokens, and RFC 8785 of all."""
    faults = Faults(path)
    facts: dict[str, Json] = {}
    try:
        if content.size > MAX_BYTES:
            faults.refuse("TOKENIZER-LARGE", expected=MAX_BYTES, measured=content.size)
        pieces = _pieces(content.read(0, content.size), faults)
        facts["vocabulary"] = len(pieces)
        facts["vocabulary_digest"] = "sha256:" + sha256_hex(canonical(pieces))
    except Stop:
        pass
    return Parsed(format="sentencepiece", facts=facts, findings=faults.listed)


def _pieces(data: bytes, faults: Faults) -> dict[str, int]:
    """Each token with its id, which is its place in the file."""
    found: dict[str, int] = {}
    seen: set[int] = set()
    count = 0
    for field in _fields(data, 0, len(data), faults):
        name = _KNOWN.get(field.number)
        if name is None or field.wire != _BYTES or (field.number > 1 and field.number in seen):
            measured = f"field {field.number}"
            faults.refuse("TOKENIZER-BROKEN", offset=field.begin, measured=measured)
        seen.add(field.number)
        if name != "piece":
            for _ in _fields(data, field.begin, field.end, faults):
                pass
            continue
        token = _piece(data, field, faults)
        if token in found:
            faults.finding("TOKENIZER-COLLISION", expected=found[token], measured=count)
        found.setdefault(token, count)
        count += 1
        if count > MAX_PIECES:
            faults.refuse("TOKENIZER-LARGE", expected=MAX_PIECES, measured=count)
    return found


def _piece(data: bytes, piece: _Field, faults: Faults) -> str:
    wires = {1: _BYTES, 2: _FIXED32, 3: _VARINT}
    text = b""
    seen: set[int] = set()
    for field in _fields(data, piece.begin, piece.end, faults):
        if wires.get(field.number) != field.wire or field.number in seen:
            measured = f"field {field.number} of a piece"
            faults.refuse("TOKENIZER-BROKEN", offset=field.begin, measured=measured)
        seen.add(field.number)
        if field.number == 1:
            text = data[field.begin : field.end]
    if not text or len(text) > MAX_PIECE:
        faults.refuse("TOKENIZER-BROKEN", offset=piece.begin, measured=f"{len(text)} bytes of text")
    try:
        return text.decode()
    except UnicodeDecodeError:
        faults.refuse("TOKENIZER-BROKEN", offset=piece.begin, measured="no UTF-8")


def _fields(data: bytes, place: int, end: int, faults: Faults) -> Iterator[_Field]:
    """The fields of the message between two places, which they fill."""
    while place < end:
        at = place
        tag, place = _varint(data, place, end, faults)
        number, wire = tag >> 3, tag & 7
        begin = place
        match wire:
            case 0:
                _, place = _varint(data, place, end, faults)
            case 1 | 5:
                place += 8 if wire == _FIXED64 else 4
            case 2:
                length, begin = _varint(data, place, end, faults)
                place = begin + length
            case _:
                faults.refuse("TOKENIZER-BROKEN", offset=at, measured=f"wire type {wire}")
        if place > end or number == 0:
            faults.refuse("TOKENIZER-BROKEN", offset=at, expected=end, measured=place)
        yield _Field(number, wire, begin, place)


def _varint(data: bytes, place: int, end: int, faults: Faults) -> tuple[int, int]:
    value = 0
    at = place
    while True:
        if at >= min(end, place + 10):
            faults.refuse("TOKENIZER-BROKEN", offset=place, measured="a number without an end")
        value |= (data[at] & 0x7F) << 7 * (at - place)
        at += 1
        if data[at - 1] < 0x80:
            return value, at

"""Safetensors files by their header: every byte belongs to one tensor, or the file is refused.

Source: the format as README.md and `safetensors/src/tensor.rs` of huggingface/safetensors 0.8
describe it. u64 little-endian N; N bytes of JSON that begin with `{`; the tensors' bytes, without
a hole, to the end of the file. Stricter than the reference: a key stands once, no leading blanks.
"""

import re
from typing import Annotated

import msgspec

from lotabots.kernel import Json, LotaError, strict_json
from lotabots.models.formats.census import census
from lotabots.models.formats.faults import Faults, Stop
from lotabots.models.types import Content, Parsed, TensorEntry

MAX_HEADER = 100_000_000
"""Bytes of JSON; the reference reads no more (MAX_HEADER_SIZE)."""
MAX_COLONS = 1_000_000
"""Colons in the header: a tensor has four, so 250,000 tensors. Bounds time and memory."""
MAX_ENTRY = 1024
"""Bytes of JSON that describe one tensor."""
MAX_NAME = 4096
MAX_DIMENSIONS = 64
"""As many as numpy and PyTorch have."""
MAX_METADATA = 4 * 1024 * 1024
LIMIT = 2**63 - 1

BITS = {
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E8M0"), 8),
    **dict.fromkeys(("F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 16),
    **dict.fromkeys(("I32", "U32", "F32"), 32),
    **dict.fromkeys(("I64", "U64", "F64", "C64"), 64),
}
"""Bits of one element (`Dtype::bitsize`)."""

METADATA = "__metadata__"
_UNPRINTABLE = re.compile(r'[\x00-\x1f\x7f"]')
_CODE = re.compile(
    r"\{\{|\{%"  # Jinja
    r"|__\w+__|\b(?:eval|exec|system|popen)\s*\(|<script"
    r"|\AgA[ISNW][A-Za-z0-9+/]"  # base64 of a pickle, protocols 2 to 5
    r"|(?:\A|\()c[\w.]+\n[\w.]+\n"  # a pickle's GLOBAL
)


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    dtype: str
    shape: Annotated[list[int], msgspec.Meta(max_length=MAX_DIMENSIONS)]
    data_offsets: tuple[int, int]


_HEADER = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ENTRY = msgspec.json.Decoder(_Entry)


def sniff(head: bytes) -> bool:
    """Whether a file that begins so is meant as safetensors, well formed or not.

    JSON behind eight bytes, blanks before it allowed so that they are found and refused; the eight
    are a number, not text: any length that fits a file has a zero byte.
    """
    return b"\x00" in head[:8] and head[8:].lstrip(b" \t\r\n").startswith(b"{")


def parse(path: str, content: Content) -> Parsed:
    """The tensors in the order of their bytes; none if anything about them is wrong."""
    faults = Faults(path)
    tensors: tuple[TensorEntry, ...] = ()
    facts: dict[str, Json] = {}
    try:
        members, begin = _read(content, faults)
        facts.update(_metadata(members.pop(METADATA, None), faults))
        warnings = len(faults)
        found = _tensors(members, begin, faults)
        _check_layout(found, begin, content.size, faults)
        if len(faults) == warnings:
            tensors = tuple(found)
            facts.update(census(tensors))
    except Stop:
        pass
    return Parsed(format="safetensors", tensors=tensors, facts=facts, findings=faults.listed)


def _read(content: Content, faults: Faults) -> tuple[dict[str, msgspec.Raw], int]:
    """The members of the header as they are written, and where the tensors' bytes begin."""
    if content.size < 10:  # the length, and {}
        faults.refuse("SAFETENSORS-HEADER-LENGTH", offset=0, measured=content.size)
    length = int.from_bytes(content.read(0, 8), "little")
    if not 2 <= length <= min(MAX_HEADER, content.size - 8):
        most = min(MAX_HEADER, content.size - 8)
        faults.refuse("SAFETENSORS-HEADER-LENGTH", offset=0, expected=most, measured=length)
    header = content.read(8, length)
    if header[:1] != b"{":
        faults.refuse("SAFETENSORS-HEADER-START", offset=8, measured=repr(header[:1]))
    colons = header.count(b":")
    if colons > MAX_COLONS:
        faults.refuse("SAFETENSORS-TOO-MANY", expected=MAX_COLONS, measured=colons)
    try:
        members = _HEADER.decode(header)
    except (ValueError, RecursionError) as error:  # msgspec's own are ValueErrors
        faults.refuse("SAFETENSORS-HEADER-JSON", offset=8, measured=error)
    _check_unique(members, header, faults)
    return members, 8 + length


def _check_unique(members: dict[str, msgspec.Raw], header: bytes, faults: Faults) -> None:
    """Finds a key that stands twice, by what the reader kept: it keeps the last one in silence.

    A member has two quotes around its name, and those of its value. A name with a quote or a
    backslash in it would break that sum, and is refused; so the sum over what was kept falls short
    of the whole exactly when something was dropped.
    """
    quotes = 0
    for name, raw in members.items():
        if _UNPRINTABLE.search(name) or len(name) > MAX_NAME:
            faults.refuse("SAFETENSORS-NAME", tensor=repr(name[:80]))
        quotes += 2 + bytes(raw).count(b'"')
    if quotes != header.count(b'"'):
        faults.refuse("SAFETENSORS-DUPLICATE", expected=header.count(b'"'), measured=quotes)


def _metadata(raw: msgspec.Raw | None, faults: Faults) -> dict[str, Json]:
    """The fact `metadata_keys`, and `metadata` with the short values."""
    if raw is None:
        return {}
    if len(bytes(raw)) > MAX_METADATA:
        measured = len(bytes(raw))
        faults.finding("SAFETENSORS-METADATA-LARGE", expected=MAX_METADATA, measured=measured)
        return {}
    try:
        value = strict_json(bytes(raw), max_bytes=MAX_METADATA, max_depth=1)
    except LotaError as error:
        faults.refuse("SAFETENSORS-METADATA", measured=error.code)
    if not isinstance(value, dict):
        faults.refuse("SAFETENSORS-METADATA", measured=type(value).__name__)
    short: dict[str, Json] = {}
    for key, text in value.items():
        if not isinstance(text, str):
            faults.refuse("SAFETENSORS-METADATA", expected="text", measured=key)
        if _CODE.search(key) or _CODE.search(text):
            faults.finding("SAFETENSORS-METADATA-CODE", measured=key)
        if len(text) <= 200 and len(short) < 100:
            short[key] = text
    keys: list[Json] = [*sorted(value)[:1000]]
    return {"metadata_keys": keys, "metadata": short}


def _tensors(members: dict[str, msgspec.Raw], base: int, faults: Faults) -> list[TensorEntry]:
    """What the header's members describe, in the order of the bytes, as far as each makes sense."""
    found: list[TensorEntry] = []
    for name, raw in members.items():
        text = bytes(raw)
        # Three keys and one text: a fifth pair of quotes is a key that stands twice.
        if len(text) > MAX_ENTRY or text.count(b'"') != 8 or b"\\" in text or b"-" in text:
            faults.finding("SAFETENSORS-ENTRY", tensor=name)
            continue
        try:
            entry = _ENTRY.decode(text)
        except (ValueError, RecursionError) as error:
            faults.finding("SAFETENSORS-ENTRY", tensor=name, measured=error)
            continue
        begin, end = entry.data_offsets
        if _fits(name, entry, end - begin, faults):
            found.append(
                TensorEntry(
                    name=name,
                    dtype=entry.dtype,
                    shape=tuple(entry.shape),
                    path=faults.path,
                    begin=base + begin,
                    end=base + end,
                )
            )
    found.sort(key=lambda tensor: (tensor.begin, tensor.end, tensor.name))
    return found


def _fits(name: str, entry: _Entry, span: int, faults: Faults) -> bool:
    """Whether the type is known and the shape needs exactly this many bytes."""
    bits = BITS.get(entry.dtype)
    if bits is None:
        faults.finding("SAFETENSORS-DTYPE", tensor=name, measured=entry.dtype)
        return False
    count = 1
    for size in entry.shape:
        count *= size
        # In each step, as the reference multiplies: a zero later on does not undo an overflow.
        if size > LIMIT or count > LIMIT:
            faults.finding("SAFETENSORS-OVERFLOW", tensor=name, measured=entry.shape[:8])
            return False
    if count * bits > LIMIT:
        faults.finding("SAFETENSORS-OVERFLOW", tensor=name, measured=entry.shape[:8])
        return False
    if count * bits != span * 8:
        faults.finding(
            "SAFETENSORS-SPAN", tensor=name, expected=-(-count * bits // 8), measured=span
        )
        return False
    return True


def _check_layout(tensors: list[TensorEntry], base: int, size: int, faults: Faults) -> None:
    """Finds a byte of two tensors, of none, and behind the last one or the file's end."""
    place = base
    for tensor in tensors:
        if tensor.begin != place:
            code = "SAFETENSORS-OVERLAP" if tensor.begin < place else "SAFETENSORS-HOLE"
            faults.finding(
                code, tensor=tensor.name, offset=tensor.begin, expected=place, measured=tensor.begin
            )
        place = max(place, tensor.end)
    if place != size:
        code = "SAFETENSORS-BEYOND" if place > size else "SAFETENSORS-TRAILING"
        faults.finding(code, offset=min(place, size), expected=place, measured=size)

"""One tensor of an ONNX model: its bytes in this file, or by name and place in another one."""

import re
from typing import NamedTuple

import msgspec

from lotabots.models.formats.onnx_schema import DATA_FIELDS, ENTRY, TENSOR, TYPES, ElementType
from lotabots.models.formats.protobuf import Field, Messages
from lotabots.models.types import TensorEntry

MAX_DIMENSIONS = 64
LIMIT = 2**63 - 1
EXTERNAL_KEYS = frozenset({"location", "offset", "length", "checksum"})
"""Keys of `external_data` (docs/ExternalData.md of onnx/onnx)."""

_NUMBER = re.compile(r"[0-9]{1,18}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# A colon is a drive or a stream to Windows; a star begins the address in memory that onnxruntime
# takes a `location` of `*/_ORT_MEM_ADDR_/*` for.
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\:*?\"<>|]")


class _Stored(NamedTuple):
    """Where a tensor's elements stand: first and last byte of the payloads of one field."""

    field: str
    begin: int
    end: int
    length: int
    """Bytes of all payloads, or fields of a text each."""


class _Draft(msgspec.Struct):
    name: str = ""
    kind: int = 0
    shape: list[int] = []
    stored: dict[str, _Stored] = {}
    external: dict[str, str] = {}
    location: int = 0
    segmented: bool = False


def read_tensor(messages: Messages, begin: int, end: int, path: str) -> TensorEntry | None:
    """The tensor between these places by its own name; None, and a finding, if it makes no sense.

    `path` is that of the ONNX file: the folder that external data are relative to.
    """
    faults = messages.faults
    draft = _draft(messages, begin, end)
    if _CONTROL.search(draft.name):
        faults.finding("ONNX-NAME", offset=begin, measured=repr(draft.name))
        return None
    kind = TYPES.get(draft.kind)
    if kind is None:
        faults.finding("ONNX-TYPE", tensor=draft.name, offset=begin, measured=draft.kind)
        return None
    count = 1
    for size in draft.shape:
        count *= size
        if size > LIMIT or count > LIMIT:
            faults.finding("ONNX-OVERFLOW", tensor=draft.name, measured=draft.shape[:8])
            return None
    if draft.external or draft.location:
        where = _external(messages, draft, kind, count, path)
    else:
        where = _inside(messages, draft, kind, count, begin)
    if where is None:
        return None
    return TensorEntry(
        name=draft.name,
        dtype=kind.name,
        shape=tuple(draft.shape),
        path=where[0],
        begin=where[1],
        end=where[2],
    )


def _draft(messages: Messages, begin: int, end: int) -> _Draft:
    """What the message says, each part checked alone."""
    faults = messages.faults
    draft = _Draft()
    for field in messages.read(TENSOR, begin, end):
        match field.name:
            case "name":
                draft.name = messages.text(field)
            case "data_type":
                draft.kind = field.value
            case "data_location":
                draft.location = field.value
            case "segment":
                draft.segmented = True
            case "dims":
                draft.shape += messages.numbers(field, MAX_DIMENSIONS)
                if len(draft.shape) > MAX_DIMENSIONS:
                    faults.refuse("ONNX-DIMENSIONS", offset=begin, expected=MAX_DIMENSIONS)
            case "external_data":
                _read_external(messages, field, draft)
            case name if name in DATA_FIELDS:
                _store(field, draft)
            case _:  # texts for people
                pass
    return draft


def _store(field: Field, draft: _Draft) -> None:
    # Elements that are not packed have a tag each: the bytes are then those from first to last.
    length = 1 if field.name == "string_data" else field.end - field.begin
    known = draft.stored.get(field.name)
    if known is None:
        draft.stored[field.name] = _Stored(field.name, field.begin, field.end, length)
    else:
        draft.stored[field.name] = known._replace(end=field.end, length=known.length + length)


def read_entry(messages: Messages, message: Field) -> tuple[str, str]:
    """Key and value of a `StringStringEntryProto`."""
    key = value = ""
    for field in messages.read(ENTRY, message.begin, message.end):
        if field.name == "key":
            key = messages.text(field)
        else:
            value = messages.text(field)
    return key, value


def _read_external(messages: Messages, field: Field, draft: _Draft) -> None:
    key, value = read_entry(messages, field)
    if key in draft.external:
        messages.faults.refuse("ONNX-EXTERNAL-DUPLICATE", offset=field.begin, measured=key)
    if key not in EXTERNAL_KEYS:
        messages.faults.refuse("ONNX-EXTERNAL-KEY", offset=field.begin, measured=key)
    draft.external[key] = value


def _inside(
    messages: Messages, draft: _Draft, kind: ElementType, count: int, begin: int
) -> tuple[str, int, int] | None:
    """The bytes of this file that hold the elements, which are as many as the shape says."""
    faults = messages.faults
    size = -(-count * kind.bits // 8)
    if draft.segmented or len(draft.stored) > 1:
        measured = "a segment" if draft.segmented else ", ".join(sorted(draft.stored))
        faults.finding("ONNX-TENSOR-DATA", tensor=draft.name, offset=begin, measured=measured)
        return None
    if not draft.stored:
        if count:
            faults.finding("ONNX-TENSOR-SIZE", tensor=draft.name, expected=count, measured=0)
            return None
        return faults.path, begin, begin
    (stored,) = draft.stored.values()
    if stored.field == "raw_data" and kind.bits:
        least = most = size
    elif stored.field != kind.field:
        faults.finding(
            "ONNX-TENSOR-DATA", tensor=draft.name, expected=kind.field, measured=stored.field
        )
        return None
    elif kind.field in {"float_data", "double_data"}:
        least = most = size
    elif kind.field == "string_data":
        least = most = count
    else:  # one to ten bytes for a number; small ones may share one
        least, most = -(-count * min(kind.bits, 8) // 8), count * 10
    if not least <= stored.length <= most:
        faults.finding(
            "ONNX-TENSOR-SIZE",
            tensor=draft.name,
            offset=stored.begin,
            expected=least,
            measured=stored.length,
        )
        return None
    return faults.path, stored.begin, stored.end


def _external(
    messages: Messages, draft: _Draft, kind: ElementType, count: int, path: str
) -> tuple[str, int, int] | None:
    """The bytes of another file of the model that hold the elements; whether they are is theirs."""
    faults, external = messages.faults, draft.external
    if draft.location != 1 or draft.stored or draft.segmented or not kind.bits:
        faults.finding("ONNX-TENSOR-DATA", tensor=draft.name, measured="inside and outside")
        return None
    location = external.get("location", "")
    if not is_inside(location):
        faults.finding("ONNX-EXTERNAL-PATH", tensor=draft.name, measured=repr(location))
        return None
    size = -(-count * kind.bits // 8)
    numbers = external.get("offset", "0"), external.get("length", str(size))
    if not all(map(_NUMBER.fullmatch, numbers)) or int(numbers[1]) != size:
        faults.finding(
            "ONNX-EXTERNAL-RANGE", tensor=draft.name, expected=size, measured=" + ".join(numbers)
        )
        return None
    folder = path.rpartition("/")[0]
    offset = int(numbers[0])
    return f"{folder}/{location}" if folder else location, offset, offset + size


def is_inside(location: str) -> bool:
    """Whether this names a file in the ONNX file's own folder or below, in its one form."""
    return not _FORBIDDEN.search(location) and not any(
        part in {"", ".", ".."} for part in location.split("/")
    )

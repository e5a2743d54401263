"""PyTorch checkpoints: a ZIP archive of one pickle and the storages that its tensors are views of.

Source: PyTorch 2.9, torch/serialization.py (`_save`, `_legacy_load`), caffe2/serialize. Every
member is accounted for, each storage is as large as the pickle says, and each tensor lies within
its storage. TorchScript archives hold a program and are refused.
"""

import re
from typing import NamedTuple

from lotabots.kernel import Json
from lotabots.models.formats.census import census
from lotabots.models.formats.faults import Faults, Stop
from lotabots.models.formats.pickle_torch import DTYPES, STORAGES, is_tensor
from lotabots.models.formats.pickle_values import Global, Made, Mapping, Persistent, Row, Value
from lotabots.models.formats.pickles import Stream, named, read_stream
from lotabots.models.formats.zips import STORED, Member, check_member, open_member
from lotabots.models.types import Content, Parsed, TensorEntry

MAGIC = 0x1950A86A20F9469CFC6C
"""What the first pickle of a file of before version 1.6 holds (torch/serialization.py)."""
MAGIC_HEAD = b"\x80\x02\x8a\x0a" + MAGIC.to_bytes(10, "little") + b"."
LEGACY_PROTOCOL = 1001

_PLAIN = {"version", ".format_version", ".storage_alignment", "byteorder", ".data/serialization_id"}
_SMALL = re.compile(rb"[\x20-\x7e\n]{0,64}")
_PROGRAM = re.compile(r"(?:^|/)(?:code/|constants\.pkl$|bytecode\.pkl$|.*\.py$|.*\.so$)")
_EXPORTED = ("archive_format", "serialized_exported_program.json", "models/model.json")
MAX_TENSORS = 500_000
MAX_NAME = 400
"""Characters of the keys that lead to a tensor."""


def is_checkpoint(members: tuple[Member, ...]) -> bool:
    """Whether these members are a checkpoint's, a program's of TorchScript or an exported one's."""
    return any(_inner(member.name) in ("data.pkl", *_EXPORTED) for member in members)


def _inner(name: str) -> str:
    """The name below the archive's one folder."""
    return name.partition("/")[2]


def parse_members(
    path: str, content: Content, members: tuple[Member, ...], faults: Faults
) -> Parsed:
    """The tensors, and the fact `globals`: the names that the pickle imports."""
    inner = {_inner(member.name): member for member in members}
    if len(inner) != len(members) or len({member.name.split("/")[0] for member in members}) != 1:
        faults.finding("TORCH-LAYOUT", measured="more than one folder")
    if any(name in inner for name in _EXPORTED):
        faults.finding("TORCH-EXPORTED")
        return Parsed(format="torch-exported", findings=faults.listed)
    programs = [name for name in inner if _PROGRAM.search(name)]
    if programs:
        faults.finding("TORCH-SCRIPT", measured=programs[0])
    stores: dict[str, Member] = {}
    for name, member in inner.items():
        if name.startswith("data/") and "/" not in name[5:]:
            stores[name[5:]] = member
        elif name != "data.pkl" and not programs:
            _check_plain(name, content, member, faults)
    pickled = inner.get("data.pkl")
    opened = open_member(content, pickled, faults) if pickled else None
    if pickled is None or opened is None:
        faults.finding("TORCH-LAYOUT", measured="data.pkl")
        return Parsed(format="pytorch", findings=faults.listed)
    check_member(opened, pickled, faults)
    stream = read_stream(opened, faults, persistent=True)
    if stream.whole and stream.end != opened.size:
        faults.finding("PICKLE-TRAILING", offset=stream.end, measured=opened.size - stream.end)
    facts: dict[str, Json] = {"globals": named(stream.globals)}
    tensors: tuple[TensorEntry, ...] = ()
    if stream.whole and not programs:
        tensors = _tensors(path, stream, stores, faults)
        facts.update(census(tensors))
    kind = "torchscript" if programs else "pytorch"
    return Parsed(format=kind, tensors=tensors, facts=facts, findings=faults.listed)


def _check_plain(name: str, content: Content, member: Member, faults: Faults) -> None:
    """Finds a member that is none of those that hold a short word."""
    opened = open_member(content, member, faults) if name in _PLAIN and member.size <= 64 else None
    if opened is None or not _SMALL.fullmatch(opened.read(0, opened.size)):
        faults.finding("TORCH-LAYOUT", measured=name)


def _tensors(
    path: str, stream: Stream, stores: dict[str, Member], faults: Faults
) -> tuple[TensorEntry, ...]:
    """Every tensor by the keys that lead to it, with the place of its bytes in the file."""
    places: dict[str, tuple[int, int]] = {}
    for key, member in stores.items():
        if member.method != STORED:
            faults.finding("TORCH-LAYOUT", measured=f"data/{key} is compressed")
        places[key] = (member.begin, member.size)
    return locate(path, stream.value, places, faults)


def locate(
    path: str, value: Value, places: dict[str, tuple[int, int]], faults: Faults
) -> tuple[TensorEntry, ...]:
    """The tensors in a value, each within its storage; `places` has offset and size by key.

    Finds storages that do not fit, and those that no tensor is a view of.
    """
    found: list[TensorEntry] = []
    used: set[str] = set()
    for name, made in _walk(value, faults):
        entry, key = _tensor(path, name, made, places, faults)
        used.add(key)
        if entry:
            found.append(entry)
    for key in sorted(set(places) - used)[:10]:
        faults.finding("TORCH-LAYOUT", measured=f"data/{key} belongs to no tensor")
    found.sort(key=lambda tensor: (tensor.begin, tensor.end, tensor.name))
    return tuple(found)


def _walk(value: Value, faults: Faults) -> list[tuple[str, Made]]:
    """Every tensor below a value with the dotted keys that lead to it, each container once."""
    found: list[tuple[str, Made]] = []
    seen: set[int] = set()
    left: list[tuple[str, Value]] = [("", value)]
    while left:
        name, item = left.pop()
        if len(left) + len(found) > MAX_TENSORS:
            faults.refuse("PICKLE-LIMIT", measured="tensors")
        if isinstance(item, Made) and is_tensor(item):
            found.append((name, item))
        elif isinstance(item, Made | Mapping | Row | tuple) and id(item) not in seen:
            seen.add(id(item))
            left.extend(_inside(name, item))
    return found


def _inside(name: str, item: Value) -> list[tuple[str, Value]]:
    """The containers and tensors directly in this one, by name."""
    prefix = f"{name[:MAX_NAME]}." if name else ""
    found: list[tuple[str, Value]] = []
    match item:
        case Made(maker=Global(name="_rebuild_parameter"), arguments=(tensor, *_)):
            found.append((name, tensor))
        case Made(entries=Mapping() as entries):
            found.append((name, item.state))
            found.extend((prefix + _word(key), each) for key, each in entries.items())
        case Made():
            found.extend(((name, item.state), (name, item.arguments)))
        case Mapping():
            found.extend((prefix + _word(key), each) for key, each in item.items())
        case Row(items=rows) | (tuple() as rows):
            found.extend((f"{prefix}{index}", each) for index, each in enumerate(rows))
        case _:
            pass
    return [each for each in found if isinstance(each[1], Made | Mapping | Row | tuple)]


def _word(key: Value) -> str:
    return str(key)[:MAX_NAME] if isinstance(key, str | int | float) else type(key).__name__


class _View(NamedTuple):
    """A tensor as a view of a storage."""

    key: str
    held: int
    """Bytes of the storage, as the pickle says."""
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: str
    width: int
    """Bytes of an element."""


def _view(made: Made) -> _View | None:
    match made.arguments:
        case (
            Persistent(identity=("storage", Global() as kind, str() as key, _, int() as count, *_)),
            int() as offset,
            tuple() as size,
            tuple() as stride,
            *rest,
        ):
            shape = tuple(part for part in size if isinstance(part, int))
            steps = tuple(part for part in stride if isinstance(part, int))
            if len(shape) != len(size) or len(steps) != len(shape) or len(stride) != len(size):
                return None
            if kind.name in STORAGES:
                dtype, width = STORAGES[kind.name]
                return _View(key, count * width, offset, shape, steps, dtype, width)
            # An untyped storage counts bytes, and its tensor names the type.
            named_type = rest[2] if len(rest) > 2 else None
            if not isinstance(named_type, Global) or named_type.name not in DTYPES:
                return None
            dtype, width = named_type.name, DTYPES[named_type.name]
            return _View(key, count, offset, shape, steps, dtype, width)
        case _:
            return None


def _tensor(
    path: str, name: str, made: Made, places: dict[str, tuple[int, int]], faults: Faults
) -> tuple[TensorEntry | None, str]:
    """The tensor if it lies within its storage, and the storage's key."""
    view = _view(made)
    if view is None or view.key not in places:
        faults.finding("TORCH-STORAGE", tensor=name, measured="no such storage")
        return None, view.key if view else ""
    begin, held = places[view.key]
    # Behind the last element that the strides reach.
    last = 0
    if 0 not in view.shape:
        last = 1 + sum((n - 1) * step for n, step in zip(view.shape, view.stride, strict=True))
    needed = (view.offset + last) * view.width
    if held != view.held or needed > held:
        measured = f"{held} bytes held, {view.held} stated"
        faults.finding("TORCH-STORAGE", tensor=name, expected=needed, measured=measured)
        return None, view.key
    first = begin + view.offset * view.width
    entry = TensorEntry(
        name=name,
        dtype=view.dtype,
        shape=view.shape,
        path=path,
        begin=first,
        end=first + last * view.width,
    )
    return entry, view.key


def sniff_legacy(head: bytes) -> bool:
    """Whether a file that begins so was written by PyTorch before version 1.6."""
    return head.startswith(MAGIC_HEAD)


def parse_legacy(path: str, content: Content) -> Parsed:
    """A row of five pickles (magic, protocol, system, object, keys), and then the storages.

    Always with the finding `TORCH-LEGACY`; a policy may soften it, and the rest still holds.
    """
    faults = Faults(path)
    faults.finding("TORCH-LEGACY")
    at = 0
    used: dict[Global, set[str]] = {}
    streams: list[Stream] = []
    for _ in range(5):
        stream = read_stream(content, faults, begin=at, persistent=True)
        used.update(stream.globals)
        if not stream.whole:
            break
        streams.append(stream)
        at = stream.end
    tensors: tuple[TensorEntry, ...] = ()
    if len(streams) == 5 and streams[1].value == LEGACY_PROTOCOL:
        try:
            tensors = _legacy_tensors(path, content, streams, faults)
        except Stop:
            tensors = ()
    elif len(streams) == 5:
        faults.finding("TORCH-LAYOUT", measured="protocol")
    facts: dict[str, Json] = {"globals": named(used)}
    return Parsed(format="pytorch-legacy", tensors=tensors, facts=facts, findings=faults.listed)


def _legacy_tensors(
    path: str, content: Content, streams: list[Stream], faults: Faults
) -> tuple[TensorEntry, ...]:
    """The tensors of the object; each storage is a count of elements and then the elements."""
    keys = streams[4].value
    widths: dict[str, int] = {}
    for _, made in _walk(streams[3].value, faults):
        view = _view(made)
        if view:
            widths[view.key] = view.width
    places: dict[str, tuple[int, int]] = {}
    at = streams[4].end
    for key in keys.items if isinstance(keys, Row) else ():
        if not isinstance(key, str) or key in places or at + 8 > content.size:
            faults.finding("TORCH-LAYOUT", offset=at, measured="storages")
            return ()
        count = int.from_bytes(content.read(at, 8), "little")
        size = count * widths.get(key, 1)
        if size > content.size - at - 8:
            faults.finding("TORCH-STORAGE", offset=at, measured=size)
            return ()
        places[key] = (at + 8, size)
        at += 8 + size
    if at != content.size:
        faults.finding("PICKLE-TRAILING", offset=at, measured=content.size - at)
    return locate(path, streams[3].value, places, faults)

"""How two models differ, tensor by tensor and file by file: what was changed, moved or renamed."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

import msgspec

from lotabots.models.findings import Finding, finding
from lotabots.models.types import FileEntry, Hashed, TensorEntry

Entry = TypeVar("Entry", FileEntry, TensorEntry)


class Change(StrEnum):
    """What became of a tensor or of a file."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    """Same name, type and shape; other bytes."""
    RENAMED = "renamed"
    """The same under another name."""
    RESHAPED = "reshaped"
    """Another shape; `same_bytes` says whether anything but the shape differs."""
    ROWS = "rows"
    """More or fewer rows of the same width: a vocabulary that grew or shrank."""
    RETYPED = "retyped"
    """Another type of its elements: quantised, or cast."""
    MOVED = "moved"
    """The same tensor in another file."""


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """One tensor or file that is not in both models as it is in one."""

    change: Change
    name: str
    """In the first model; in the second where it was added."""
    now: str = ""
    """Its name in the second model where it was renamed, its file where it was moved."""
    was_type: str = ""
    """Type and shape in the first model, e.g. `BF16 [4096, 4096]`; a size in bytes for a file."""
    now_type: str = ""
    same_bytes: bool = False


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that differs between two models; nothing where they are the same."""

    files: tuple[Changed, ...]
    tensors: tuple[Changed, ...]
    """Without those that merely moved."""
    moved: tuple[Changed, ...]
    same_files: int
    same_tensors: int
    """How many are the same under the same name, wherever they stand."""

    @property
    def same(self) -> bool:
        """Whether both have the same files and so the same tensors."""
        return not self.files and not self.tensors

    @property
    def resharded(self) -> bool:
        """Whether the tensors are the same, and only cut into other files or in other order."""
        return bool(self.files) and not self.tensors and self.same_tensors > 0


def compare(was: Hashed, now: Hashed) -> Difference:
    """How the second model differs from the first.

    Both hashed by one algorithm, and with digests of their tensors. A pair of a removed and an
    added one that are equal but for the name is one that was renamed.
    """
    files, same_files = _compare(
        {entry.path: entry for entry in was.files}, {entry.path: entry for entry in now.files}
    )
    tensors, same_tensors = _compare(_by_name(was.tensors), _by_name(now.tensors))
    return Difference(
        files=tuple(files),
        tensors=tuple(one for one in tensors if one.change is not Change.MOVED),
        moved=tuple(one for one in tensors if one.change is Change.MOVED),
        same_files=same_files,
        same_tensors=same_tensors,
    )


_CODES = {
    Change.ADDED: "TENSOR-ADDED",
    Change.REMOVED: "TENSOR-REMOVED",
    Change.CHANGED: "TENSOR-CHANGED",
    Change.RENAMED: "TENSOR-RENAMED",
    Change.RESHAPED: "TENSOR-RESHAPED",
    Change.ROWS: "TENSOR-ROWS",
    Change.RETYPED: "TENSOR-RETYPED",
}


def tensor_findings(was: Sequence[TensorEntry], now: Sequence[TensorEntry]) -> tuple[Finding, ...]:
    """A finding for each tensor that is not as it was signed; where it stands does not matter.

    Where nothing but the bytes differs, it has both digests.
    """
    before, after = _by_name(was), _by_name(now)
    changes, _ = _compare(before, after)
    return tuple(
        finding(
            _CODES[one.change],
            tensor=one.name,
            expected=_told(one, one.was_type, before.get(one.name)),
            measured=_told(one, one.now or one.now_type, after.get(one.name)),
        )
        for one in changes
        if one.change in _CODES
    )


def _told(one: Changed, words: str, entry: TensorEntry | None) -> str:
    return f"{words} {entry.digest.hex()}" if one.change is Change.CHANGED and entry else words


def _by_name(tensors: Iterable[TensorEntry]) -> dict[str, TensorEntry]:
    """The tensors by their names; one of a name that is there already gets a number behind it."""
    found: dict[str, TensorEntry] = {}
    for entry in tensors:
        name, count = entry.name, 1
        while name in found:
            count += 1
            name = f"{entry.name} ({count})"
        found[name] = entry
    return found


def _compare(was: Mapping[str, Entry], now: Mapping[str, Entry]) -> tuple[list[Changed], int]:
    """Every difference in the order of the names, and how many entries are the same."""
    found: list[Changed] = []
    same = 0
    for name in was.keys() & now.keys():
        change = _changed(name, was[name], now[name])
        if change is None or change.change is Change.MOVED:
            same += 1
        if change is not None:
            found.append(change)
    removed, added = sorted(was.keys() - now.keys()), sorted(now.keys() - was.keys())
    twins: dict[object, list[str]] = {}
    for name in reversed(added):
        twins.setdefault(_content(now[name]), []).append(name)
    renamed = set()
    for name in removed:
        twin = twins.get(_content(was[name]))
        if twin:
            other = twin.pop()
            renamed.add(other)
            found.append(_one(Change.RENAMED, name, was[name], now[other], now=other))
        else:
            found.append(_one(Change.REMOVED, name, was[name], None))
    found += [_one(Change.ADDED, name, None, now[name]) for name in added if name not in renamed]
    return sorted(found, key=_name_of), same


def _changed(name: str, was: Entry, now: Entry) -> Changed | None:
    """How two entries of one name differ, if they do."""
    if isinstance(was, TensorEntry) and isinstance(now, TensorEntry):
        if was.dtype != now.dtype:
            return _one(Change.RETYPED, name, was, now)
        if was.shape != now.shape:
            rows = len(was.shape) == 2 and was.shape[1:] == now.shape[1:]
            return _one(Change.ROWS if rows else Change.RESHAPED, name, was, now)
        if was.digest == now.digest:
            moved = was.path != now.path
            return _one(Change.MOVED, name, was, now, now=now.path) if moved else None
    elif was.digest == now.digest:
        return None
    return _one(Change.CHANGED, name, was, now)


def _content(entry: FileEntry | TensorEntry) -> object:
    """What is the same in a renamed entry; nothing is, in one of which no byte was read."""
    if isinstance(entry, TensorEntry):
        return (entry.digest, entry.dtype, entry.shape)
    return (entry.digest, entry.size)


def _one(
    change: Change,
    name: str,
    was: FileEntry | TensorEntry | None,
    after: FileEntry | TensorEntry | None,
    *,
    now: str = "",
) -> Changed:
    same = was is not None and after is not None and was.digest == after.digest
    return Changed(
        change=change,
        name=name,
        now=now,
        was_type=_type(was),
        now_type=_type(after),
        same_bytes=same,
    )


def _type(entry: FileEntry | TensorEntry | None) -> str:
    match entry:
        case None:
            return ""
        case TensorEntry():
            return f"{entry.dtype} [{', '.join(map(str, entry.shape))}]"
        case FileEntry():
            return f"{entry.size} bytes"


def _name_of(one: Changed) -> str:
    return one.name


def changed_rows(pairs: Iterable[tuple[bytes, bytes]], width: int) -> list[tuple[int, int]]:
    """Ranges of rows, first and behind the last, in which two tensors of one shape differ.

    `pairs` are the bytes of both in order, in pieces of whole rows of `width` bytes.
    """
    found: list[tuple[int, int]] = []
    row = 0
    for was, now in pairs:
        count = len(was) // width
        if was != now:
            for at in _different(was, now, width):
                if found and found[-1][1] == row + at:
                    found[-1] = (found[-1][0], row + at + 1)
                else:
                    found.append((row + at, row + at + 1))
        row += count
    return found


def _different(was: bytes, now: bytes, width: int) -> Sequence[int]:
    starts = range(0, len(was), width)
    return [
        at
        for at, start in enumerate(starts)
        if was[start : start + width] != now[start : start + width]
    ]

"""What a pickle stream would make, as far as its opcodes tell: nothing of it is ever made."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias


class Opaque:
    """A text or a number whose value is not followed: too long, or written with escapes."""

    __slots__ = ()


@dataclass(eq=False, slots=True)
class Blob:
    """Bytes, and where in the content they stand."""

    begin: int
    size: int
    value: bytes | None
    """Only of short ones."""


@dataclass(frozen=True, slots=True)
class Global:
    """A name that the unpickler would import."""

    module: str
    name: str

    @property
    def dotted(self) -> str:
        """As Python would write it."""
        return f"{self.module}.{self.name}"


@dataclass(eq=False, slots=True)
class Mapping:
    """A dict. Only texts are hashed, with Python's random seed; other keys stand in a row."""

    texts: dict[str, "Value"] = field(default_factory=dict)
    others: "list[tuple[Value, Value]]" = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.texts) + len(self.others)

    def items(self) -> "Iterator[tuple[Value, Value]]":
        """Texts first."""
        yield from self.texts.items()
        yield from self.others


@dataclass(eq=False, slots=True)
class Row:
    """A list or a set."""

    kind: str
    items: "list[Value]" = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(eq=False, slots=True)
class Persistent:
    """What the loader would look up by a persistent id, e.g. a storage of PyTorch."""

    identity: "Value"


@dataclass(eq=False, slots=True)
class Made:
    """What a call would give back."""

    maker: Global
    arguments: "tuple[Value, ...]"
    entries: Mapping | None = None
    """Of an OrderedDict or Counter."""
    state: "Value" = None
    frozen: bool = False
    """Something relies on its being empty."""


# Tuples are Python's own: they cannot hold themselves but through one of the other kinds.
Value: TypeAlias = (
    "bool | int | float | str | tuple[Value, ...] | Opaque | Blob | Global | Mapping | Row"
    " | Persistent | Made | None"
)


def is_key(value: Value) -> bool:
    """Whether this can be a key: plain, or a tuple of what is plain.

    Nested tuples are left out: Python hashes a tuple anew each time, so that forty nested pairs of
    the same pair take 2**40 steps.
    """
    if isinstance(value, tuple):
        return len(value) <= 64 and all(_plain(item) for item in value)
    return _plain(value)


def _plain(value: Value) -> bool:
    return value is None or isinstance(value, bool | int | float | str | Opaque | Global | Blob)


Arguments: TypeAlias = "tuple[Value, ...]"


class Rule(NamedTuple):
    """What may be done with one name; without a call it may only be mentioned."""

    call: Callable[[Arguments], bool] | None = None
    build: Callable[[Made, Value], bool] | None = None
    """Whether this state may be set on what the call gave."""


ORDERED = Global("collections", "OrderedDict")
COUNTER = Global("collections", "Counter")
ENCODE = Global("_codecs", "encode")


def is_bytes(value: Value) -> bool:
    """Whether this is bytes, as protocol 3 writes them or as a text in Latin-1 before it."""
    return isinstance(value, Blob) or (isinstance(value, Made) and value.maker == ENCODE)

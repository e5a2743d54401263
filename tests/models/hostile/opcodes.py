"""Pickle streams put together by opcode, as no pickler would; inert."""

import struct

ECHO = b"cos\nsystem\n(S'echo'\ntR."
"""The oldest form of a call, in protocol 0."""


def text(value: str) -> bytes:
    """SHORT_BINUNICODE."""
    raw = value.encode()
    return b"\x8c" + bytes((len(raw),)) + raw


def old_text(value: str) -> bytes:
    """BINUNICODE, which protocol 2 has."""
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def named(module: str, name: str) -> bytes:
    """GLOBAL."""
    return f"c{module}\n{name}\n".encode()


def stacked(module: str, name: str) -> bytes:
    """STACK_GLOBAL with its two texts."""
    return text(module) + text(name) + b"\x93"


def proto(version: int, body: bytes) -> bytes:
    """A stream with its first and last opcode."""
    return b"\x80" + bytes((version,)) + body + b"."


def call(function: bytes, *arguments: bytes) -> bytes:
    """MARK, the arguments, TUPLE, REDUCE."""
    return function + b"(" + b"".join(arguments) + b"tR"


def number(value: int) -> bytes:
    """BININT."""
    return b"J" + struct.pack("<i", value)


def storage(key: str, count: int, kind: str = "FloatStorage") -> bytes:
    """A persistent id, as torch.save writes it."""
    parts = old_text("storage"), named("torch", kind), old_text(key), old_text("cpu"), number(count)
    return b"(" + b"".join(parts) + b"tQ"


def tensor(key: str, shape: tuple[int, ...], held: int, offset: int = 0) -> bytes:
    """A tensor that is a view of a storage of `held` floats."""
    strides: list[int] = []
    step = 1
    for size in reversed(shape):
        strides.insert(0, step)
        step *= size
    return call(
        named("torch._utils", "_rebuild_tensor_v2"),
        storage(key, held),
        number(offset),
        b"(" + b"".join(number(size) for size in shape) + b"t",
        b"(" + b"".join(number(size) for size in strides) + b"t",
        b"\x89",
        call(named("collections", "OrderedDict")),
    )


def state_dict(**tensors: bytes) -> bytes:
    """An OrderedDict of these, with the metadata that Module.state_dict hangs on to it."""
    ordered = call(named("collections", "OrderedDict"))
    items = b"".join(old_text(name) + made for name, made in tensors.items())
    state = b"}" + old_text("_metadata") + ordered + b"s"
    return proto(2, ordered + b"(" + items + b"u" + state + b"b")

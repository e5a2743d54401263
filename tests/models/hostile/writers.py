"""Writers of safetensors, GGUF, ONNX and npy files that write what they are told, true or not."""

import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def safetensors(
    header: bytes | Mapping[str, Any], data: bytes, *, length: int | None = None
) -> bytes:
    """A file with this header, as it is or as JSON."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype: str, shape: Sequence[int], begin: int, end: int) -> dict[str, Any]:
    """One tensor of a safetensors header."""
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


class Gguf:
    """The parts of one GGUF file in one byte order; `build` puts them in a row."""

    def __init__(self, order: str = "<", version: int = 3) -> None:
        self.order = order
        self.version = version
        self.keys: list[bytes] = []
        self.tensors: list[bytes] = []
        self.counts: tuple[int, int] | None = None
        self.alignment = 32

    def pack(self, codes: str, *values: Any) -> bytes:
        return struct.pack(self.order + codes, *values)

    def text(self, text: str | bytes) -> bytes:
        data = text.encode() if isinstance(text, str) else text
        return self.pack("Q", len(data)) + data

    def key(self, name: str | bytes, kind: int, value: bytes) -> "Gguf":
        self.keys.append(self.text(name) + self.pack("I", kind) + value)
        return self

    def string(self, name: str, value: str | bytes) -> "Gguf":
        return self.key(name, 8, self.text(value))

    def u32(self, name: str, value: int) -> "Gguf":
        return self.key(name, 4, self.pack("I", value))

    def strings(self, name: str, values: Iterable[str]) -> "Gguf":
        listed = [self.text(value) for value in values]
        return self.key(name, 9, self.pack("IQ", 8, len(listed)) + b"".join(listed))

    def tensor(self, name: str | bytes, dims: Sequence[int], kind: int, offset: int) -> "Gguf":
        """`dims` as GGUF has them: the fastest first."""
        shape = self.pack(f"I{len(dims)}Q", len(dims), *dims)
        self.tensors.append(self.text(name) + shape + self.pack("IQ", kind, offset))
        return self

    def build(self, data: bytes = b"") -> bytes:
        counts = self.counts or (len(self.tensors), len(self.keys))
        head = b"GGUF" + self.pack("IQQ", self.version, *counts)
        head += b"".join(self.keys) + b"".join(self.tensors)
        return head + (bytes(-len(head) % self.alignment) if self.alignment else b"") + data


def varint(value: int) -> bytes:
    """A protobuf number."""
    out = bytearray()
    value &= 2**64 - 1
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: int | bytes | str) -> bytes:
    """A protobuf field: a number, or a payload with its length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def onnx_tensor(name: str, kind: int, dims: Iterable[int], *more: bytes) -> bytes:
    """A TensorProto; `more` is where its elements are."""
    return (
        b"".join(field(1, size) for size in dims) + field(2, kind) + field(8, name) + b"".join(more)
    )


def onnx_external(**entries: str) -> bytes:
    """The fields that put a tensor's elements into another file."""
    pairs = (field(13, field(1, key) + field(2, value)) for key, value in entries.items())
    return b"".join(pairs) + field(14, 1)


def onnx_node(operator: str, domain: str = "", *, name: str = "", attributes: bytes = b"") -> bytes:
    """A NodeProto."""
    node = field(1, "x") + field(2, "y") + (field(3, name) if name else b"") + field(4, operator)
    return node + attributes + (field(7, domain) if domain else b"")


def onnx_graph(nodes: Iterable[bytes] = (), tensors: Iterable[bytes] = ()) -> bytes:
    """A GraphProto."""
    listed = b"".join(field(1, node) for node in nodes) + field(2, "g")
    return listed + b"".join(field(5, tensor) for tensor in tensors)


def onnx(graph: bytes, *more: bytes) -> bytes:
    """A ModelProto."""
    opset = field(8, field(1, "") + field(2, 20))
    return field(1, 10) + field(2, "test") + field(7, graph) + opset + b"".join(more)


def npy(header: str, data: bytes, *, version: int = 1) -> bytes:
    """A file with this literal as its header, padded as numpy pads it."""
    fixed = 10 if version == 1 else 12
    text = header.encode() + b" " * (-(fixed + len(header) + 1) % 64) + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + data

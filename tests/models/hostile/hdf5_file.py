"""HDF5 files written by hand: a root group of one data set, and a text in an attribute."""

import struct

UNDEFINED = 2**64 - 1
FLOAT = bytes((0x11, 0x20, 0x1F, 0)) + struct.pack("<IHHBBBBI", 4, 0, 32, 23, 8, 0, 23, 127)
OPAQUE = bytes((0x15, 0, 0, 0)) + struct.pack("<I", 4)
LAYOUT = bytes((3, 1)) + struct.pack("<QQ", UNDEFINED, 0) + bytes(6)
"""Contiguous, with nothing written yet."""
VIRTUAL = bytes((4, 3)) + bytes(14)
EXTERNAL = bytes((1, 0, 0, 0)) + bytes(12)


def message(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 8)
    return struct.pack("<HHBxxx", kind, len(body), 0) + body


def header(*messages: bytes) -> bytes:
    body = b"".join(messages)
    return struct.pack("<BxHII4x", 1, len(messages), 1, len(body)) + body


def attribute(name: str, kind: bytes, data: bytes) -> bytes:
    raw = name.encode() + b"\x00"
    parts = (raw, kind, b"\x01" + bytes(7))  # the last: one value, no dimensions
    head = struct.pack("<BxHHH", 1, *(len(part) for part in parts))
    return message(0xC, head + b"".join(part + bytes(-len(part) % 8) for part in parts) + data)


def hdf5(
    config: bytes = b"",
    *,
    kind: bytes = FLOAT,
    layout: bytes = LAYOUT,
    more: tuple[bytes, ...] = (),
    in_heap: bool = True,
    loop: bool = False,
) -> bytes:
    """The file; `config` stands in the attribute `model_config`, in the heap or inline."""
    parts = bytearray(96)

    def put(data: bytes) -> int:
        at = len(parts)
        parts.extend(data)
        return at

    data_set = header(
        message(0x1, bytes((1, 1, 0, 0)) + bytes(4) + struct.pack("<Q", 0)),
        message(0x3, kind),
        message(0x8, layout),
        *more,
    )
    names = put(b"\x00" * 8 + b"weight\x00\x00")
    heap = put(b"HEAP" + struct.pack("<BxxxQQQ", 0, 16, 1, names))
    target = put(data_set)
    row = struct.pack("<QQII16x", 8, target, 0, 0)
    leaf = put(b"SNOD" + struct.pack("<BxH", 1, 1) + row)
    node = len(parts)
    put(b"TREE" + struct.pack("<BBHQQ", 0, 0, 1, UNDEFINED, UNDEFINED))
    put(struct.pack("<QQQ", 0, node if loop else leaf, 8))
    table = message(0x11, struct.pack("<QQ", node, heap))
    attributes = []
    if config and in_heap:
        text = config + bytes(-len(config) % 8)
        item = struct.pack("<HHIQ", 1, 1, 0, len(config)) + text
        place = put(b"GCOL\x01\x00\x00\x00" + struct.pack("<Q", 16 + len(item)) + item)
        vlen = bytes((0x19, 1, 0, 0)) + struct.pack("<I", 16) + FLOAT
        value = struct.pack("<IQI", len(config), place, 1)
        attributes = [attribute("model_config", vlen, value)]
    elif config:
        fixed = bytes((0x13, 0, 0, 0)) + struct.pack("<I", len(config))
        attributes = [attribute("model_config", fixed, config)]
    root = put(header(table, *attributes))
    parts[:8] = b"\x89HDF\r\n\x1a\n"
    parts[13:15] = b"\x08\x08"
    parts[24:72] = struct.pack("<6Q", 0, UNDEFINED, len(parts), UNDEFINED, 0, root)
    return bytes(parts)

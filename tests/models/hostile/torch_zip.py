"""ZIP archives written by hand, as PyTorch's writer lays them out, with a fault where asked."""

import struct
import zlib
from dataclasses import dataclass


@dataclass
class Entry:
    """One member; what its local header and the directory say can differ."""

    name: str
    data: bytes
    flags: int = 0x0808
    local_name: str | None = None
    local_flags: int | None = None
    crc: int | None = None
    descriptor: bool = True


def torch_zip(
    entries: list[Entry], *, before: bytes = b"", between: bytes = b"", behind: bytes = b""
) -> bytes:
    """The archive: stored members aligned to 64 bytes, sizes behind them, wide end records."""
    out = bytearray(before)
    central = bytearray()
    for entry in entries:
        flags = entry.flags if entry.data else entry.flags & ~8
        local = entry.local_flags if entry.local_flags is not None else flags
        crc = zlib.crc32(entry.data) if entry.crc is None else entry.crc
        name = entry.name.encode()
        local_name = (entry.local_name or entry.name).encode()
        start = len(out)
        sizes = (0, 0, 0) if local & 8 else (crc, len(entry.data), len(entry.data))
        pad = -(start + 30 + len(local_name) + 4) % 64
        out += struct.pack(
            "<4sHHHHHIIIHH", b"PK\x03\x04", 0, local, 0, 0, 0, *sizes, len(local_name), 4 + pad
        )
        out += local_name + b"FB" + struct.pack("<H", pad) + b"Z" * pad + entry.data
        if local & 8 and entry.descriptor:
            out += struct.pack("<4sIII", b"PK\x07\x08", crc, len(entry.data), len(entry.data))
        out += between
        sizes = (crc, len(entry.data), len(entry.data))
        central += struct.pack(
            "<4sHHHHHHIIIHHHHHII",
            *(b"PK\x01\x02", 0, 0, flags, 0, 0, 0, *sizes, len(name), 0, 0, 0, 0, 0, start),
        )
        central += name
    begin, count = len(out), len(entries)
    out += central
    wide = len(out)
    out += struct.pack(
        "<4sQHHIIQQQQ", b"PK\x06\x06", 44, 0x031E, 45, 0, 0, count, count, len(central), begin
    )
    out += struct.pack("<4sIQI", b"PK\x06\x07", 0, wide, 1)
    out += struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, len(central), begin, 0)
    return bytes(out) + behind


def checkpoint(pickled: bytes, **storages: bytes) -> list[Entry]:
    """The members of a checkpoint with this pickle and these storages."""
    return [
        Entry("model/data.pkl", pickled),
        Entry("model/byteorder", b"little"),
        *(Entry(f"model/data/{key[1:]}", data) for key, data in storages.items()),
        Entry("model/version", b"3\n"),
    ]

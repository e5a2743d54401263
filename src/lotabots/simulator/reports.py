"""The SPDM measurement report of a device, as bytes up to its signature, and how to change one.

DMTF DSP0274 1.1, sections 10.11.1 (request) and 10.11.2 (response); NVIDIA's opaque data is the
list of type, length, value that its open verifiers read. All numbers are little-endian.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import IntEnum
from struct import pack
from typing import NamedTuple

REQUEST_SIZE = 37
NONCE_SIZE = 32
SIGNATURE_SIZE = 96
VALUE_SIZE = 48

_VERSION = 0x11
_GET_MEASUREMENTS, _MEASUREMENTS = 0xE0, 0x60
_SIGNED, _ALL = 0x01, 0xFF
_DMTF, _DIGEST = 0x01, 0x01


class Field(IntEnum):
    """Types of opaque fields, by the numbers that NVIDIA gave them."""

    DRIVER = 3
    GPU_INFO = 4
    VBIOS = 6
    NVDEC0 = 11
    COUNTERS = 12
    PROTECTED_REGIONS = 13
    BOARD_ID = 14
    CHIP_SKU = 15
    CHIP_SKU_MOD = 16
    PROJECT = 17
    PROJECT_SKU = 18
    PROJECT_SKU_MOD = 19
    FWID = 20
    PROTECTED_PCIE = 21
    SWITCH_PDIS = 22
    DISABLED_PORTS = 23
    POSITION = 24
    LOCKED = 25
    GPU_PDIS = 26
    SYSTEM = 33
    OPAQUE_VERSION = 34
    CHIP_INFO = 35
    FEATURE = 36


class Opaque(NamedTuple):
    """One field of the opaque data."""

    field: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Block:
    """One measurement; `index` counts from 1."""

    index: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Report:
    """Request and response of one measurement, before it is signed."""

    nonce: bytes
    """The requester's: what freshness rests on."""
    blocks: tuple[Block, ...]
    responder_nonce: bytes
    opaque: tuple[Opaque, ...]

    def encode(self) -> bytes:
        """The bytes that the device signs: the request, then the response without signature."""
        request = bytes([_VERSION, _GET_MEASUREMENTS, _SIGNED, _ALL]) + self.nonce + b"\x00"
        record = b"".join(encode_block(block) for block in self.blocks)
        opaque = b"".join(pack("<HH", number, len(value)) + value for number, value in self.opaque)
        return b"".join(
            (
                request,
                bytes([_VERSION, _MEASUREMENTS, 0, 0, len(self.blocks)]),
                len(record).to_bytes(3, "little"),
                record,
                self.responder_nonce,
                pack("<H", len(opaque)),
                opaque,
            )
        )

    def opaque_value(self, field: Field) -> bytes:
        """The value of a field. KeyError if the report has none."""
        return dict(self.opaque)[field]

    def with_opaque(self, field: Field, value: bytes | None) -> "Report":
        """The same report with another value for a field that it has; None leaves the field out."""
        self.opaque_value(field)
        fields = (
            item if item.field != field else Opaque(field, value if value is not None else b"")
            for item in self.opaque
            if item.field != field or value is not None
        )
        return replace(self, opaque=tuple(fields))

    def with_blocks(self, change: Callable[[tuple[Block, ...]], Iterable[Block]]) -> "Report":
        """The same report with other blocks."""
        return replace(self, blocks=tuple(change(self.blocks)))


def encode_block(block: Block) -> bytes:
    """A block with its header; the measurement is a digest (type 1) of 48 bytes."""
    value = bytes([_DIGEST]) + pack("<H", len(block.value)) + block.value
    return bytes([block.index, _DMTF]) + pack("<H", len(value)) + value


def vbios_bytes(version: str) -> bytes:
    """A GPU's VBIOS version as opaque field 6 has it: two dwords, e.g. 96.00.9F.00.01."""
    first, last = bytes.fromhex(version[:11].replace(".", "")), int(version[12:], 16)
    return pack("<II", int.from_bytes(first, "big"), last)


def padded(value: str, size: int) -> bytes:
    """ASCII text padded with NUL to a size."""
    return value.encode().ljust(size, b"\x00")

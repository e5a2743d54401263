"""The attestation report: an SPDM 1.1 measurements request and its signed answer.

DMTF DSP0274 1.1, sections 10.11.1 and 10.11.2; integers are little-endian. Offsets in bytes:

request    0 version 0x11 | 1 code 0xE0 | 2 Param1 0x01: signed | 3 Param2 0xFF: all measurements
           4 requester nonce (32) | 36 slot 0
response  37 version 0x11 | 38 code 0x60 | 39 Param1, Param2 0 | 41 number of blocks
          42 record length (3) | 45 blocks of 55 | responder nonce (32) | opaque length (2) | opaque
          signature (96): ECDSA P-384 with SHA-384 over everything before it
block      0 index from 1 | 1 DMTF 0x01 | 2 size 51 (2) | 4 type 0x01 | 5 size 48 (2) | 7 SHA-384
opaque     0 id (2) | 2 size (2) | 4 value; repeated
"""

from collections.abc import Mapping
from struct import Struct
from types import MappingProxyType

import msgspec

from lotabots.evidence.schemes.nvidia_gpu.codes import refuse

MAX_SIZE = 0x2000
"""What NVML reserves for a report; real ones have 2,168 to 4,274 bytes."""

SIGNATURE_SIZE = 96
DIGEST_SIZE = 48
NONCE_SIZE = 32
MAX_BLOCKS = 254

_HEAD = Struct("<4s32sB4sB3s")
_REQUEST = bytes((0x11, 0xE0, 0x01, 0xFF))
_SLOT = 0
_RESPONSE = bytes((0x11, 0x60, 0x00, 0x00))
_BLOCK = Struct("<7s48s")
_BLOCK_HEAD = Struct("<BBHBH")
_BLOCK_HEADS = tuple(
    _BLOCK_HEAD.pack(index, 0x01, 51, 0x01, DIGEST_SIZE) for index in range(1, MAX_BLOCKS + 1)
)
_FIELD = Struct("<HH")


class Report(msgspec.Struct, frozen=True):
    """A report taken apart. Nothing in it is true before its signature verified."""

    nonce: bytes
    """The requester's nonce, 32 bytes."""
    measurements: tuple[bytes, ...]
    """SHA-384 values; place i is SPDM block i + 1, and index i of a RIM."""
    opaque: Mapping[int, bytes]
    """Opaque fields by id, unknown ones too."""
    signed: bytes
    """What the signature is over."""
    signature: bytes
    """96 bytes, r then s."""


def parse_report(data: bytes) -> Report:
    """The report in exactly these bytes. LotaError NV-PARSE-* or NV-LIMIT-EVIDENCE."""
    if len(data) > MAX_SIZE:
        raise refuse(
            "NV-LIMIT-EVIDENCE", expected=f"at most {MAX_SIZE} bytes", measured=f"{len(data)} bytes"
        )
    _require_size(data, _HEAD.size)
    request, nonce, slot, response, count, length = _HEAD.unpack_from(data)
    if request != _REQUEST or slot != _SLOT:
        raise refuse(
            "NV-PARSE-REQUEST",
            expected=f"{_REQUEST.hex()} and slot {_SLOT}",
            measured=f"{request.hex()} and slot {slot}",
        )
    if response != _RESPONSE:
        raise refuse("NV-PARSE-RESPONSE", expected=_RESPONSE.hex(), measured=response.hex())
    end = _HEAD.size + int.from_bytes(length, "little")
    if not 1 <= count <= MAX_BLOCKS or end != _HEAD.size + count * _BLOCK.size:
        raise refuse(
            "NV-PARSE-BLOCK",
            expected=f"1 to {MAX_BLOCKS} blocks of {_BLOCK.size} bytes",
            measured=f"{count} blocks in {end - _HEAD.size} bytes",
        )
    _require_size(data, end + NONCE_SIZE + 2)
    measurements = _measurements(data[_HEAD.size : end])
    start = end + NONCE_SIZE + 2
    stop = start + int.from_bytes(data[start - 2 : start], "little")
    _require_size(data, stop + SIGNATURE_SIZE)
    if len(data) > stop + SIGNATURE_SIZE:
        raise refuse(
            "NV-PARSE-TRAILING",
            expected=f"{stop + SIGNATURE_SIZE} bytes",
            measured=f"{len(data)} bytes",
        )
    return Report(
        nonce=nonce,
        measurements=measurements,
        opaque=_opaque(data[start:stop]),
        signed=data[:stop],
        signature=data[stop:],
    )


def _measurements(record: bytes) -> tuple[bytes, ...]:
    """The values of whole blocks whose indices count up from 1."""
    values = []
    for right, (head, value) in zip(_BLOCK_HEADS, _BLOCK.iter_unpack(record), strict=False):
        if head != right:
            index, *rest = _BLOCK_HEAD.unpack(head)
            raise refuse(
                "NV-PARSE-BLOCK",
                expected=f"block {right[0]} with one SHA-384 digest",
                measured=f"block {index} with header {rest}",
            )
        values.append(value)
    return tuple(values)


def _opaque(data: bytes) -> Mapping[int, bytes]:
    """The fields by id; each id once, and the sizes fill the data exactly."""
    fields: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        if at + _FIELD.size > len(data):
            raise refuse(
                "NV-PARSE-OPAQUE",
                expected="a field of id, size and value",
                measured=f"{len(data) - at} bytes",
            )
        kind, size = _FIELD.unpack_from(data, at)
        at += _FIELD.size
        if at + size > len(data):
            raise refuse(
                "NV-PARSE-OPAQUE",
                expected=f"{size} bytes of field {kind}",
                measured=f"{len(data) - at} bytes",
            )
        if kind in fields:
            raise refuse(
                "NV-PARSE-OPAQUE", expected=f"field {kind} once", measured="the same field again"
            )
        fields[kind] = data[at : at + size]
        at += size
    return MappingProxyType(fields)


def _require_size(data: bytes, size: int) -> None:
    if len(data) < size:
        raise refuse(
            "NV-PARSE-TRUNCATED",
            expected=f"at least {size} bytes",
            measured=f"{len(data)} bytes",
        )

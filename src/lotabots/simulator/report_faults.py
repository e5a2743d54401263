"""Faults in the bytes of a report: what its device signs, and what happens to it afterwards."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from lotabots.simulator.devices import Device
from lotabots.simulator.faults import Fault
from lotabots.simulator.golden import golden
from lotabots.simulator.reports import REQUEST_SIZE, SIGNATURE_SIZE, Block, Field, Report
from lotabots.simulator.seeds import ORDER, SIGNATURE_HALF, pair

Signed = Callable[[bytes], bytes]
"""Changes a whole report, signature included."""
Said = Callable[[Report], bytes]
"""Encodes a report in some other way than it should be, for the device to sign."""

_NONCE, _SLOT = 4, 36
_VERSION, _COUNT, _RECORD_LENGTH, _FIRST_BLOCK = (
    REQUEST_SIZE,
    REQUEST_SIZE + 4,
    REQUEST_SIZE + 5,
    REQUEST_SIZE + 8,
)


def present(device: Device, nonce: bytes, fault: Fault | None) -> bytes:
    """The device's evidence for this nonce, with the fault if it is one of a report."""
    if fault and (said := SAID.get(fault)):
        return device.signed(said(device.report(nonce)))
    evidence = device.attest(nonce)
    signed = SIGNED.get(fault) if fault else None
    return signed(evidence) if signed else evidence


def malleate(evidence: bytes) -> bytes:
    """The same report with n - s for s: other bytes that ECDSA verifies just as well."""
    signed, r, s = _parts(evidence)
    return signed + pair(r, ORDER - s)


def _patched(offset: int, new: bytes) -> Said:
    def encode(report: Report) -> bytes:
        data = report.encode()
        return data[:offset] + new + data[offset + len(new) :]

    return encode


def _flipped(offset: int, bit: int = 0x01) -> Signed:
    """Flips a bit of one byte; a negative offset counts from the end."""

    def change(evidence: bytes) -> bytes:
        data = bytearray(evidence)
        data[offset] ^= bit
        return bytes(data)

    return change


def _parts(evidence: bytes) -> tuple[bytes, int, int]:
    """What is signed, r and s."""
    half = len(evidence) - SIGNATURE_HALF
    signed = evidence[:-SIGNATURE_SIZE]
    r = int.from_bytes(evidence[len(signed) : half], "big")
    return signed, r, int.from_bytes(evidence[half:], "big")


def _resigned(change: Callable[[int, int], bytes]) -> Signed:
    def replaced(evidence: bytes) -> bytes:
        signed, r, s = _parts(evidence)
        return signed + change(r, s)

    return replaced


def _version_12(report: Report) -> bytes:
    data = report.encode()
    return b"\x12" + data[1:_VERSION] + b"\x12" + data[_VERSION + 1 :]


def _twice(report: Report) -> bytes:
    """The version field again at the end of the opaque data."""
    names = [item.field for item in report.opaque]
    repeated = Field.DRIVER if Field.DRIVER in names else Field.VBIOS
    item = report.opaque[names.index(repeated)]
    return replace(report, opaque=(*report.opaque, item)).encode()


def _last_field_lies(report: Report) -> bytes:
    data = bytearray(report.encode())
    data[-len(report.opaque[-1].value) - 2] += 1
    return bytes(data)


def _record_length(delta: int) -> Said:
    def encode(report: Report) -> bytes:
        data = bytearray(report.encode())
        at = slice(_RECORD_LENGTH, _RECORD_LENGTH + 3)
        data[at] = (int.from_bytes(data[at], "little") + delta).to_bytes(3, "little")
        return bytes(data)

    return encode


def _with(field: Field, value: bytes | None) -> Said:
    return lambda report: report.with_opaque(field, value).encode()


def _other_nonce(report: Report) -> bytes:
    return replace(report, nonce=golden("another session", 0)[: len(report.nonce)]).encode()


SAID: Mapping[Fault, Said] = MappingProxyType(
    {
        Fault.FWID_DIFFERS: _with(Field.FWID, golden("other firmware", 0)),
        Fault.FWID_ABSENT: _with(Field.FWID, None),
        Fault.VERSION_12: _version_12,
        Fault.UNSIGNED_REQUESTED: _patched(2, b"\x00"),
        Fault.PARTIAL_REQUESTED: _patched(3, b"\x01"),
        Fault.SLOT_1: _patched(_SLOT, b"\x01"),
        Fault.BLOCK_COUNT_LIES: lambda report: _patched(_COUNT, bytes([len(report.blocks) - 1]))(
            report
        ),
        Fault.RECORD_LENGTH_LIES: _record_length(1),
        Fault.RECORD_LENGTH_HUGE: _patched(_RECORD_LENGTH, b"\xff\xff\xff"),
        Fault.BLOCK_LENGTH_LIES: _patched(_FIRST_BLOCK + 2, b"\x32"),
        Fault.BLOCK_TWICE: lambda report: report.with_blocks(
            lambda blocks: (blocks[0], Block(1, blocks[1].value), *blocks[2:])
        ).encode(),
        Fault.BLOCKS_MISSING: lambda report: report.with_blocks(lambda all_: all_[:10]).encode(),
        Fault.OPAQUE_TWICE: _twice,
        Fault.OPAQUE_LENGTH_LIES: _last_field_lies,
        Fault.OPAQUE_VERSION_2: _with(Field.OPAQUE_VERSION, b"\x02\x00"),
        Fault.FEATURE_UNKNOWN: _with(Field.FEATURE, b"\x07\x00"),
        Fault.OTHER_NONCE: _other_nonce,
    }
)

SIGNED: Mapping[Fault, Signed] = MappingProxyType(
    {
        Fault.NONCE_CHANGED: _flipped(_NONCE),
        Fault.REQUEST_BIT: _flipped(1, 0x80),
        Fault.MEASUREMENT_BIT: _flipped(_FIRST_BLOCK + 10 * 55 + 20),
        Fault.RESPONDER_NONCE_BIT: lambda evidence: _flipped(
            _FIRST_BLOCK + int.from_bytes(evidence[_RECORD_LENGTH : _RECORD_LENGTH + 3], "little")
        )(evidence),
        Fault.OPAQUE_BIT: _flipped(-SIGNATURE_SIZE - 1, 0x02),
        Fault.SIGNATURE_BIT: _flipped(-1),
        Fault.TRUNCATED: lambda evidence: evidence[:-SIGNATURE_HALF],
        Fault.TRAILING_BYTE: lambda evidence: evidence + b"\x00",
        Fault.SIGNATURE_SWAPPED: _resigned(lambda r, s: pair(s, r)),
        Fault.SIGNATURE_R_ZERO: _resigned(lambda _, s: pair(0, s)),
        Fault.SIGNATURE_S_ZERO: _resigned(lambda r, _: pair(r, 0)),
        Fault.SIGNATURE_R_ORDER: _resigned(lambda _, s: pair(ORDER, s)),
        Fault.SIGNATURE_S_ORDER: _resigned(lambda r, _: pair(r, ORDER)),
        Fault.SIGNATURE_ZERO: _resigned(lambda _r, _s: bytes(SIGNATURE_SIZE)),
        Fault.SIGNATURE_DER: _resigned(encode_dss_signature),
        Fault.SIGNATURE_MALLEATED: malleate,
    }
)

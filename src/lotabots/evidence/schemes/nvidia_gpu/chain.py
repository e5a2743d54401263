"""The device's certificate chain: five links to a pinned root, and which device it names.

1 leaf `GH100 A01 GSP FMC LF`, 2 `GH100 A01 GSP BROM`, 3 provisioner, 4 identity, 5 root.
A switch chains through NVIDIA GH100 Identity: what a device is follows from leaf, BROM and SAN.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import msgspec
from cryptography import x509

from lotabots.evidence import Anchor, Caches, Finding, Slot
from lotabots.evidence.schemes.nvidia_gpu.certs import (
    Certificate,
    anchor_of,
    load_pem,
    verify_path,
)
from lotabots.evidence.schemes.nvidia_gpu.codes import finding, refuse
from lotabots.kernel import format_time, sha256

LENGTH = 5
PLACES = ("leaf", "BROM", "provisioner", "identity", "root")


@dataclass(frozen=True, slots=True)
class Chip:
    """One chip that we know: how certificates write it, and what its BROM serial begins with."""

    name: str
    written: str
    kind: str
    serial_prefix: int


CHIPS = (
    Chip("GH100", "GH100", "gpu", 0x41),
    Chip("GB100", "GB100", "gpu", 0x41),
    Chip("LS10", "LS_10", "switch", 0x50),
)

# subjectAltName otherName of DMTF DSP0274: "vendor:chip:serial" as a UTF8String.
_SAN_DEVICE = x509.ObjectIdentifier("1.3.6.1.4.1.412.274.1")
# TCG DICE: a CompositeDeviceID with one FWID (Hopper, LS10), and DiceTcbInfo (Blackwell).
_FWID_HOPPER = x509.ObjectIdentifier("2.23.133.5.4.1")
_FWID_BLACKWELL = x509.ObjectIdentifier("2.23.133.5.4.1.1")
# SEQUENCE { OID id-sha384, OCTET STRING (48) }, without the SEQUENCE header.
_FWID_HEADER = bytes.fromhex("06096086480165030402020430")


class Identity(msgspec.Struct, frozen=True):
    """Which device the certificates name. Worth what the chain is worth."""

    chip: Chip
    id: str
    """Vendor, chip and serial from the leaf's SAN, e.g. `NVIDIA:GH100:48B02D92494BADF4`."""
    pdi: str
    """Per-device identifier from the BROM certificate's serial: 16 lower-case hex digits."""
    ueid: str
    """The leaf's serial number in decimal."""
    fwid: bytes | None
    """SHA-384 of the firmware the leaf was made for, or None in a leaf that has none."""


@dataclass(frozen=True, eq=False)
class DeviceChain:
    """Five parsed certificates, leaf first. Parsed is not trusted."""

    certificates: tuple[Certificate, ...]

    @cached_property
    def identity(self) -> Identity:
        """The device these certificates name. LotaError NV-CLASS-UNKNOWN, -MISMATCH, -IDENTITY."""
        return _identify(*self.certificates[:2])

    @property
    def leaf(self) -> Certificate:
        """The certificate whose key signs reports."""
        return self.certificates[0]

    @property
    def root(self) -> Certificate:
        """The last certificate."""
        return self.certificates[-1]


class ChainCheck(msgspec.Struct, frozen=True):
    """Whether the chain holds, under which anchor, and everything that is wrong with it."""

    anchor: Anchor | None
    findings: tuple[Finding, ...]

    @property
    def valid(self) -> bool:
        """Whether every certificate leads to a pinned root."""
        return self.anchor is not None and not self.findings


CHAINS: Slot[bytes, DeviceChain] = Slot("nvidia_gpu.chains", 8_192)
"""Parsed, not trusted: SHA-256 of the PEM text -> chain."""


def load_chain(pem: bytes, caches: Caches) -> DeviceChain:
    """The chain in this PEM text. LotaError NV-CHAIN-PARSE, -ALGORITHM, -LENGTH, NV-LIMIT-CHAIN."""
    digest = sha256(pem)
    memory = caches.of(CHAINS)
    known = memory.get(digest)
    if known is not None:
        return known
    certificates = load_pem(pem, caches)
    if len(certificates) != LENGTH:
        raise refuse(
            "NV-CHAIN-LENGTH",
            expected=f"{LENGTH} certificates",
            measured=f"{len(certificates)}",
        )
    return memory.put(digest, DeviceChain(certificates))


def verify_chain(
    chain: DeviceChain, subject: str, anchors: tuple[Anchor, ...], now: datetime, caches: Caches
) -> ChainCheck:
    """Whether the chain leads to one of the anchors at `now`, with every finding."""
    findings = [
        finding(
            code,
            subject,
            expected=f"{PLACES[place]} issued by {PLACES[min(place + 1, LENGTH - 1)]}",
            measured=_shown(chain.certificates[place]),
        )
        for code, place in verify_path(chain.certificates, caches)
    ]
    anchor = anchor_of(chain.root, anchors)
    if anchor is None:
        findings.append(
            finding(
                "NV-CHAIN-ROOT",
                subject,
                expected=" or ".join(f"{a.name} {a.spki_sha256.hex()[:16]}" for a in anchors),
                measured=f"{_shown(chain.root)} {chain.root.spki_sha256.hex()[:16]}",
            )
        )
    findings.extend(
        finding(
            "NV-CHAIN-TIME",
            subject,
            expected=f"{PLACES[place]} valid at {format_time(now)}",
            measured=f"{format_time(held.not_before)} to {format_time(held.not_after)}",
        )
        for place, held in enumerate(chain.certificates)
        if not held.valid_at(now)
    )
    return ChainCheck(anchor, tuple(findings))


def identify(chain: DeviceChain) -> Identity:
    """The chain's identity, as a function for those who handle its refusal."""
    return chain.identity


def _identify(leaf: Certificate, brom: Certificate) -> Identity:
    written = brom.name.partition(" ")[0]
    chip = next((chip for chip in CHIPS if chip.written == written), None)
    if chip is None:
        known = ", ".join(chip.name for chip in CHIPS)
        raise refuse("NV-CLASS-UNKNOWN", expected=known, measured=_shown(brom))
    if not brom.name.endswith(" BROM") or leaf.name != brom.name[: -len("BROM")] + "FMC LF":
        raise refuse(
            "NV-CLASS-MISMATCH",
            expected=f"a leaf of {_shown(brom)}",
            measured=_shown(leaf),
        )
    return Identity(
        chip=chip,
        id=_device_id(leaf, chip),
        pdi=_pdi(brom, chip),
        ueid=str(leaf.parsed.serial_number),
        fwid=_fwid(leaf),
    )


def _device_id(leaf: Certificate, chip: Chip) -> str:
    """`NVIDIA:<chip>:<16 hex digits>` from the one otherName of the SAN."""
    prefix = f"NVIDIA:{chip.written}:"
    values = [
        name.value
        for extension in leaf.extensions
        if isinstance(extension.value, x509.SubjectAlternativeName)
        for name in extension.value
        if isinstance(name, x509.OtherName) and name.type_id == _SAN_DEVICE
    ]
    text = values[0][2:].decode("ascii", "replace") if len(values) == 1 else ""
    digits = text[len(prefix) :]
    if (
        len(values) != 1
        or values[0][:2] != bytes((0x0C, len(text)))  # UTF8String, short length
        or not text.startswith("NVIDIA:")
        or len(digits) != 16
        or not set(digits) <= set("0123456789ABCDEF")
    ):
        raise refuse(
            "NV-CLASS-IDENTITY", expected=f"{prefix} and 16 hex digits", measured=repr(text[:64])
        )
    if not text.startswith(prefix):
        raise refuse("NV-CLASS-MISMATCH", expected=prefix, measured=text)
    return text


def _pdi(brom: Certificate, chip: Chip) -> str:
    """The BROM serial after its first byte, which tells GPU (0x41) from switch (0x50)."""
    serial = brom.parsed.serial_number
    digits = f"{serial:018x}"
    if len(digits) != 18 or int(digits[:2], 16) != chip.serial_prefix:
        raise refuse(
            "NV-CLASS-IDENTITY",
            expected=f"a BROM serial of 9 bytes that begins with {chip.serial_prefix:#x}",
            measured=digits[:64],
        )
    return digits[2:]


def _fwid(leaf: Certificate) -> bytes | None:
    """The firmware digest; None without the extension, NV-CLASS-IDENTITY if it is malformed."""
    found: list[bytes | None] = []
    for extension in leaf.extensions:
        value = extension.value
        if isinstance(value, x509.UnrecognizedExtension):
            if value.oid == _FWID_HOPPER:
                found.append(_composite_fwid(value.value))
            elif value.oid == _FWID_BLACKWELL:
                found.append(_tcb_info_fwid(value.value))
    if not found:
        return None
    if len(found) != 1 or found[0] is None:
        raise refuse("NV-CLASS-IDENTITY", expected="one SHA-384 FWID", measured="another form")
    return found[0]


def _composite_fwid(value: bytes) -> bytes | None:
    """The last 48 bytes, when they are the SHA-384 digest at the end of the structure."""
    return value[-48:] if value[-61:-48] == _FWID_HEADER else None


def _tcb_info_fwid(value: bytes) -> bytes | None:
    """Entry 0 of the FWID list, context tag [6] of DiceTcbInfo (TCG DICE attestation, 6.1.1)."""
    outer = _content(value, 0)
    if outer is None or value[0] != 0x30 or outer[1] != len(value):
        return None
    at = outer[0]
    while at < len(value):
        inner = _content(value, at)
        if inner is None:
            return None
        start, end = inner
        if value[at] == 0xA6:
            entry = value[start : min(end, start + 2 + 61)]
            whole = len(entry) == 63 and entry[:2] == b"\x30\x3d" and entry[2:15] == _FWID_HEADER
            return entry[15:] if whole else None
        at = end
    return None


def _content(value: bytes, at: int) -> tuple[int, int] | None:
    """Where the DER element at this offset begins and ends inside its header; lengths up to 255."""
    head = value[at : at + 3]
    if len(head) >= 2 and head[1] < 0x80:
        start, size = at + 2, head[1]
    elif len(head) == 3 and head[1] == 0x81:
        start, size = at + 3, head[2]
    else:
        return None
    return (start, start + size) if start + size <= len(value) else None


def _shown(certificate: Certificate) -> str:
    """A certificate's name for a message, cut: an attacker may have written it."""
    return repr(certificate.name[:64])

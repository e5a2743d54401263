"""Event logs and IMA lists of machines of our own, written independently of what reads them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha1, sha256, sha384
from pathlib import Path
from struct import pack
from typing import TypeVar
from uuid import UUID

from lotabots.kernel import LotaError

Data = TypeVar("Data", bytes, str)

GLOBAL = UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c")
SECURITY = UUID("d719b2cb-3d3a-4596-a3bc-dad00e67656f")
SHIM = UUID("605dab50-e046-4300-abb6-3dd810dd8b23")

NO_ACTION, SEPARATOR, CRTM, IPL = 0x3, 0x4, 0x8, 0xD
DRIVER_CONFIG, VARIABLE_BOOT, APPLICATION, ACTION = (0x80000000 + n for n in (1, 2, 3, 7))
AUTHORITY = 0x800000E0
SHA1, SHA256, SHA384 = 0x4, 0xB, 0xC
SIZES = {SHA1: 20, SHA256: 32, SHA384: 48}
HASHES = {SHA1: sha1, SHA256: sha256, SHA384: sha384}

EVENT_LOGS = (
    "eventlog-go-tpm-tools/arch-linux-workstation.bin",
    "eventlog-go-tpm-tools/cos-101-amd-sev.bin",
    "eventlog-go-tpm-tools/rhel8-uefi.bin",
    "eventlog-go-tpm-tools/ubuntu-2104-no-secure-boot.bin",
    "eventlog-keylime/binary_bios_measurements",
    "eventlog-keylime/binary_bios_measurements-secureboot",
)
"""Those of the vectors that are whole and have SHA-256 digests."""


def outcome(read: Callable[[Data], object], data: Data) -> str:
    """The code that the data is refused with; empty where it is read."""
    try:
        read(data)
    except LotaError as error:
        return error.code
    return ""


def published(vectors: Path, name: str) -> bytes:
    return (vectors / "tpm" / name).read_bytes()


@dataclass(frozen=True)
class Made:
    """One event; without `measured` its data is what was measured."""

    pcr: int
    type: int
    data: bytes
    measured: bytes | None = None

    def digest(self, bank: int = SHA256) -> bytes:
        return HASHES[bank](self.data if self.measured is None else self.measured).digest()


def old_event(pcr: int, kind: int, data: bytes, digest: bytes = bytes(20)) -> bytes:
    """TCG_PCClientPCREvent."""
    return pack("<II20sI", pcr, kind, digest, len(data)) + data


def spec(banks: Sequence[int] = (SHA256,), info: bytes = b"") -> bytes:
    """The first event."""
    sizes = b"".join(pack("<HH", bank, SIZES[bank]) for bank in banks)
    data = b"Spec ID Event03\0" + pack("<IBBBBI", 0, 0, 2, 0, 2, len(banks)) + sizes
    return old_event(0, NO_ACTION, data + pack("B", len(info)) + info)


def event(made: Made, banks: Sequence[int] = (SHA256,)) -> bytes:
    """TCG_PCR_EVENT2; one that extends nothing has digests of zeros."""
    extends = made.type != NO_ACTION
    digests = b"".join(
        pack("<H", bank) + (made.digest(bank) if extends else bytes(SIZES[bank])) for bank in banks
    )
    head = pack("<III", made.pcr, made.type, len(banks))
    return head + digests + pack("<I", len(made.data)) + made.data


def event_log(events: Iterable[Made], banks: Sequence[int] = (SHA256,)) -> bytes:
    return spec(banks) + b"".join(event(one, banks) for one in events)


def extended(events: Iterable[Made], locality: int = 0) -> dict[int, bytes]:
    """What a TPM's SHA-256 bank holds after these events."""
    pcrs = {pcr: bytes(32) for pcr in range(24)}
    pcrs[0] = bytes(31) + bytes([locality])
    for one in events:
        if one.type != NO_ACTION:
            pcrs[one.pcr] = sha256(pcrs[one.pcr] + one.digest()).digest()
    return pcrs


def variable(owner: UUID, name: str, value: bytes) -> bytes:
    """UEFI_VARIABLE_DATA."""
    text = name.encode("utf-16-le")
    return owner.bytes_le + pack("<QQ", len(name), len(value)) + text + value


def secure_boot(value: bytes = b"\x01") -> Made:
    return Made(7, DRIVER_CONFIG, variable(GLOBAL, "SecureBoot", value))


KEYS = (
    Made(7, DRIVER_CONFIG, variable(GLOBAL, "PK", b"a platform key")),
    Made(7, DRIVER_CONFIG, variable(GLOBAL, "KEK", b"a key exchange key")),
    Made(7, DRIVER_CONFIG, variable(SECURITY, "db", b"a list of signers")),
    Made(7, DRIVER_CONFIG, variable(SECURITY, "dbx", b"a list of what was withdrawn")),
)
SIGNER = Made(7, AUTHORITY, variable(SECURITY, "db", b"who signed shim"))
CALLING = Made(4, ACTION, b"Calling EFI Application from Boot Option")
SEPARATORS = tuple(Made(pcr, SEPARATOR, bytes(4)) for pcr in range(8))
APPLICATIONS = tuple(
    Made(4, APPLICATION, b"an image load event", measured=name) for name in (b"shim", b"linux")
)
FIRMWARE = Made(0, CRTM, "Firmware 1.0\0".encode("utf-16-le"))
BOOT = (
    FIRMWARE,
    secure_boot(),
    *KEYS,
    Made(1, VARIABLE_BOOT, variable(GLOBAL, "BootOrder", b"\0\0"), measured=b"\0\0"),
    CALLING,
    *SEPARATORS,
    SIGNER,
    *APPLICATIONS,
    Made(8, IPL, b"grub_cmd: linux\0", measured=b"linux"),
    Made(9, IPL, b"/vmlinuz\0", measured=b"the kernel"),
    Made(14, IPL, b"MokList\0", measured=b"a list of keys"),
)
"""A machine with secure boot that starts shim and Linux."""


def replaced(old: Made, new: Made | None, events: Sequence[Made] = BOOT) -> tuple[Made, ...]:
    """The events with one of them replaced, or left out."""
    kept = [new if one is old else one for one in events]
    return tuple(one for one in kept if one is not None)


def template_data(path: bytes, digest: str, more: bytes | None = None) -> bytes:
    """The fields of all templates but `ima`, each behind its length."""
    name, _, value = digest.rpartition(":")
    fields = [name.encode() + b":\0" + bytes.fromhex(value), path + b"\0"]
    if more is not None:
        fields.append(more)
    return b"".join(pack("<I", len(field)) + field for field in fields)


def measured(
    path: str, digest: str = "", template: str = "ima-ng", more: bytes | None = None
) -> tuple[str, bytes]:
    """A line of the list, and what PCR 10 is extended by; without digest that of the path."""
    digest = digest or f"sha256:{sha256(path.encode()).hexdigest()}"
    data = template_data(path.encode(), digest, more)
    tail = "" if more is None else f" {more.hex()}"
    line = f"10 {sha1(data).hexdigest()} {template} {digest} {path}{tail}\n"
    return line, sha256(data).digest()


def violation(path: str) -> tuple[str, bytes]:
    return f"10 {'0' * 40} ima-ng sha256:{'0' * 64} {path}\n", b"\xff" * 32


def ima_log(entries: Iterable[tuple[str, bytes]]) -> str:
    return "".join(line for line, _ in entries)


def ima_pcr(entries: Iterable[tuple[str, bytes]], start: bytes = bytes(32)) -> bytes:
    for _, extension in entries:
        start = sha256(start + extension).digest()
    return start

"""What the firmware of a simulated machine measures before the system runs, and its event log.

TCG PC Client Platform Firmware Profile 1.06: TCG_PCR_EVENT2 and the Spec ID event are section 10.2
and 10.4.5.1, event types 10.4.1, UEFI_VARIABLE_DATA 10.2.6, UEFI_IMAGE_LOAD_EVENT 10.2.3. Integers
are little-endian. The log has digests of the SHA-256 bank alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from hashlib import sha256
from struct import pack
from uuid import UUID

from cryptography.hazmat.primitives.serialization import Encoding

from lotabots.simulator.authorities import secure_boot_signer

SHA256_ID, SHA256_SIZE = 0x000B, 32
SHIM, LOADER, KERNEL = "shim 15.8", "grub 2.12", "linux 6.12.0"
APPLICATIONS = (SHIM, LOADER, KERNEL)
"""What a good machine starts, in that order."""

_GLOBAL = UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c")  # UEFI 2.10, section 3.3
_SECURITY = UUID("d719b2cb-3d3a-4596-a3bc-dad00e67656f")  # section 32.6.1: db and dbx
_OWNER = UUID("6c6f7461-626f-7473-2d73-696d756c6174")
_X509_LIST = UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072")  # EFI_CERT_X509_GUID, section 32.4.1
_SHA256_LIST = UUID("c1c41626-504c-4092-aca9-41f936934328")  # EFI_CERT_SHA256_GUID
_IMAGE_BASE = 0x7E00_0000


class Type(IntEnum):
    """Event types (section 10.4.1), as far as this machine has them."""

    NO_ACTION = 0x3
    SEPARATOR = 0x4
    S_CRTM_VERSION = 0x8
    IPL = 0xD
    VARIABLE_DRIVER_CONFIG = 0x80000001
    VARIABLE_BOOT = 0x80000002
    BOOT_SERVICES_APPLICATION = 0x80000003
    BOOT_SERVICES_DRIVER = 0x80000004
    GPT_EVENT = 0x80000006
    EFI_ACTION = 0x80000007
    PLATFORM_FIRMWARE_BLOB = 0x80000008
    VARIABLE_AUTHORITY = 0x800000E0


@dataclass(frozen=True, slots=True)
class Event:
    """One measurement: `digest` went into the PCR; `data` says what it was of."""

    pcr: int
    type: int
    digest: bytes
    data: bytes

    def encode(self) -> bytes:
        """TCG_PCR_EVENT2."""
        head = pack("<IIIH", self.pcr, self.type, 1, SHA256_ID)
        return head + self.digest + pack("<I", len(self.data)) + self.data


@dataclass(frozen=True)
class Boot:
    """How a machine was started. The same one gives the same log, on every simulated node."""

    secure_boot: bool = True
    firmware: str = "LotaBots Simulated Firmware 1.0"
    applications: tuple[str, ...] = APPLICATIONS

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """Everything that was measured, in order."""
        return (
            *self._firmware_events(),
            *self._variable_events(),
            *(_measured(pcr, Type.SEPARATOR, bytes(4)) for pcr in range(8)),
            *self._application_events(),
            *self._loader_events(),
        )

    @cached_property
    def pcrs(self) -> dict[int, bytes]:
        """PCRs 0 to 15 of the SHA-256 bank once the kernel runs."""
        return replay(self.events)

    @cached_property
    def log(self) -> bytes:
        """What /sys/kernel/security/tpm0/binary_bios_measurements gives."""
        return encode_log(self.events)

    def _firmware_events(self) -> list[Event]:
        blob = pack("<QQ", 0xFF00_0000, 0x0100_0000)
        return [
            _measured(0, Type.S_CRTM_VERSION, _utf16(self.firmware)),
            Event(0, Type.PLATFORM_FIRMWARE_BLOB, _digest(self.firmware), blob),
            Event(
                2,
                Type.BOOT_SERVICES_DRIVER,
                _digest("option ROM of a network card"),
                _image(0, b"\x7f\xff\x04\x00"),
            ),
        ]

    def _variable_events(self) -> list[Event]:
        """Secure boot's variables into PCR 7, then the boot order into PCR 1."""
        enabled = b"\x01" if self.secure_boot else b"\x00"
        signer = secure_boot_signer().certificate.public_bytes(Encoding.DER)
        signed = _signature_list(_X509_LIST, signer)
        variables = (
            (_GLOBAL, "SecureBoot", enabled),
            (_GLOBAL, "PK", signed),
            (_GLOBAL, "KEK", signed),
            (_SECURITY, "db", signed),
            (_SECURITY, "dbx", _signature_list(_SHA256_LIST, _digest("a withdrawn loader"))),
        )
        option = pack("<IH", 1, 4) + _utf16("LotaBots") + b"\x00\x00\x7f\xff\x04\x00"
        boot = (("BootOrder", b"\x00\x00"), ("Boot0000", option))
        return [
            *(
                _measured(7, Type.VARIABLE_DRIVER_CONFIG, _variable(*variable))
                for variable in variables
            ),
            # Of boot variables the content alone is measured (section 3.3.4.2).
            *(
                Event(
                    1,
                    Type.VARIABLE_BOOT,
                    sha256(value).digest(),
                    _variable(_GLOBAL, title, value),
                )
                for title, value in boot
            ),
        ]

    def _application_events(self) -> list[Event]:
        calling = _measured(4, Type.EFI_ACTION, b"Calling EFI Application from Boot Option")
        events = [calling]
        if self.secure_boot:
            signer = _OWNER.bytes_le + secure_boot_signer().certificate.public_bytes(Encoding.DER)
            authority = _variable(_SECURITY, "db", signer)
            events.append(_measured(7, Type.VARIABLE_AUTHORITY, authority))
        for place, application in enumerate(self.applications):
            path = _file_path(f"\\EFI\\lotabots\\{application.split()[0]}.efi")
            digest = application_digest(application)
            events.append(Event(4, Type.BOOT_SERVICES_APPLICATION, digest, _image(place, path)))
        return events

    def _loader_events(self) -> list[Event]:
        """Partitions, the loader's commands and files, shim's own lists, and the hand-over."""
        kernel = self.applications[-1]
        return [
            _measured(5, Type.GPT_EVENT, b"EFI PART" + bytes(84) + pack("<Q", 0)),
            Event(14, Type.IPL, _digest("MokList"), b"MokList\x00"),
            Event(14, Type.IPL, _digest("MokListX"), b"MokListX\x00"),
            Event(14, Type.IPL, sha256(b"\x01").digest(), b"MokListTrusted\x00"),
            _loaded(8, "grub_cmd: ", f"linux /boot/{kernel} root=LABEL=root ro"),
            _loaded(8, "kernel_cmdline: ", f"/boot/{kernel} root=LABEL=root ro ima_policy=tcb"),
            Event(9, Type.IPL, _digest(kernel), f"/boot/{kernel}\x00".encode()),
            Event(9, Type.IPL, _digest("initrd"), b"/boot/initrd\x00"),
            _measured(5, Type.EFI_ACTION, b"Exit Boot Services Invocation"),
            _measured(5, Type.EFI_ACTION, b"Exit Boot Services Returned with Success"),
        ]


GOOD_BOOT = Boot()


def application_digest(application: str) -> bytes:
    """The Authenticode digest of a boot application, as the firmware measures it."""
    return _digest(f"application {application}")


def replay(events: Iterable[Event]) -> dict[int, bytes]:
    """PCR -> its value after these events, for PCRs 0 to 15."""
    values = {number: bytes(SHA256_SIZE) for number in range(16)}
    for event in events:
        if event.type != Type.NO_ACTION:
            values[event.pcr] = extend(values[event.pcr], event.digest)
    return values


def extend(value: bytes, digest: bytes) -> bytes:
    """A PCR's value after this digest went into it (TPM 2.0 Library, Part 1, section 17.3)."""
    return sha256(value + digest).digest()


def encode_log(events: Iterable[Event]) -> bytes:
    """The events after the Spec ID event, which says that the log has SHA-256 digests alone."""
    spec = (
        b"Spec ID Event03\x00"
        + pack("<IBBBB", 0, 0, 2, 0, 2)  # client platform, version 2.00, errata 0, 64-bit UINTN
        + pack("<IHH", 1, SHA256_ID, SHA256_SIZE)
        + b"\x00"
    )
    header = pack("<II", 0, Type.NO_ACTION) + bytes(20) + pack("<I", len(spec)) + spec
    return header + b"".join(event.encode() for event in events)


def _measured(pcr: int, kind: Type, data: bytes) -> Event:
    """An event whose data is what was measured."""
    return Event(pcr, kind, sha256(data).digest(), data)


def _loaded(pcr: int, prefix: str, command: str) -> Event:
    """A command of the boot loader: its prefix stands in the log and is not measured."""
    data = f"{prefix}{command}\x00".encode()
    return Event(pcr, Type.IPL, sha256(command.encode()).digest(), data)


def _digest(of: str) -> bytes:
    return sha256(f"lotabots/simulator/{of}".encode()).digest()


def _utf16(text: str) -> bytes:
    return (text + "\x00").encode("utf-16-le")


def _variable(owner: UUID, title: str, value: bytes) -> bytes:
    """UEFI_VARIABLE_DATA; its name has no terminating zero."""
    text = title.encode("utf-16-le")
    return owner.bytes_le + pack("<QQ", len(title), len(value)) + text + value


def _signature_list(kind: UUID, content: bytes) -> bytes:
    """EFI_SIGNATURE_LIST of one signature (UEFI 2.10, section 32.4.1)."""
    size = 16 + len(content)
    return kind.bytes_le + pack("<III", 28 + size, 0, size) + _OWNER.bytes_le + content


def _image(place: int, path: bytes) -> bytes:
    """UEFI_IMAGE_LOAD_EVENT."""
    return pack("<QQQQ", _IMAGE_BASE + place * 0x10_0000, 0x8_0000, 0, len(path)) + path


def _file_path(name: str) -> bytes:
    """A device path of one file (UEFI 2.10, section 10.3.5.4) and its end."""
    text = _utf16(name)
    return pack("<BBH", 4, 4, 4 + len(text)) + text + b"\x7f\xff\x04\x00"

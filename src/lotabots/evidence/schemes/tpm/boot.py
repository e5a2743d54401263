"""What a replayed event log says of the boot: secure boot, applications, firmware, its own lies.

What is believed of a log is the order of its digests in a PCR that the TPM signed. Types and data
are the node's word, so everything here is found by digest: PCR 7 with the digest of SecureBoot = 1
before its separator says that secure boot is on, whatever the log calls that event. Who extends the
PCR after the separator cannot say so any more. All of it is the firmware's word, as good as the
firmware that PCR 0 names.

TCG PC Client Platform Firmware Profile 1.05: what is measured where is section 3.3.4, event types
and whether their digest is that of their data 10.4.1, UEFI_VARIABLE_DATA 10.2.6. MokSBState is how
shim (MokManager) is told not to validate what it starts.
"""

from hashlib import sha256
from struct import Struct
from typing import Literal, TypeAlias
from uuid import UUID

import msgspec

from lotabots.evidence import Caches, Slot
from lotabots.evidence.schemes.tpm.chain import Problem
from lotabots.evidence.schemes.tpm.event_log import Event, EventLog, read_event_log

SecureBoot: TypeAlias = Literal["enabled", "disabled", "unknown"]

MAX_NAMED = 20
MAX_KEPT = 256
"""Events of PCR 4 or 7 that are kept to be judged; firmware makes about ten."""
APPLICATIONS, AUTHORITIES = 4, 7
"""The PCRs of boot applications, and of secure boot's variables and signers."""
SEPARATED = range(8)

_SEPARATOR = 0x4
_S_CRTM_VERSION = 0x8
_VARIABLE_DRIVER_CONFIG = 0x80000001
_VARIABLE_BOOT = 0x80000002
_BOOT_SERVICES_APPLICATION = 0x80000003
_VARIABLE_BOOT2 = 0x8000000C
_VARIABLE_AUTHORITY = 0x800000E0
_OF_ALL = frozenset({_VARIABLE_DRIVER_CONFIG, _VARIABLE_BOOT2})
_OF_ALL_OR_VALUE = frozenset({_VARIABLE_BOOT, _VARIABLE_AUTHORITY})
"""Of boot variables firmware measures the value, or all; the profile has changed its mind."""
_VARIABLE = Struct("<16sQQ")

_GLOBAL = UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c")  # EFI_GLOBAL_VARIABLE, UEFI 2.10, 3.3
_SHIM = UUID("605dab50-e046-4300-abb6-3dd810dd8b23")


def variable_data(owner: UUID, name: str, value: bytes) -> bytes:
    """UEFI_VARIABLE_DATA of one variable."""
    text = name.encode("utf-16-le")
    return _VARIABLE.pack(owner.bytes_le, len(name), len(value)) + text + value


def _digest(data: bytes) -> bytes:
    return sha256(data).digest()


SEPARATORS = frozenset({_digest(bytes(4)), _digest(b"\xff" * 4)})
ERROR = _digest(b"\x01\x00\x00\x00")
"""What firmware measures in place of a separator when it failed."""
ENABLED = _digest(variable_data(_GLOBAL, "SecureBoot", b"\x01"))
DISABLED = frozenset(_digest(variable_data(_GLOBAL, "SecureBoot", value)) for value in (b"", b"\0"))
NOT_VALIDATED = frozenset(
    _digest(variable_data(_SHIM, "MokSBState", bytes([value]))) for value in range(1, 256)
)
ACTIONS = frozenset(
    {
        _digest(b"Calling EFI Application from Boot Option"),
        _digest(b"Returning from EFI Application from Boot Option"),
    }
)
"""What firmware says of itself in PCR 4."""


class Measured(msgspec.Struct, frozen=True):
    """A measurement that is not the firmware's own word: its digest, and what the log calls it."""

    digest: bytes
    application: bool


class Boot(msgspec.Struct, frozen=True, kw_only=True):
    """One event log, reduced to what is judged. Nothing of it holds before its PCR is compared."""

    events: int
    pcrs: dict[int, bytes]
    """PCR -> its value after the log."""
    secure_boot: SecureBoot
    unseparated: tuple[int, ...]
    """PCRs 0 to 7 without a separator, or with the one that says that the firmware failed."""
    applications: tuple[Measured, ...] | None
    """What PCR 4 was extended by, without separators and actions; None where it is too much."""
    authorities: tuple[bytes, ...] | None
    """The same of PCR 7, without separators and SecureBoot."""
    firmware: str
    """The version in EV_S_CRTM_VERSION; empty where there is none."""
    false: tuple[Problem, ...]
    """Variables and separators whose data is not what was measured."""


BOOTS: Slot[bytes, Boot] = Slot("tpm.boots", 1_024)
"""SHA-256 of an event log -> what it says: it stays the same until the node reboots."""


def read_boot(log: bytes, caches: Caches) -> Boot:
    """What the log says, taken apart once for each `caches`. LotaError TPM-*EVENTLOG*."""
    memory = caches.of(BOOTS)
    key = _digest(log)
    return memory.get(key) or memory.put(key, boot_of(read_event_log(log)))


def boot_of(log: EventLog) -> Boot:
    """What a log says that was taken apart."""
    applications = [
        Measured(event.digest, event.type == _BOOT_SERVICES_APPLICATION)
        for event in log.of(APPLICATIONS)
        if event.digest not in SEPARATORS and event.digest not in ACTIONS
    ]
    authorities = [
        event.digest
        for event in log.of(AUTHORITIES)
        if event.digest not in SEPARATORS and event.digest != ENABLED
    ]
    return Boot(
        events=log.count,
        pcrs=dict(log.pcrs),
        secure_boot=_secure_boot(log),
        unseparated=_unseparated(log),
        applications=tuple(applications) if len(applications) <= MAX_KEPT else None,
        authorities=tuple(authorities) if len(authorities) <= MAX_KEPT else None,
        firmware=_firmware(log),
        false=_false(log),
    )


def _secure_boot(log: EventLog) -> SecureBoot:
    """What PCR 7 says of SecureBoot before its separator, and of shim's validation after it."""
    digests = [event.digest for event in log.of(AUTHORITIES)]
    end = next((place for place, digest in enumerate(digests) if digest in SEPARATORS), None)
    if end is None:
        return "unknown"
    before = digests[:end]
    if not DISABLED.isdisjoint(before) or not NOT_VALIDATED.isdisjoint(digests):
        return "disabled"
    return "enabled" if ENABLED in before else "unknown"


def _unseparated(log: EventLog) -> tuple[int, ...]:
    ended = {event.pcr for event in log.events if event.digest in SEPARATORS}
    failed = {event.pcr for event in log.events if event.digest == ERROR}
    return tuple(pcr for pcr in SEPARATED if pcr not in ended or pcr in failed)


def _firmware(log: EventLog) -> str:
    """The version as text, of what PCR 0 was really extended by."""
    for event in log.of(0):
        if event.digest in SEPARATORS:
            break
        if event.type == _S_CRTM_VERSION and _digest(event.data) == event.digest:
            return _text(event.data[:256])
    return ""


def _text(data: bytes) -> str:
    """UTF-16 or ASCII with or without a zero at its end, else the hex of it (a GUID)."""
    for coding in ("utf-16-le", "ascii"):
        try:
            text = data.decode(coding).rstrip("\0")
        except UnicodeDecodeError:
            continue
        if text.isascii() and text.isprintable():
            return text
    return data.hex()


def _false(log: EventLog) -> tuple[Problem, ...]:
    """Each event whose digest is not of its data, where the profile says that it has to be."""
    found = []
    for event in log.events:
        if _is_false(event):
            found.append(
                Problem(
                    "TPM-EVENTLOG-FALSE",
                    f"PCR {event.pcr}, type {event.type:#x}: the digest of {_named(event)}",
                    event.digest.hex(),
                )
            )
            if len(found) == MAX_NAMED:
                break
    return tuple(found)


def _is_false(event: Event) -> bool:
    kind = event.type
    if kind == _SEPARATOR:
        return event.digest not in (_digest(event.data), ERROR)
    if kind in _OF_ALL:
        return event.digest != _digest(event.data)
    if kind in _OF_ALL_OR_VALUE:
        return event.digest not in (_digest(event.data), _digest(_variable(event.data)[1]))
    return False


def _named(event: Event) -> str:
    if event.type == _SEPARATOR:
        return event.data[:16].hex()
    name = _variable(event.data)[0]
    return name if name.isprintable() else "a variable"


def _variable(data: bytes) -> tuple[str, bytes]:
    """Name and value in UEFI_VARIABLE_DATA; both empty where it is none."""
    if len(data) < _VARIABLE.size:
        return "", b""
    _, characters, size = _VARIABLE.unpack_from(data)
    start = _VARIABLE.size + 2 * characters
    if len(data) != start + size:
        return "", b""
    name = data[_VARIABLE.size : start][:128].decode("utf-16-le", "replace")
    return name, data[start:]

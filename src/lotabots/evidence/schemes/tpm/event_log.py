"""What the firmware says it measured: its event log taken apart exactly, and replayed per PCR.

TCG PC Client Platform Firmware Profile 1.05, chapter 10. Little-endian; offsets in bytes:

TCG_PCClientPCREvent (10.2.1): 0 pcrIndex (4) | 4 eventType (4) | 8 SHA-1 digest (20)
                               | 28 eventSize (4) | 32 event
The log's first event has this form: EV_NO_ACTION with TCG_EfiSpecIdEvent (10.4.5.1):
                               0 "Spec ID Event03", 0 | 16 platformClass (4) | 20 version (3)
                               | 23 uintnSize (1) | 24 numberOfAlgorithms (4)
                               | 28 algorithm (2), digestSize (2) of each | vendorInfoSize (1), info
TCG_PCR_EVENT2 (10.2.2), all others: 0 pcrIndex (4) | 4 eventType (4) | 8 count (4)
                               | algorithm (2), digest of each | eventSize (4) | event

An event extends its PCR by its SHA-256 digest, EV_NO_ACTION excepted. PCRs begin at zero; PCR 0 at
the locality of TPM2_Startup where the log has a StartupLocality event (10.4.5.3). Nothing that an
event says of itself is true because the log replays: only its digest is.
"""

from collections.abc import Mapping
from hashlib import sha256
from struct import Struct
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from lotabots.evidence.schemes.tpm.codes import refuse
from lotabots.kernel import LotaError

MAX_LOG = 512 * 1024
MAX_EVENTS = 20_000
MAX_PCR = 23
SIZE = 32
"""Of a PCR and of a digest in the SHA-256 bank."""
ZERO = bytes(SIZE)

NO_ACTION = 0x3

_HEAD = Struct("<III")
_ALGORITHM = Struct("<HH")
_LENGTH = Struct("<I")
_OLD_HEAD = Struct("<II20sI")
_SPEC_HEAD = Struct("<16sI3sBI")
_SPEC = b"Spec ID Event03\0"
_LOCALITY = b"StartupLocality\0"
_LOCALITIES = (0, 3, 4)
_SHA256 = 0x000B
_MAX_ALGORITHMS = 16
_MAX_DIGEST = 64


class Event(NamedTuple):
    """One event, its digest that of the SHA-256 bank."""

    pcr: int
    type: int
    digest: bytes
    data: bytes
    """What the firmware says of it."""


class EventLog(msgspec.Struct, frozen=True):
    """An event log taken apart, and the PCRs that it leads to."""

    events: tuple[Event, ...]
    """Those that extended a PCR, in order."""
    count: int
    """All events, with the first one and those that extend nothing."""
    pcrs: Mapping[int, bytes]
    """PCR -> its value in the end; one without events is not there, but for PCR 0."""

    def of(self, pcr: int) -> tuple[Event, ...]:
        """The events of one PCR."""
        return tuple(event for event in self.events if event.pcr == pcr)


def read_event_log(data: bytes) -> EventLog:
    """The log in exactly these bytes. Time and memory are linear in their number.

    LotaError TPM-LIMIT-EVENTLOG, TPM-EVENTLOG-MALFORMED, TPM-EVENTLOG-SHA1.
    """
    if len(data) > MAX_LOG:
        raise _too_large(f"at most {MAX_LOG} bytes", f"{len(data)} bytes")
    sizes, at = _read_first(data)
    events: list[Event] = []
    count, locality, begun = 1, None, False
    while at < len(data):
        event, at = _read_event(data, at, sizes)
        count += 1
        if count > MAX_EVENTS:
            raise _too_large(f"at most {MAX_EVENTS} events", "more")
        if event.type != NO_ACTION:
            events.append(event)
            begun = begun or event.pcr == 0
        elif event.data.startswith(_LOCALITY):
            # Later it would say that PCR 0 was reset, which no firmware can do.
            if locality is not None or begun or len(event.data) != len(_LOCALITY) + 1:
                raise _malformed("one StartupLocality, before PCR 0 is extended", "another", at)
            locality = event.data[-1]
            if locality not in _LOCALITIES:
                raise _malformed(f"a locality of {_LOCALITIES}", f"{locality}", at)
    return EventLog(tuple(events), count, MappingProxyType(_replay(events, locality or 0)))


def _read_first(data: bytes) -> tuple[Mapping[int, int], int]:
    """Size of digest by algorithm, as the first event has them, and where the second begins."""
    if len(data) < _OLD_HEAD.size:
        raise _malformed(f"{_OLD_HEAD.size} bytes", f"{len(data)}", 0)
    pcr, kind, digest, length = _OLD_HEAD.unpack_from(data)
    end = _OLD_HEAD.size + length
    spec = data[_OLD_HEAD.size : end]
    if (pcr, kind) != (0, NO_ACTION) or not spec.startswith(_SPEC):
        if _is_old(data):
            raise refuse(
                "TPM-EVENTLOG-SHA1", expected="a log with SHA-256 digests", measured="SHA-1 alone"
            )
        raise _malformed("a Spec ID event of version 3", spec[:16].hex() or "none", 0)
    if any(digest) or len(spec) != length:
        raise _malformed(f"a digest of zeros and {length} bytes", f"{len(spec)} bytes", 0)
    sizes = _read_spec(spec)
    if sizes.get(_SHA256) != SIZE:
        named = ", ".join(f"{algorithm:#06x}" for algorithm in sizes)
        raise refuse(
            "TPM-EVENTLOG-SHA1", expected="a log with SHA-256 digests", measured=f"banks {named}"
        )
    return sizes, end


def _read_spec(spec: bytes) -> Mapping[int, int]:
    """Size of digest by algorithm."""
    if len(spec) < _SPEC_HEAD.size:
        raise _malformed(f"{_SPEC_HEAD.size} bytes of a Spec ID event", f"{len(spec)}", 0)
    count = _SPEC_HEAD.unpack_from(spec)[-1]
    info = _SPEC_HEAD.size + _ALGORITHM.size * count
    if not 1 <= count <= _MAX_ALGORITHMS or len(spec) <= info or len(spec) != info + 1 + spec[info]:
        raise _malformed("a Spec ID event of its length", f"{count} banks, {len(spec)} bytes", 0)
    sizes = dict(_ALGORITHM.iter_unpack(spec[_SPEC_HEAD.size : info]))
    if len(sizes) != count or not all(1 <= size <= _MAX_DIGEST for size in sizes.values()):
        raise _malformed("each bank once, of at most 64 bytes", f"{count} banks", 0)
    return sizes


def _read_event(data: bytes, start: int, sizes: Mapping[int, int]) -> tuple[Event, int]:
    """The event that begins there, and where the next one does."""
    end = len(data)
    at = start + _HEAD.size
    if at > end:
        raise _malformed(f"{_HEAD.size} bytes of an event", f"{end - start}", start)
    pcr, kind, count = _HEAD.unpack_from(data, start)
    if not 1 <= count <= len(sizes) or (pcr > MAX_PCR and kind != NO_ACTION):
        raise _malformed("an event of a PCR and of banks", f"PCR {pcr}, {count} digests", start)
    digest, seen = b"", list[int]()
    for _ in range(count):
        algorithm = int.from_bytes(data[at : at + 2], "little")
        size = sizes.get(algorithm, 0)
        at += 2 + size
        if not size or at + _LENGTH.size > end or algorithm in seen:
            raise _malformed("a digest of each bank once", f"bank {algorithm:#06x}", start)
        seen.append(algorithm)
        if algorithm == _SHA256:
            digest = data[at - size : at]
    if not digest:
        raise _malformed("a SHA-256 digest", "none", start)
    length = _LENGTH.unpack_from(data, at)[0]
    at += _LENGTH.size
    if length > end - at:
        raise _malformed(f"{length} bytes of event data", f"{end - at}", start)
    return Event(pcr, kind, digest, data[at : at + length]), at + length


def _is_old(data: bytes) -> bool:
    """Whether all of it has the form of events with SHA-1 digests alone (10.2.1)."""
    at = 0
    while at < len(data):
        if at + _OLD_HEAD.size > len(data):
            return False
        pcr, _, _, length = _OLD_HEAD.unpack_from(data, at)
        at += _OLD_HEAD.size + length
        if pcr > MAX_PCR or at > len(data):
            return False
    return True


def _replay(events: list[Event], locality: int) -> dict[int, bytes]:
    pcrs = {0: bytes(SIZE - 1) + bytes([locality])}
    for pcr, _, digest, _ in events:
        pcrs[pcr] = sha256(pcrs.get(pcr, ZERO) + digest).digest()
    return pcrs


def _too_large(expected: str, measured: str) -> LotaError:
    return refuse("TPM-LIMIT-EVENTLOG", expected=expected, measured=measured)


def _malformed(expected: str, measured: str, at: int) -> LotaError:
    return refuse("TPM-EVENTLOG-MALFORMED", expected=f"{expected} at {at}", measured=measured)

"""Faults in the logs that go with a quote: they do not say what the TPM measured."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from struct import pack
from types import MappingProxyType

from lotabots.simulator.tpm.boot import KERNEL, Boot, Event, Type, application_digest, encode_log
from lotabots.simulator.tpm.faults import TpmFault
from lotabots.simulator.tpm.ima import Measured
from lotabots.simulator.tpm.root import Root

Events = list[Event]
LogFault = Callable[[Root, Boot], Root]
"""The evidence and how the machine was really started -> the evidence that is sent."""
_MALFORMED = "10 zz ima-ng sha256:00 /usr/bin/bash\n"


def _events(change: Callable[[Events], Events]) -> LogFault:
    return lambda root, boot: replace(root, event_log=encode_log(change(list(boot.events))))


def _digest_changed(events: Events) -> Events:
    digest = sha256(b"something else").digest()
    return [*events[:1], replace(events[1], digest=digest), *events[2:]]


def _added(events: Events) -> Events:
    data = b"an event that no TPM saw"
    return [*events, Event(4, Type.EFI_ACTION, sha256(data).digest(), data)]


def _secure_boot_lies(events: Events) -> Events:
    """The data of SecureBoot says 1, the digest is that of 0, which is what was measured."""
    title = "SecureBoot".encode("utf-16-le")
    return [
        replace(event, data=event.data[:-1] + b"\x01") if title in event.data else event
        for event in events
    ]


def _application_lies(events: Events) -> Events:
    """The digest of the last application is that of the good kernel."""
    places = [n for n, one in enumerate(events) if one.type == Type.BOOT_SERVICES_APPLICATION]
    last = places[-1]
    events[last] = replace(events[last], digest=application_digest(KERNEL))
    return events


def _huge(log: bytes, events: Events) -> bytes:
    """The last event announces 2^32 - 1 bytes."""
    size = len(events[-1].data)
    return log[: -size - 4] + pack("<I", 0xFFFF_FFFF) + log[-size:]


def _ima(change: Callable[[list[str]], list[str]]) -> LogFault:
    def changed(root: Root, _: Boot) -> Root:
        if root.ima is None:
            return root
        start, text = root.ima
        return replace(root, ima=(start, "".join(change(text.splitlines(keepends=True)))))

    return changed


def _ahead(root: Root, _: Boot) -> Root:
    if root.ima is None:
        return root
    start, text = root.ima
    return replace(root, ima=(start + 2, "".join(text.splitlines(keepends=True)[2:])))


LOGS: Mapping[TpmFault, LogFault] = MappingProxyType(
    {
        TpmFault.LOG_DIGEST_CHANGED: _events(_digest_changed),
        TpmFault.LOG_EVENT_REMOVED: _events(lambda events: [*events[:3], *events[4:]]),
        TpmFault.LOG_EVENT_ADDED: _events(_added),
        TpmFault.LOG_SECURE_BOOT_LIES: _events(_secure_boot_lies),
        TpmFault.LOG_APPLICATION_LIES: _events(_application_lies),
        TpmFault.LOG_TRUNCATED: lambda root, boot: replace(root, event_log=boot.log[:-7]),
        TpmFault.LOG_LENGTH_HUGE: lambda root, boot: replace(
            root, event_log=_huge(boot.log, list(boot.events))
        ),
        TpmFault.LOG_ABSENT: lambda root, _: replace(root, event_log=None),
        TpmFault.IMA_LINE_REMOVED: _ima(lambda lines: [*lines[:-2], *lines[-1:]]),
        TpmFault.IMA_LINE_CHANGED: _ima(
            lambda lines: [*lines[:-1], lines[-1].replace("/usr/", "/opt/")]
        ),
        TpmFault.IMA_LINE_ADDED: _ima(lambda lines: [*lines, Measured.of("/usr/bin/bash").line]),
        TpmFault.IMA_AHEAD: _ahead,
        TpmFault.IMA_MALFORMED: _ima(lambda lines: [*lines[:-1], _MALFORMED]),
        TpmFault.IMA_ABSENT: lambda root, _: replace(root, ima=None),
    }
)

"""The host as its kernel describes it: processors, memory, disks, load (proc(5), statvfs(3)).

What is missing, or has another form than Linux gives it, is absent.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from lotabots.evidence.schemes.host_claims import Cpu, Disk, HostUse

Value = TypeVar("Value")

_MAX_FILE = 4 * 1024 * 1024
_MAX_DISKS = 32
_MAX_WORD = 128
_KIBIBYTE = 1024
# Local file systems that hold somebody's bytes. Those of the network are left out: a server that is
# away would hold up who asks for its size, for ever.
_DISKS = frozenset({"btrfs", "ext2", "ext3", "ext4", "f2fs", "xfs", "zfs"})
_ESCAPED = re.compile(r"\\([0-7]{3})")
_NOT_PRINTABLE = re.compile(r"[^ -~]")
_PROCESSOR = re.compile(r"^cpu[0-9]+ ", re.MULTILINE)
_MODEL = re.compile(r"^model name\s*:\s*(.*)$", re.MULTILINE)
_NAME = re.compile(r'^PRETTY_NAME="?(.*?)"?$', re.MULTILINE)


_TYPES = {field.name: field.type for field in msgspec.structs.fields(HostUse)}


class Times(NamedTuple):
    """Of all processors since boot, in ticks."""

    busy: int
    total: int


class Names(NamedTuple):
    """What the machine is called and runs."""

    os: str | None
    kernel: str | None
    architecture: str | None
    boot_id: str | None


class Host:
    """One machine. Remembers the processors' times, so that use is over the time between."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._times: Times | None = None

    def names(self) -> Names:
        """Operating system, kernel, architecture, boot."""
        release = self._read("etc/os-release") or self._read("usr/lib/os-release")
        name = _NAME.search(release)
        return Names(
            os=_word(name[1]) if name else None,
            kernel=_word(os.uname().release),
            architecture=_word(os.uname().machine),
            boot_id=_word(self._read("proc/sys/kernel/random/boot_id")),
        )

    def cpu(self) -> Cpu:
        """Model and number of the processors."""
        model = _MODEL.search(self._read("proc/cpuinfo"))
        return Cpu(model=_word(model[1]) if model else None, threads=self._threads())

    def memory(self) -> int | None:
        """Bytes that the kernel manages."""
        total = self._memory().get("MemTotal")
        return total if _fits("memory", total) else None

    def use(self) -> HostUse:
        """How busy and how full the machine is."""
        memory = self._memory()
        load = _or_none(lambda: [float(part) for part in self._read("proc/loadavg").split()[:3]])
        load1, load5, load15 = load if load is not None and len(load) == 3 else (None, None, None)
        values = {
            "uptime": _or_none(lambda: int(float(self._read("proc/uptime").split()[0]))),
            "threads": self._threads(),
            "cpu": self._busy(),
            "load1": load1,
            "load5": load5,
            "load15": load15,
            "memory": memory.get("MemTotal"),
            "memory_available": memory.get("MemAvailable"),
            "swap": memory.get("SwapTotal"),
            "swap_free": memory.get("SwapFree"),
            "disks": tuple(self._disks()),
        }
        # What a report cannot hold is left out, so that nothing else of it is refused.
        fitting = {name: value for name, value in values.items() if _fits(name, value)}
        return msgspec.convert(fitting, HostUse)

    def _threads(self) -> int | None:
        return len(_PROCESSOR.findall(self._read("proc/stat"))) or None

    def _busy(self) -> int | None:
        """Percent of the processors' time since the last call; None in the first one."""
        now, before = _or_none(lambda: _times(self._read("proc/stat"))), self._times
        self._times = now
        if now is None or before is None or now.total <= before.total:
            return None
        percent = round(100 * (now.busy - before.busy) / (now.total - before.total))
        return min(max(percent, 0), 100)

    def _memory(self) -> Mapping[str, int]:
        """The lines of /proc/meminfo that are in kB, in bytes."""
        found = {}
        for line in self._read("proc/meminfo").splitlines():
            name, _, rest = line.partition(":")
            size, _, unit = rest.strip().partition(" ")
            if unit == "kB" and size.isdecimal():
                found[name] = int(size) * _KIBIBYTE
        return found

    def _disks(self) -> Iterator[Disk]:
        """Each local file system once, where it is mounted first."""
        seen: set[str] = set()
        for line in self._read("proc/mounts").splitlines():
            source, _, rest = line.partition(" ")
            mount, _, rest = rest.partition(" ")
            kind = rest.partition(" ")[0]
            if source in seen or not (kind in _DISKS or mount == "/"):
                continue
            seen.add(source)
            disk = self._disk(_unescaped(mount))
            if disk is not None and len(seen) <= _MAX_DISKS:
                yield disk

    def _disk(self, mount: str) -> Disk | None:
        try:
            sizes = os.statvfs(self._root / mount.lstrip("/"))
        except (OSError, ValueError):
            return None
        name = _word(mount)
        if name is None or not sizes.f_blocks:
            return None
        return Disk(
            mount=name,
            total=sizes.f_blocks * sizes.f_frsize,
            available=sizes.f_bavail * sizes.f_frsize,
        )

    def _read(self, name: str) -> str:
        """The text of a file, empty where there is none."""
        try:
            with (self._root / name).open("rb") as file:
                return file.read(_MAX_FILE).decode("utf-8", "replace")
        except OSError:
            return ""


def _times(stat: str) -> Times:
    """The sum of all processors; time of guests is part of `user` already."""
    name, *ticks = stat.partition("\n")[0].split()
    user, nice, system, idle, iowait, irq, softirq, steal = map(int, ticks[:8])
    if name != "cpu":
        raise ValueError(name)
    busy = user + nice + system + irq + softirq + steal
    return Times(busy=busy, total=busy + idle + iowait)


def _fits(name: str, value: object) -> bool:
    try:
        msgspec.convert(value, _TYPES[name])
    except msgspec.ValidationError:
        return False
    return True


def _or_none(read: Callable[[], Value]) -> Value | None:
    try:
        return read()
    except (ValueError, IndexError, OverflowError):
        return None


def _word(text: str) -> str | None:
    """The text as statements may hold it: one line of printable ASCII, not too long, not empty."""
    return _NOT_PRINTABLE.sub("?", text.strip())[:_MAX_WORD] or None


def _unescaped(mount: str) -> str:
    """A mount point as it is: proc(5) writes a space as backslash 040."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), mount)

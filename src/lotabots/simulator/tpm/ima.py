"""The list of files that a simulated kernel has measured (IMA), and what they do to PCR 10.

Linux, security/integrity/ima: template `ima-ng` has two fields, `d-ng` (algorithm, colon, zero,
digest) and `n-ng` (path, zero), each behind its length in 32 bits, little-endian. The list shows
SHA-1 of that; the SHA-256 bank is extended by SHA-256 of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha1, sha256
from struct import pack
from typing import Self

PCR = 10
_VIOLATION = b"\xff" * 32


@dataclass(frozen=True, slots=True)
class Measured:
    """One file that was opened, by content; `violation` means that it was written meanwhile."""

    path: str
    digest: bytes
    """SHA-256 of the file."""
    violation: bool = False

    @classmethod
    def of(cls, path: str, content: bytes | None = None) -> Self:
        """The file with this content; without one, the content that its path has everywhere."""
        return cls(path, sha256(path.encode() if content is None else content).digest())

    @property
    def extension(self) -> bytes:
        """What goes into PCR 10 of the SHA-256 bank."""
        return _VIOLATION if self.violation else sha256(self._template()).digest()

    @property
    def line(self) -> str:
        """Its line in /sys/kernel/security/ima/ascii_runtime_measurements."""
        shown = bytes(20) if self.violation else sha1(self._template()).digest()  # noqa: S324 the kernel's
        digest = bytes(32) if self.violation else self.digest
        return f"{PCR} {shown.hex()} ima-ng sha256:{digest.hex()} {self.path}\n"

    def _template(self) -> bytes:
        digest = b"sha256:\x00" + self.digest
        path = self.path.encode() + b"\x00"
        return pack("<I", len(digest)) + digest + pack("<I", len(path)) + path


AT_BOOT = tuple(
    Measured.of(path)
    for path in (
        "/usr/lib/systemd/systemd",
        "/usr/lib/x86_64-linux-gnu/libc.so.6",
        "/usr/bin/bash",
        "/usr/sbin/sshd",
        "/usr/bin/python3.11",
    )
)
"""What every good machine has measured once it is up, beside the boot aggregate."""


def boot_aggregate(pcrs: dict[int, bytes]) -> Measured:
    """The first entry: SHA-256 over PCRs 0 to 9 as the kernel found them."""
    joined = b"".join(pcrs[number] for number in range(10))
    return Measured("boot_aggregate", sha256(joined).digest())


def list_of(entries: Iterable[Measured]) -> str:
    """The list as text."""
    return "".join(entry.line for entry in entries)

"""What the kernel keeps of a node's start and its files: the event log, and the list of IMA.

Both are files that only root may read on most systems (securityfs).
"""

import re
from pathlib import Path

from lotabots.kernel import Kind, LotaError

EVENT_LOG = Path("/sys/kernel/security/tpm0/binary_bios_measurements")
IMA_LIST = Path("/sys/kernel/security/ima/ascii_runtime_measurements")
MAX_EVENT_LOG = 256 * 1024
"""Bytes. Evidence has one MiB for everything, and the log becomes a third longer in it."""
MAX_IMA = 512 * 1024
"""Bytes of the part that is sent."""
MAX_LINE = 8 * 1024
_BEGINS = b"10 "
"""The PCR; the kernel writes `_` for spaces in names."""
_ENTRIES = re.compile(rb"(?<=\n)(?=10 )")


def read_event_log(path: Path = EVENT_LOG) -> bytes | None:
    """The firmware's log; None where this machine has none.

    Raises `TPM_LOG_DENIED`, `TPM_LOG_UNREADABLE`, `TPM_LOG_TOO_LARGE`.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_EVENT_LOG + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unread(path, error) from error
    if len(data) > MAX_EVENT_LOG:
        raise _too_large(path, MAX_EVENT_LOG)
    return data


def read_ima(start: int, path: Path = IMA_LIST) -> list[str] | None:
    """The entries from this one (0: the first) on; None where the kernel keeps no list.

    Names of files are any bytes: a line break in one does not begin an entry, and an entry that is
    no UTF-8 is read as ISO 8859-1. So no user can keep a node from being believed by a name.
    Raises `TPM_LOG_DENIED`, `TPM_LOG_UNREADABLE`, `TPM_LOG_TOO_LARGE`.
    """
    lines: list[bytes] = []
    left, number = MAX_IMA, -1
    try:
        with path.open("rb") as file:
            # A line longer than any path may be would come in parts and be counted wrongly.
            for line in iter(lambda: file.readline(MAX_LINE), b""):
                number += number < 0 or line.startswith(_BEGINS)
                if number < start:
                    continue
                left -= len(line)
                if left < 0 or not line.endswith(b"\n"):
                    raise _too_large(path, MAX_IMA)
                lines.append(line)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unread(path, error) from error
    return [_text(entry) for entry in _ENTRIES.split(b"".join(lines)) if entry]


def _text(entry: bytes) -> str:
    try:
        return entry.decode()
    except UnicodeDecodeError:
        return entry.decode("latin-1")


def _unread(path: Path, error: OSError) -> LotaError:
    if isinstance(error, PermissionError):
        detail = f"This user may not read {path}."
        return LotaError(Kind.UNAVAILABLE, "TPM_LOG_DENIED", detail)
    detail = f"{path} cannot be read: {error.strerror or error}."
    return LotaError(Kind.UNAVAILABLE, "TPM_LOG_UNREADABLE", detail)


def _too_large(path: Path, most: int) -> LotaError:
    detail = f"What is to be sent of {path} is longer than {most} bytes."
    return LotaError(Kind.UNAVAILABLE, "TPM_LOG_TOO_LARGE", detail)

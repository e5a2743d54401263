"""What the kernel keeps of a node's start and its files: the event log, and the list of IMA.

Both are files that only root may read on most systems (securityfs).
"""

from pathlib import Path

from lotabots.kernel import Kind, LotaError

EVENT_LOG = Path("/sys/kernel/security/tpm0/binary_bios_measurements")
IMA_LIST = Path("/sys/kernel/security/ima/ascii_runtime_measurements")
MAX_EVENT_LOG = 256 * 1024
"""Bytes. Evidence has one MiB for everything, and the log becomes a third longer in it."""
MAX_IMA = 512 * 1024
"""Bytes of the part that is sent."""
MAX_LINE = 8 * 1024


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
    """The lines from this one (0: the first) on; None where the kernel keeps no list.

    Raises `TPM_LOG_DENIED`, `TPM_LOG_UNREADABLE`, `TPM_LOG_TOO_LARGE`.
    """
    lines: list[str] = []
    left = MAX_IMA
    try:
        with path.open("rb") as file:
            # A line longer than any path may be would come in parts and be counted wrongly.
            for number, line in enumerate(iter(lambda: file.readline(MAX_LINE), b"")):
                if number < start:
                    continue
                left -= len(line)
                if left < 0 or not line.endswith(b"\n"):
                    raise _too_large(path, MAX_IMA)
                lines.append(line.decode())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unread(path, error) from error
    except UnicodeDecodeError as error:
        detail = f"{path} names a file whose name is not UTF-8."
        raise LotaError(Kind.UNAVAILABLE, "TPM_LOG_UNREADABLE", detail) from error
    return lines


def _unread(path: Path, error: OSError) -> LotaError:
    if isinstance(error, PermissionError):
        detail = f"This user may not read {path}."
        return LotaError(Kind.UNAVAILABLE, "TPM_LOG_DENIED", detail)
    detail = f"{path} cannot be read: {error.strerror or error}."
    return LotaError(Kind.UNAVAILABLE, "TPM_LOG_UNREADABLE", detail)


def _too_large(path: Path, most: int) -> LotaError:
    detail = f"What is to be sent of {path} is longer than {most} bytes."
    return LotaError(Kind.UNAVAILABLE, "TPM_LOG_TOO_LARGE", detail)

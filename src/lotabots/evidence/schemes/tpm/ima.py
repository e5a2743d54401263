"""The files that the kernel measured (IMA): its list taken apart, and replayed into PCR 10.

Linux, security/integrity/ima: ima_fs.c writes a line of `ascii_runtime_measurements`, ima_template*
.c say what an entry is made of, ima_crypto.c what of it is hashed. A line:

    10 SHA-1 of the template data, template, digest, path[, signature or buffer]

    ima                 template data: digest (20) | path, zeros up to 256 bytes
    ima-ng, -sig, -buf  each field behind its length (4, little-endian): "sha256:", 0, digest
                        | path and a zero | signature or buffer, where the template has one
    ima-ngv2, -sigv2    the same, the digest with what it is of: "ima:sha256:", "verity:..."

The SHA-256 bank is extended by SHA-256 of the template data (Linux 5.8 and later; before, by SHA-1
with zeros after it, which is not followed here). An entry shown with a hash of zeros is a
violation: a file was written while it was measured, the PCR was extended by ff..ff, and nothing of
the line is proven. The kernel writes `_` for spaces in paths, so a line has one reading.
"""

import re
from collections.abc import Sequence
from hashlib import sha1, sha256
from struct import Struct
from typing import NamedTuple

from lotabots.evidence.schemes.tpm.codes import refuse
from lotabots.kernel import LotaError, equal

MAX_ENTRIES = 50_000
PCR = 10
SIZE = 32

_START = "10 "
_VIOLATION = b"\xff" * SIZE
_NO_HASH = "0" * 40
_MAX_OLD_PATH = 255
_LENGTH = Struct("<I")
_DIGEST = re.compile(r"([a-z0-9-]{1,32}):((?:[0-9a-f]{2}){1,64})")
_DIGEST_V2 = re.compile(r"(ima|verity):([a-z0-9-]{1,32}):((?:[0-9a-f]{2}){1,64})")
_OLD_DIGEST = re.compile(r"(?:[0-9a-f]{2}){16,20}")
_MORE = re.compile(r"(?:[0-9a-f]{2})*")
_TEMPLATES = {
    "ima-ng": (_DIGEST, 3),
    "ima-sig": (_DIGEST, 4),
    "ima-buf": (_DIGEST, 4),
    "ima-ngv2": (_DIGEST_V2, 3),
    "ima-sigv2": (_DIGEST_V2, 4),
}
"""Template -> the form of its digest, and how many fields of a line it and they are."""


class Entry(NamedTuple):
    """One measured file."""

    path: str
    digest: str
    """As the kernel shows it, with its algorithm: `sha256:...`, `verity:sha256:...`."""
    extension: bytes
    """What PCR 10 was extended by."""
    violation: bool


def read_ima(log: str) -> tuple[Entry, ...]:
    """The entries of these lines, each with the hash beside it recomputed. Linear.

    LotaError TPM-LIMIT-IMA, TPM-IMA-MALFORMED, TPM-IMA-TEMPLATE, TPM-IMA-FALSE.
    """
    if not log:
        return ()
    count = log.count("\n")
    if count > MAX_ENTRIES:
        raise refuse(
            "TPM-LIMIT-IMA", expected=f"at most {MAX_ENTRIES} entries", measured=f"{count} lines"
        )
    if not log.startswith(_START) or not log.endswith("\n"):
        raise _malformed("lines that begin with PCR 10 and end", 0)
    # A path may hold a line break, and never a space: so this is where entries begin.
    lines = log[len(_START) : -1].split("\n" + _START)
    return tuple(_read_entry(line, place) for place, line in enumerate(lines))


def replay(entries: Sequence[Entry], start: bytes, target: bytes) -> int | None:
    """How many of the entries lead from `start` to `target`; None where no number of them does.

    The kernel goes on measuring between quote and list: what comes after that number is not proven.
    """
    value = start
    if equal(value, target):
        return 0
    for place, entry in enumerate(entries, 1):
        value = sha256(value + entry.extension).digest()
        if equal(value, target):
            return place
    return None


def _read_entry(line: str, place: int) -> Entry:
    shown, *fields = line.split(" ")
    template = fields[0] if fields else ""
    if len(shown) != len(_NO_HASH) or not fields:
        raise _malformed("a SHA-1 hash and a template", place)
    if template == "ima":
        return _read_old(shown, fields, place)
    form, size = _TEMPLATES.get(template, (None, 0))
    if form is None:
        raise refuse(
            "TPM-IMA-TEMPLATE",
            expected=", ".join(("ima", *_TEMPLATES)),
            measured=f"{template[:40]!r} in entry {place}",
        )
    found = form.fullmatch(fields[1]) if len(fields) == size else None
    if found is None:
        raise _malformed(f"fields of {template}", place)
    *names, digest = found.groups()
    head = _sized(f"{':'.join(names)}:\0".encode() + bytes.fromhex(digest))
    tail = b""
    if size == 4:
        if _MORE.fullmatch(fields[3]) is None:
            raise _malformed("a signature or buffer in hex", place)
        tail = _sized(bytes.fromhex(fields[3]))
    for path in _paths(fields[2]):
        data = head + _sized(path + b"\0") + tail
        entry = _entry(shown, path, fields[1], data)
        if entry is not None:
            return entry
    raise _false(shown, place)


def _read_old(shown: str, fields: Sequence[str], place: int) -> Entry:
    """An entry of the template `ima`."""
    if len(fields) != 3 or _OLD_DIGEST.fullmatch(fields[1]) is None:
        raise _malformed("a digest and a path", place)
    digest = bytes.fromhex(fields[1])
    name = "sha1" if len(digest) == 20 else "md5"
    for path in _paths(fields[2]):
        if len(path) > _MAX_OLD_PATH:
            raise _malformed(f"a path of at most {_MAX_OLD_PATH} bytes", place)
        data = digest + path.ljust(_MAX_OLD_PATH + 1, b"\0")
        entry = _entry(shown, path, f"{name}:{fields[1]}", data)
        if entry is not None:
            return entry
    raise _false(shown, place)


def _entry(shown: str, path: bytes, digest: str, data: bytes) -> Entry | None:
    """The entry with this template data; None where the hash beside it is of something else."""
    text = path.decode(errors="backslashreplace")
    if shown == _NO_HASH:
        return Entry(text, digest, _VIOLATION, violation=True)
    if sha1(data).hexdigest() != shown:  # noqa: S324 the kernel's own hash; the TPM's is SHA-256
        return None
    return Entry(text, digest, sha256(data).digest(), violation=False)


def _paths(text: str) -> tuple[bytes, ...]:
    """The bytes that may stand behind a path: of UTF-8, or one for each character.

    Names are bytes to the kernel. A list that is no UTF-8 is sent as ISO 8859-1, and the hash says
    which one it was.
    """
    if text.isascii():
        return (text.encode(),)
    try:
        return text.encode(), text.encode("latin-1")
    except UnicodeEncodeError:
        return (text.encode(errors="replace"),)


def _sized(data: bytes) -> bytes:
    return _LENGTH.pack(len(data)) + data


def _malformed(expected: str, place: int) -> LotaError:
    return refuse("TPM-IMA-MALFORMED", expected=expected, measured=f"another, in entry {place}")


def _false(shown: str, place: int) -> LotaError:
    return refuse(
        "TPM-IMA-FALSE",
        expected=f"the hash of entry {place}",
        measured=shown if shown.isalnum() else "no hash",
    )

"""What a log says of itself at one time: origin, size and root, as text (C2SP tlog-checkpoint)."""

import re

import msgspec

from lotabots.kernel import LotaError, decode_base64, encode_base64, invalid
from lotabots.tlog.tree import EMPTY_ROOT, HASH_BYTES, MAX_SIZE

MAX_ORIGIN_BYTES = 255
"""What the signed message of an ML-DSA cosignature has room for (C2SP tlog-cosignature)."""

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


class Checkpoint(msgspec.Struct, frozen=True):
    """The log `origin` has `size` entries, and `root` is the root of their tree.

    Raises `TLOG_CHECKPOINT` for what cannot be written as one. Extension lines are refused: no
    auditor can check them, and an ML-DSA signature does not cover them.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not self.origin.isprintable() or not 1 <= len(_utf8(self.origin)) <= MAX_ORIGIN_BYTES:
            raise _malformed("its origin is not a printable line of 1 to 255 bytes")
        if not 0 <= self.size <= MAX_SIZE or len(self.root) != HASH_BYTES:
            raise _malformed("its size or root is none of a tree")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise _malformed("its root is not that of an empty tree")

    def text(self) -> str:
        """The text that is signed: three lines."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """The checkpoint that `text` writes as exactly this. Raises `TLOG_CHECKPOINT`."""
        lines = text.split("\n")
        if len(lines) != 4 or lines[3]:
            raise _malformed("it has not three lines")
        if not _SIZE.fullmatch(lines[1]):
            raise _malformed("its size is not a decimal number")
        try:
            return cls(lines[0], int(lines[1]), decode_base64(lines[2]))
        except LotaError as error:
            if error.code == "TLOG_CHECKPOINT":
                raise
            raise _malformed("its root is not in base64") from error


def _utf8(text: str) -> bytes:
    # A lone surrogate has no bytes; it is not printable either, so the length is never asked for.
    return text.encode("utf-8", "surrogatepass")


def _malformed(why: str) -> LotaError:
    return invalid("TLOG_CHECKPOINT", f"This is no checkpoint: {why}.")

"""Bytes of a TPM taken apart from the front: big-endian, exact, and nothing left over.

TPM 2.0 Library, Part 1, section on marshalling: integers are big-endian, a TPM2B is a size of two
bytes and as many bytes.
"""

from lotabots.evidence.schemes.tpm.codes import refuse
from lotabots.kernel import LotaError


class Reader:
    """The bytes that are still to be read. Every misfit raises the code it was made with."""

    __slots__ = ("_at", "_code", "_data")

    def __init__(self, data: bytes, code: str, most: int) -> None:
        self._data = data
        self._code = code
        self._at = 0
        if len(data) > most:
            raise self.misfit(f"at most {most} bytes", f"{len(data)} bytes")

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        start, end = self._at, self._at + size
        if end > len(self._data):
            raise self.misfit(f"{size} bytes at {start}", f"{len(self._data) - start}")
        self._at = end
        return self._data[start:end]

    def number(self, size: int) -> int:
        """The next `size` bytes as an unsigned integer."""
        return int.from_bytes(self.take(size))

    def sized(self, most: int) -> bytes:
        """The content of a TPM2B of at most `most` bytes."""
        size = self.number(2)
        if size > most:
            raise self.misfit(f"a field of at most {most} bytes", f"{size} bytes")
        return self.take(size)

    def end(self) -> None:
        """Nothing, if everything was read."""
        if self._at != len(self._data):
            raise self.misfit(f"{self._at} bytes", f"{len(self._data)} bytes")

    def misfit(self, expected: str, measured: str) -> LotaError:
        """The refusal, to be raised."""
        return refuse(self._code, expected=expected, measured=measured)

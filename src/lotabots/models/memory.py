"""A model whose files are in memory: what was uploaded, and what tests make."""

from collections.abc import Mapping

from lotabots.kernel import Kind, LotaError, invalid
from lotabots.models.findings import Finding
from lotabots.models.types import FileKind, Listed


class Memory:
    """The content of one file."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        """Bytes in all."""
        return len(self._data)

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes. Raises `MODEL_READ_RANGE`."""
        if offset < 0 or length < 0 or offset + length > len(self._data):
            raise out_of_range(offset, length, len(self._data))
        return self._data[offset : offset + length]


class MemoryTree:
    """Files by path."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = dict(sorted(files.items()))
        self.findings: tuple[Finding, ...] = ()

    @property
    def listed(self) -> tuple[Listed, ...]:
        """Every file, in code-point order."""
        return tuple(
            Listed(path=path, kind=FileKind.REGULAR, size=len(data))
            for path, data in self._files.items()
        )

    def content(self, path: str) -> Memory:
        """The content of this file. Raises `MODEL_FILE_UNKNOWN`."""
        if path not in self._files:
            raise unknown_file(path)
        return Memory(self._files[path])


def out_of_range(offset: int, length: int, size: int) -> LotaError:
    """The error of reading what a file does not have."""
    detail = f"The file has {size} bytes; {length} bytes at {offset} are not all there."
    return invalid("MODEL_READ_RANGE", detail)


def unknown_file(path: str) -> LotaError:
    """The error of asking for a file that is not in the tree."""
    detail = "There is no such regular file in the model."
    return LotaError(Kind.NOT_FOUND, "MODEL_FILE_UNKNOWN", detail, path=path[:200])

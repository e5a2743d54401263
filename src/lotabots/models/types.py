"""What an AI model is here: files in a tree, the tensors in them, and how their bytes are read."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

import msgspec

from lotabots.kernel import Json
from lotabots.models.findings import Finding


class Algorithm(StrEnum):
    """Digests of files that OpenSSF Model Signing v1.0 registers (specification, section 6.3)."""

    SHA256 = "sha256"
    BLAKE2B = "blake2b"
    BLAKE3 = "blake3"

    @property
    def size(self) -> int:
        """Bytes of a digest."""
        return 64 if self is Algorithm.BLAKE2B else 32


class FileKind(StrEnum):
    """What a name in a model's folder is; only regular files have content that is read."""

    REGULAR = "regular"
    SYMLINK = "symlink"
    OTHER = "other"
    """A pipe, a socket, a device: never opened."""


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One name below a model's folder, before anything of it was read."""

    path: str
    """Relative, parts joined by `/`; for a model of one file, the file's own name."""
    kind: FileKind
    size: int
    """Bytes; 0 for what is no regular file."""
    target: str = ""
    """Where a symbolic link points, as it is written there."""


class FileEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One regular file by its content."""

    path: str
    size: int
    digest: bytes
    """Over the whole content, by the manifest's algorithm."""
    cached: bool = False
    """The digest was remembered from an earlier reading, not computed from the bytes now."""


class TensorEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One tensor: its name, type and shape, and which bytes of which file hold it."""

    name: str
    dtype: str
    """As the file's format names it, e.g. `BF16` (safetensors), `Q4_K` (GGUF)."""
    shape: tuple[int, ...]
    """Slowest dimension first, whatever the format's order is."""
    path: str
    begin: int
    """Offset of its first byte in the file."""
    end: int
    """Offset behind its last byte."""
    digest: bytes = b""
    """BLAKE3 of these bytes, 32 bytes; empty where only the header was read."""


class Content(Protocol):
    """The bytes of one file, read by place. Implemented in memory and by an open file."""

    @property
    def size(self) -> int:
        """Bytes in all."""

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes. Raises `MODEL_READ_RANGE` if they are not all there."""


class Tree(Protocol):
    """A model's files. Implemented in memory and by a folder on disk."""

    @property
    def listed(self) -> tuple[Listed, ...]:
        """Every name below it in code-point order, folders themselves left out."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with the names themselves, e.g. one that is not UTF-8."""

    def content(self, path: str) -> Content:
        """The content of this regular file. Raises `MODEL_FILE_UNKNOWN`, `MODEL_READ_*`."""


class Parsed(msgspec.Struct, frozen=True, kw_only=True):
    """What the header of one file says, and everything that is wrong with it."""

    format: str
    """`safetensors`, `gguf`, `onnx`, ...; of the content, never of the name."""
    tensors: tuple[TensorEntry, ...] = ()
    facts: Mapping[str, Json] = {}
    """What the header states, e.g. `architecture`; claims of the file's author."""
    findings: tuple[Finding, ...] = ()


class Hashed(msgspec.Struct, frozen=True, kw_only=True):
    """A tree by its content."""

    algorithm: Algorithm
    files: tuple[FileEntry, ...]
    """In code-point order of their paths."""
    tensors: tuple[TensorEntry, ...] = ()
    """With digests; in code-point order of their names. Empty where tensors were not asked for."""
    findings: tuple[Finding, ...] = ()
    """What could not be read or changed while it was; then no digest of it is listed."""

    @property
    def cached(self) -> bool:
        """Whether any digest was remembered instead of computed."""
        return any(entry.cached for entry in self.files)

"""What a scan said about a model's files, as far as a verdict needs it, and what it was allowed."""

import msgspec

from lotabots.models import Finding

PICKLES = frozenset({"pickle", "pytorch"})
"""Formats that are programs for a machine that makes objects."""


class ScannedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the scan."""

    path: str
    format: str
    """By content: `safetensors`, `gguf`, `json`, `text`; empty where nobody knows it."""
    size: int


class Scanned(msgspec.Struct, frozen=True, kw_only=True):
    """A whole scan: every file, and every finding about the files and between them."""

    files: tuple[ScannedFile, ...]
    findings: tuple[Finding, ...]
    templates: frozenset[str] = frozenset()
    """Hex SHA-256 of the chat templates that the scan was told are approved."""
    pinned_code: frozenset[str] = frozenset()
    """Hex SHA-256 of the files with code that the scan was told may come along."""
    pickle: bool = False
    """Whether the scan was told that pickles of known content will do."""

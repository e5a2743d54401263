"""What a scan allows, and what was approved beforehand; everything else is refused or unknown."""

from collections.abc import Mapping

import msgspec

from lotabots.models.types import TensorEntry

FORMATS = frozenset(
    {"text", "json", "yaml", "safetensors", "gguf", "onnx", "npy", "sentencepiece"}
    | {"keras", "hdf5", "npz"}
)
"""Formats that are allowed by default: those of which every part is read here."""


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """The model that an adapter is made for."""

    tensors: tuple[TensorEntry, ...]
    digest: str = ""
    """`sha256:...`, its identity; empty where it was not computed."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a scan allows. Digests are SHA-256, `sha256:` and 64 hexadecimal digits."""

    allow_pickle: bool = False
    """Whether files that are pickles, or hold one, are judged by their imports, not refused."""
    formats: frozenset[str] = FORMATS
    approved_templates: frozenset[str] = frozenset()
    """Chat templates, each by the digest of its text."""
    approved_tokenizers: frozenset[str] = frozenset()
    """Vocabularies, as `vocabulary_digest` gives them. Empty: none is compared."""
    approved_files: Mapping[str, str] = {}
    """Digests of files that must be exactly so, by path: generation_config.json, a prompt."""
    pinned_code: frozenset[str] = frozenset()
    """Python files that were read by somebody, each by the digest of its content."""
    base: Base | None = None

"""A trust policy for models as it is written: the shape of its YAML, every limit in it."""

from typing import Annotated, Literal, TypeAlias

import msgspec

Line: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Name: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}\Z")]
Digest: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
Path: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]

MAX_RULES = 256
MAX_SIGNERS = 16


class Certificate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A signer by certificate: the root that vouches, and whom it vouches for."""

    root: Digest
    """Hex SHA-256 of the root certificate (DER)."""
    subject: Annotated[str, msgspec.Meta(min_length=1, max_length=199)]
    """Of the leaf, as RFC 4514 writes it; compared whole."""


class Sigstore(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A signer by identity: who signed, and who knew them. Both compared whole."""

    identity: Line
    issuer: Line


class Signer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may sign: exactly one of `key`, `certificate`, `sigstore`."""

    key: Annotated[str, msgspec.Meta(max_length=4096)] | None = None
    """PEM of a public key, or its fingerprint: hex SHA-256 of the SubjectPublicKeyInfo (DER)."""
    certificate: Certificate | None = None
    sigstore: Sigstore | None = None
    until: str | None = None
    """Until when the signer is trusted (RFC 3339); for good where it is left out."""


class Pinned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Code that may come along, file by file."""

    pinned: Annotated[tuple[Digest, ...], msgspec.Meta(min_length=1, max_length=64)]


SAFE_FORMATS = ("safetensors", "gguf", "json", "yaml", "text", "sentencepiece")
"""Formats that hold weights or words, and nothing that runs."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule as its policy writes it."""

    match: Line
    mode: Literal["enforce", "warn", "off"]
    signers: Annotated[tuple[Signer, ...], msgspec.Meta(max_length=MAX_SIGNERS)] = ()
    threshold: Annotated[int, msgspec.Meta(ge=1, le=MAX_SIGNERS)] = 1
    formats: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1, max_length=64)] = SAFE_FORMATS
    hash: Annotated[
        tuple[Literal["sha256", "blake2b", "blake3"], ...], msgspec.Meta(min_length=1)
    ] = ("sha256", "blake3")
    require: tuple[Literal["strong_manifest", "tensor_root"], ...] = ()
    allow_ignore: Annotated[tuple[Path, ...], msgspec.Meta(max_length=64)] = ()
    remote_code: Literal["deny"] | Pinned = "deny"
    min_version: Annotated[str, msgspec.Meta(max_length=64)] = ""
    max_age: str | None = None
    expires: str | None = None
    controls: Annotated[tuple[Name, ...], msgspec.Meta(max_length=16)] = ()
    templates: Annotated[tuple[Digest, ...], msgspec.Meta(max_length=64)] = ()


class Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A policy as written."""

    name: Name
    description: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    rules: Annotated[tuple[Rule, ...], msgspec.Meta(min_length=1, max_length=MAX_RULES)]

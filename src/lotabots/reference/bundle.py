r"""A signed, content-addressed, numbered bundle of reference files, in one portable file.

Layout, all of it, nothing after it:

    offset 0   12 bytes  the text `LOTABUNDLE1\n`
    offset 12   4 bytes  length of the envelope, big-endian
    offset 16            the envelope: DSSE v1 over the manifest
    then                 the files, one after the other, as many bytes as the manifest says of each

The manifest is canonical JSON `{schema, name, number, created, files: [{name, sha256, size}]}`; its
SHA-256 is the bundle's id. Nothing behind the envelope is looked at before its signature has held.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from lotabots.evidence import ReferenceFiles
from lotabots.kernel import (
    Kind,
    LotaError,
    SigningKey,
    VerificationKeys,
    canonical,
    decode_base64,
    equal,
    format_time,
    invalid,
    open_envelope,
    parse_time,
    sha256_hex,
    sign_envelope,
    strict_struct,
)

MAGIC = b"LOTABUNDLE1\n"
PAYLOAD_TYPE = "application/vnd.lotabots.reference-bundle.v1+json"
SCHEMA = "lotabots/reference-bundle/v1"

MAX_FILES = 4096
MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_BUNDLE_BYTES = 64 * 1024 * 1024
MAX_MANIFEST_BYTES = 2 * 1024 * 1024
MAX_ENVELOPE_BYTES = 3 * 1024 * 1024
"""A manifest in base64, and room for signatures."""

_HEADER_BYTES = len(MAGIC) + 4

FileName = Annotated[
    str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+\Z")
]
BundleName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}\Z")]
Number = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
Sha256Hex = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class FileEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of a bundle, by content. The name is for people; nothing follows from it."""

    name: FileName
    sha256: Sha256Hex
    size: Annotated[int, msgspec.Meta(ge=0, le=MAX_FILE_BYTES)]


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the signature is over. `number` only ever grows under one name."""

    schema: Literal["lotabots/reference-bundle/v1"]
    name: BundleName
    number: Number
    created: str
    files: Annotated[tuple[FileEntry, ...], msgspec.Meta(max_length=MAX_FILES)]

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(entry.size for entry in self.files)


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle whose signature and whose every file was verified."""

    id: str
    """Lowercase hex SHA-256 of the manifest: the same content, name and number give the same id."""
    manifest: Manifest
    envelope: bytes
    contents: tuple[bytes, ...]
    """In the order of the manifest."""

    def reference_files(self) -> ReferenceFiles:
        """The files as verification takes them."""
        names = (entry.name for entry in self.manifest.files)
        return ReferenceFiles.of(zip(names, self.contents, strict=True))


class Standing(msgspec.Struct, frozen=True):
    """The number and the id of a bundle that this instance already has."""

    number: int
    id: str


def build_bundle(
    name: str,
    number: int,
    created: datetime,
    files: Mapping[str, bytes] | Iterable[tuple[str, bytes]],
    key: SigningKey,
) -> bytes:
    """The portable file over these files, signed. Raises what `open_bundle` would refuse it for."""
    ordered = ReferenceFiles.of(files).files
    plain = {
        "schema": SCHEMA,
        "name": name,
        "number": number,
        "created": format_time(created),
        "files": [
            {"name": path, "sha256": sha256_hex(data), "size": len(data)} for path, data in ordered
        ],
    }
    payload = canonical(plain)
    _read_manifest(payload)
    return pack(sign_envelope(PAYLOAD_TYPE, payload, key), (data for _, data in ordered))


def pack(envelope: bytes, contents: Iterable[bytes]) -> bytes:
    """The portable file of an envelope and its files, in the order of the manifest."""
    return b"".join((MAGIC, len(envelope).to_bytes(4, "big"), envelope, *contents))


def open_bundle(data: bytes, keys: VerificationKeys) -> Bundle:
    """The bundle in these bytes, if one of `keys` signed it and every byte is as signed.

    Raises LotaError: `REFERENCE_TOO_LARGE`, `REFERENCE_MALFORMED`, `REFERENCE_TRUNCATED`,
    `REFERENCE_SIGNER_UNKNOWN`, `REFERENCE_EDITED` (naming the file).
    """
    if len(data) > MAX_BUNDLE_BYTES:
        raise invalid("REFERENCE_TOO_LARGE", f"A bundle is at most {MAX_BUNDLE_BYTES} bytes.")
    envelope, rest = _split(data)
    payload = _verified_payload(envelope, keys)
    manifest = _read_manifest(payload)
    if manifest.size != len(rest):
        raise _wrong_length(manifest, len(rest))
    return Bundle(
        id=sha256_hex(payload),
        manifest=manifest,
        envelope=envelope,
        contents=tuple(_slices(manifest, rest)),
    )


def open_stored(envelope: bytes, contents: Mapping[str, bytes], bundle_id: str) -> Bundle:
    """The bundle put together from what this instance stored: its envelope, its blobs by digest.

    Its signature was verified when it was imported; the id ties the manifest to that moment, so
    that a key retired since does not take the bundle away. Raises `REFERENCE_EDITED`,
    `REFERENCE_TRUNCATED`.
    """
    payload = unverified_payload(envelope)
    if not equal(sha256_hex(payload).encode(), bundle_id.encode()):
        raise _edited("manifest")
    manifest = _read_manifest(payload)
    if any(entry.sha256 not in contents for entry in manifest.files):
        raise invalid("REFERENCE_TRUNCATED", "A file of the bundle is missing.")
    ordered = tuple(contents[entry.sha256] for entry in manifest.files)
    return Bundle(id=bundle_id, manifest=manifest, envelope=envelope, contents=ordered)


def check_successor(name: str, number: int, bundle_id: str, active: Standing | None) -> None:
    """Returns only if this bundle may follow the active one of its name (or is that one).

    Raises LotaError: `REFERENCE_ROLLBACK` for a lower number, `REFERENCE_NUMBER_TAKEN` for the same
    number with other content.
    """
    if active is None or number > active.number or bundle_id == active.id:
        return
    if number == active.number:
        raise number_taken(name, number)
    raise LotaError(
        Kind.CONFLICT,
        "REFERENCE_ROLLBACK",
        f"Bundle {name} is at number {active.number}; number {number} is older.",
        name=name,
        active=active.number,
        offered=number,
    )


def number_taken(name: str, number: int) -> LotaError:
    """The refusal of a second content under one name and number."""
    return LotaError(
        Kind.CONFLICT,
        "REFERENCE_NUMBER_TAKEN",
        f"Bundle {name} number {number} exists with other content.",
        name=name,
        number=number,
    )


def stored_manifest(envelope: bytes) -> Manifest:
    """The manifest in an envelope that was verified when it was stored."""
    return _read_manifest(unverified_payload(envelope))


def unverified_payload(envelope: bytes) -> bytes:
    """The manifest's bytes in an envelope that was verified before."""
    stored = strict_struct(envelope, _StoredEnvelope, max_bytes=MAX_ENVELOPE_BYTES, max_depth=3)
    return decode_base64(stored.payload)


class _StoredEnvelope(msgspec.Struct):
    payload: str


def _split(data: bytes) -> tuple[bytes, bytes]:
    if not data.startswith(MAGIC):
        raise invalid("REFERENCE_MALFORMED", "This is not a LotaBots reference bundle.")
    length = int.from_bytes(data[len(MAGIC) : _HEADER_BYTES], "big")
    if length > MAX_ENVELOPE_BYTES:
        raise invalid("REFERENCE_TOO_LARGE", "The bundle's envelope is over its limit.")
    if len(data) < _HEADER_BYTES + length:
        raise invalid("REFERENCE_TRUNCATED", "The bundle ends inside its envelope.")
    return data[_HEADER_BYTES : _HEADER_BYTES + length], data[_HEADER_BYTES + length :]


def _verified_payload(envelope: bytes, keys: VerificationKeys) -> bytes:
    try:
        return open_envelope(envelope, PAYLOAD_TYPE, keys, MAX_ENVELOPE_BYTES)
    except LotaError as error:
        raise LotaError(
            Kind.VALIDATION,
            "REFERENCE_SIGNER_UNKNOWN",
            "No key that this instance trusts for reference values signed this bundle.",
            cause=error.code,
        ) from error


def _read_manifest(payload: bytes) -> Manifest:
    try:
        manifest = strict_struct(payload, Manifest, max_bytes=MAX_MANIFEST_BYTES, max_depth=4)
        parse_time(manifest.created)
    except LotaError as error:
        raise invalid(
            "REFERENCE_MALFORMED", f"The manifest is malformed: {error.detail}"
        ) from error
    if canonical(msgspec.to_builtins(manifest)) != payload:
        raise invalid("REFERENCE_MALFORMED", "The manifest is not canonical JSON.")
    names = [entry.name for entry in manifest.files]
    if names != sorted(set(names)):
        raise invalid("REFERENCE_MALFORMED", "File names must be sorted and unique.")
    if manifest.size > MAX_BUNDLE_BYTES:
        raise invalid("REFERENCE_TOO_LARGE", f"A bundle is at most {MAX_BUNDLE_BYTES} bytes.")
    return manifest


def _wrong_length(manifest: Manifest, found: int) -> LotaError:
    if found < manifest.size:
        return invalid(
            "REFERENCE_TRUNCATED",
            f"The bundle ends early: {found} of {manifest.size} bytes of files are there.",
        )
    return invalid("REFERENCE_MALFORMED", f"{found - manifest.size} bytes follow the last file.")


def _slices(manifest: Manifest, rest: bytes) -> Iterable[bytes]:
    offset = 0
    for entry in manifest.files:
        data = rest[offset : offset + entry.size]
        offset += entry.size
        if not equal(sha256_hex(data).encode(), entry.sha256.encode()):
            raise _edited(entry.name)
        yield data


def _edited(name: str) -> LotaError:
    return invalid("REFERENCE_EDITED", f"{name} is not what was signed.", file=name)

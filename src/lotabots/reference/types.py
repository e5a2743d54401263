"""What the reference API takes and gives."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from lotabots.reference.bundle import (
    MAX_FILE_BYTES,
    BundleName,
    FileEntry,
    FileName,
    stored_manifest,
)

MAX_UPLOAD_FILES = 4096


class StoredBundle(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle's row."""

    id: UUID
    digest: str
    name: str
    number: int
    created: datetime
    imported_at: datetime
    files: int
    size: int
    active: bool


class BundleSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the list of bundles. `id` is the SHA-256 of the manifest."""

    id: str
    name: str
    number: int
    created: datetime
    imported_at: datetime
    files: int
    size: int
    active: bool


class BundleDetail(BundleSummary, frozen=True, kw_only=True):
    """A bundle with the names and digests of its files."""

    contents: tuple[FileEntry, ...]


class UploadedFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A loose reference file, to be put into a bundle of this instance's own."""

    name: FileName
    data: Annotated[str, msgspec.Meta(max_length=MAX_FILE_BYTES * 4 // 3 + 4)]
    """Base64 (RFC 4648 section 4, with padding)."""


class Upload(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Loose files that this instance signs as the next bundle of that name."""

    name: BundleName
    files: Annotated[
        tuple[UploadedFile, ...], msgspec.Meta(min_length=1, max_length=MAX_UPLOAD_FILES)
    ]


class InForce(msgspec.Struct, frozen=True, order=True):
    """A bundle that is active: what appraisal takes its reference values from."""

    name: str
    digest: str


def summary(row: StoredBundle) -> BundleSummary:
    """The row as the API shows it."""
    return BundleSummary(
        id=row.digest,
        name=row.name,
        number=row.number,
        created=row.created,
        imported_at=row.imported_at,
        files=row.files,
        size=row.size,
        active=row.active,
    )


def detail(row: StoredBundle, envelope: bytes) -> BundleDetail:
    """The row with what its manifest names."""
    contents = stored_manifest(envelope).files
    return BundleDetail(contents=contents, **msgspec.structs.asdict(summary(row)))

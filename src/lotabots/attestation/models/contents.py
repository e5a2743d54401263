"""Uploaded files by content: one file a SHA-256 and tenant, written whole or not at all.

A blob store holds what fits in memory; a model's file does not, and it must be read in place. So
these lie in a folder, the same for every process that serves attestation. The name of a file in a
model never becomes a name on disk.
"""

import asyncio
import hashlib
import os
import re
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID

from lotabots.attestation.models.types import RegisteredFile
from lotabots.kernel import Kind, LotaError, equal, invalid
from lotabots.models import Content, FileKind, Finding, Listed
from lotabots.models.read import open_folder

_DIGEST = re.compile(r"[0-9a-f]{64}")
FLUSH = 4 * 1024 * 1024
"""Bytes of an upload that wait to be written and hashed in one go."""


class Contents:
    """The folder of uploaded contents."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def take(self, tenant: UUID, file: RegisteredFile, pieces: AsyncIterator[bytes]) -> None:
        """Stores what arrives as this file's content, durably, once every byte of it is right.

        Raises `MODEL_UPLOAD_SIZE`, `MODEL_UPLOAD_DIGEST`, `MODEL_STORE_UNAVAILABLE`; then nothing
        of it is kept.
        """
        with _coded_failures():
            target = self._path(tenant, file.sha256)
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix=".incoming-", dir=target.parent)
        incoming = Path(name)
        try:
            with os.fdopen(descriptor, "wb", buffering=0) as out:
                await _receive(out.fileno(), file, pieces)
            with _coded_failures():
                await asyncio.to_thread(_put, incoming, target)
        finally:
            with suppress(FileNotFoundError):
                await asyncio.to_thread(incoming.unlink)

    def require(self, tenant: UUID, files: Sequence[RegisteredFile]) -> None:
        """Returns if every content is here. Raises `MODEL_STORE_UNAVAILABLE`."""
        for file in files:
            if not self._path(tenant, file.sha256).is_file():
                raise _lost(file.path)

    def tree(self, tenant: UUID, files: Sequence[RegisteredFile]) -> "UploadedTree":
        """The model whose files these are."""
        places = {file.path: self._path(tenant, file.sha256) for file in files}
        return UploadedTree(files, places)

    def _path(self, tenant: UUID, sha256: str) -> Path:
        if not _DIGEST.fullmatch(sha256):
            raise invalid("BLOB_DIGEST_INVALID", "A content's name is 64 lower-case hex digits.")
        return self._folder / str(tenant) / sha256[:2] / sha256


class ManifestTree:
    """A model's files by name and size alone (`models.Tree`): no content is here."""

    def __init__(self, files: Sequence[RegisteredFile]) -> None:
        self.listed = tuple(
            Listed(path=file.path, kind=FileKind.REGULAR, size=file.size) for file in files
        )
        self.findings: tuple[Finding, ...] = ()

    def content(self, path: str) -> Content:
        """Raises `MODEL_FILE_UNKNOWN`: nothing was uploaded."""
        detail = "The content of this file was not uploaded."
        raise LotaError(Kind.NOT_FOUND, "MODEL_FILE_UNKNOWN", detail, path=path[:200])


class UploadedTree(ManifestTree):
    """The same with the contents that were uploaded, each opened when it is asked for."""

    def __init__(self, files: Sequence[RegisteredFile], places: Mapping[str, Path]) -> None:
        super().__init__(files)
        self._places = places

    def content(self, path: str) -> Content:
        """The content of this file. Raises `MODEL_FILE_UNKNOWN`, `MODEL_STORE_UNAVAILABLE`."""
        place = self._places.get(path)
        if place is None:
            return super().content(path)
        try:
            with open_folder(place) as folder:
                return folder.content(place.name)
        except LotaError as error:  # its words name a place on the server's disk
            raise _lost(path) from error


def damaged() -> LotaError:
    """The error of contents that are not those that were taken: it says nothing of the model."""
    detail = "What was uploaded is not what lies there any more; upload it again."
    return LotaError(Kind.UNAVAILABLE, "MODEL_STORE_UNAVAILABLE", detail)


def _lost(path: str) -> LotaError:
    detail = "What was uploaded of a file cannot be read any more; upload it again."
    return LotaError(Kind.UNAVAILABLE, "MODEL_STORE_UNAVAILABLE", detail, path=path[:200])


async def _receive(descriptor: int, file: RegisteredFile, pieces: AsyncIterator[bytes]) -> None:
    digest = hashlib.sha256()
    waiting, size = bytearray(), 0

    def flush(data: bytes) -> None:
        digest.update(data)
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]

    async for piece in pieces:
        size += len(piece)
        if size > file.size:
            break
        waiting += piece
        if len(waiting) >= FLUSH:
            data, waiting = bytes(waiting), bytearray()
            with _coded_failures():
                await asyncio.to_thread(flush, data)
    if size != file.size:
        detail = "What arrived is longer or shorter than the file was registered with."
        raise invalid("MODEL_UPLOAD_SIZE", detail, expected=file.size)
    with _coded_failures():
        await asyncio.to_thread(flush, bytes(waiting))
        await asyncio.to_thread(os.fsync, descriptor)
    if not equal(digest.digest(), bytes.fromhex(file.sha256)):
        detail = "What arrived is not the content that the file was registered with."
        raise invalid(
            "MODEL_UPLOAD_DIGEST", detail, expected=file.sha256, received=digest.hexdigest()
        )


def _put(incoming: Path, target: Path) -> None:
    incoming.replace(target)
    for folder in (target.parent, target.parent.parent):
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _coded_failures() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        detail = "The folder of uploaded models cannot be used."
        raise LotaError(Kind.UNAVAILABLE, "MODEL_STORE_UNAVAILABLE", detail) from error

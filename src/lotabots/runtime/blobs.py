"""Bytes stored under their own SHA-256: on disk, in memory, or in a cloud's object store."""

import asyncio
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore, ObjectStore, from_url

from lotabots.kernel import Kind, LotaError, equal, invalid, sha256, sha256_hex

SCHEMES = ("file", "memory", "s3", "gs", "az")

_DIGEST = re.compile("[0-9a-f]{64}")


class Blobs:
    """A store in which a name says what the content must be, so nothing is ever changed.

    A blob that `put` has returned is durable, and `get` returns what was put or raises.
    """

    def __init__(self, store: ObjectStore, root: Path | None = None) -> None:
        self._store = store
        self._root = root
        """Where a store on disk lies. obstore does not sync there, so we do."""
        self._synced: set[Path] = set()

    @classmethod
    def open(cls, url: str) -> Self:
        """The store of `file:///path`, `memory:///`, `s3://`, `gs://` or `az://`.

        Credentials of a cloud come from where its own tools look. Raises `BLOB_URL_INVALID`.
        """
        parts = urlsplit(url)
        if parts.scheme not in SCHEMES:
            detail = f"The blob store's URL starts with one of {', '.join(SCHEMES)}."
            raise invalid("BLOB_URL_INVALID", detail)
        if parts.scheme == "file" and not parts.netloc:
            return cls.in_folder(Path(unquote(parts.path)))
        try:
            return cls(from_url(url))
        except (BaseError, ValueError, OSError) as error:
            # The library's words can quote a credential of the URL.
            raise invalid("BLOB_URL_INVALID", "The blob store's URL cannot be used.") from error

    @classmethod
    def in_folder(cls, folder: Path) -> Self:
        """A store on disk. The folder is made, for its owner only, if it is not there."""
        folder = folder.absolute()
        with _coded_failures():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return cls(LocalStore(folder), folder)

    @classmethod
    def in_memory(cls) -> Self:
        """A store that is forgotten with the process."""
        return cls(MemoryStore())

    async def put(self, data: bytes) -> str:
        """The lower-case hex SHA-256 that the blob is stored under.

        Putting it again is harmless, and mends a copy that a crash or a disk has damaged: the whole
        file is replaced by one rename.
        """
        digest = sha256_hex(data)
        with _coded_failures():
            await self._store.put_async(_path(digest), data)
            if self._root is not None:
                await asyncio.to_thread(self._sync, self._root / _path(digest))
        return digest

    async def get(self, digest: str) -> bytes:
        """The blob of that digest. Raises `BLOB_MISSING`, or `BLOB_CORRUPT` if it is another."""
        if not _DIGEST.fullmatch(digest):
            raise invalid("BLOB_DIGEST_INVALID", "A blob's name is 64 lower-case hex digits.")
        with _coded_failures():
            try:
                found = await self._store.get_async(_path(digest))
                data = (await found.bytes_async()).to_bytes()
            except FileNotFoundError as error:
                detail = "There is no blob of this digest."
                raise LotaError(Kind.NOT_FOUND, "BLOB_MISSING", detail, sha256=digest) from error
        if not equal(sha256(data), bytes.fromhex(digest)):
            detail = "The stored bytes are not those of this digest."
            raise LotaError(Kind.INTERNAL, "BLOB_CORRUPT", detail, sha256=digest)
        return data

    def _sync(self, file: Path) -> None:
        """Makes the file durable, its name, and the names of the folders that may be new."""
        inner, outer = file.parent, file.parent.parent
        _sync_one(file)
        _sync_one(inner)
        if inner not in self._synced:
            _sync_one(outer)
            _sync_one(outer.parent)
            self._synced.add(inner)


def _path(digest: str) -> str:
    # Two levels of 256 folders: a folder with a million names is slow on some file systems.
    return f"{digest[:2]}/{digest[2:4]}/{digest}"


def _sync_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _coded_failures() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        detail = "The blob store cannot be used."
        raise LotaError(Kind.UNAVAILABLE, "BLOB_STORE_UNAVAILABLE", detail) from error

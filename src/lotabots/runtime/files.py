"""Named files that others may be served: in a folder, or in a cloud's object store.

`put` is whole or not at all, and durable before it returns. `swap` replaces one file only if it is
what the caller has seen: of any number of writers at once, one wins.
"""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, urlsplit

from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import MemoryStore, ObjectStore, from_url

from lotabots.kernel import Kind, LotaError, invalid

if TYPE_CHECKING:
    from obstore import ObjectMeta, UpdateVersion

SCHEMES = ("file", "memory", "s3", "gs", "az")
AT_ONCE = 16
"""Files that are made durable side by side: a disk takes their syncs together."""

Named = tuple[str, bytes]
"""A path and a content."""


class Files(Protocol):
    """Files by path. Every method blocks: call it in a thread."""

    def read(self, path: str) -> bytes:
        """The content. Raises `FILE_MISSING`, `FILES_UNAVAILABLE`."""

    def put(self, files: Iterable[Named]) -> None:
        """Puts these files there, each whole; whatever was there is gone.

        Raises `FILES_UNAVAILABLE`; then each name holds what it held, or the new content.
        """

    def swap(self, path: str, old: bytes | None, new: bytes) -> bool:
        """Whether the file was `old` (None: not there) and is `new` now."""

    def remove(self, folder: str) -> None:
        """Removes the folder with every file in it, as far as it can; it may not be there."""

    def paths(self) -> Iterator[str]:
        """The name of every file that was put there, in no order. Raises `FILES_UNAVAILABLE`."""


def open_files(url: str) -> Files:
    """The files of `file:///path`, `memory:///`, `s3://`, `gs://` or `az://`.

    Credentials of a cloud come from where its own tools look. Raises `FILES_URL_INVALID`.
    """
    try:
        parts = urlsplit(url)
        if parts.scheme == "memory":
            return Objects(MemoryStore())
        if parts.scheme == "file":
            if parts.netloc or not parts.path.startswith("/"):
                raise invalid("FILES_URL_INVALID", "A folder is named as file:///path.")
            return Folder(Path(unquote(parts.path)))
        if parts.scheme in SCHEMES:
            return Objects(from_url(url))
    except (BaseError, ValueError, OSError) as error:
        # The library's words can quote a credential of the URL.
        raise invalid("FILES_URL_INVALID", "The URL of the log's files cannot be used.") from error
    detail = f"The URL of the log's files starts with one of {', '.join(SCHEMES)}."
    raise invalid("FILES_URL_INVALID", detail)


class Folder:
    """Files below one folder of this machine, which is made when it is first written to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, path: str) -> bytes:
        """The content. Raises `FILE_MISSING`, `FILES_UNAVAILABLE`."""
        try:
            return (self._folder / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise _missing(path) from error
        except OSError as error:
            raise _unavailable() from error

    def put(self, files: Iterable[Named]) -> None:
        """Puts each there by one rename, then makes the names durable, a folder at a time."""
        places = [(self._folder / path, data) for path, data in files]
        folders = {place.parent for place, _ in places}
        with _coded():
            for folder in sorted(folders):
                self._make(folder)
            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(_replace, *zip(*places, strict=True)) if places else ())
            for folder in folders:
                _sync(folder)

    def swap(self, path: str, old: bytes | None, new: bytes) -> bool:
        """Whether the file was `old` and is `new` now; a lock keeps others out meanwhile."""
        place = self._folder / path
        with _coded():
            self._make(place.parent)
            with place.with_name(f".{place.name}.lock").open("wb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if (place.read_bytes() if place.exists() else None) != old:
                    return False
                _replace(place, new)
                _sync(place.parent)
                return True

    def remove(self, folder: str) -> None:
        """Removes the folder with every file in it; what another writer just put there stays."""
        shutil.rmtree(self._folder / folder, ignore_errors=True)

    def paths(self) -> Iterator[str]:
        """Every file below the folder, less our locks and drafts, which start with a dot."""
        with _coded():
            for base, _, names in os.walk(self._folder, onerror=_walked):
                for name in names:
                    if not name.startswith("."):
                        yield (Path(base) / name).relative_to(self._folder).as_posix()

    def _make(self, folder: Path) -> None:
        if not folder.is_dir():
            self._make(folder.parent)
            folder.mkdir(exist_ok=True)
            _sync(folder.parent)


class Objects:
    """Files in an object store, which is durable by itself and swaps by the object's version."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def read(self, path: str) -> bytes:
        """The content. Raises `FILE_MISSING`, `FILES_UNAVAILABLE`."""
        with _coded():
            try:
                return self._store.get(path).bytes().to_bytes()
            except FileNotFoundError as error:
                raise _missing(path) from error

    def put(self, files: Iterable[Named]) -> None:
        """Puts each there in one request."""
        with _coded(), ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda file: self._store.put(*file), files))

    def swap(self, path: str, old: bytes | None, new: bytes) -> bool:
        """Whether the object was `old` and is `new` now; the store itself compares."""
        with _coded():
            try:
                found = self._store.get(path)
            except FileNotFoundError:
                found = None
            if (None if found is None else found.bytes().to_bytes()) != old:
                return False
            try:
                if found is None:
                    self._store.put(path, new, mode="create")
                else:
                    self._store.put(path, new, mode=_version(found.meta))
            except (AlreadyExistsError, PreconditionError):
                return False
            return True

    def paths(self) -> Iterator[str]:
        """Every object, as the store lists them."""
        with _coded():
            for some in self._store.list():
                for each in some:
                    yield each["path"]

    def remove(self, folder: str) -> None:
        """Removes every object whose name begins with that of the folder."""
        with _coded():
            for some in self._store.list(prefix=folder):
                self._store.delete([one["path"] for one in some])


def _version(meta: "ObjectMeta") -> "UpdateVersion":
    version: UpdateVersion = {"e_tag": meta["e_tag"]}
    if meta["version"]:
        version["version"] = meta["version"]
    return version


def _replace(place: Path, data: bytes) -> None:
    draft = place.with_name(f".{place.name}.{secrets.token_hex(8)}")
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(place)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise


def _walked(error: OSError) -> None:
    """Nothing was ever put into a folder that is not there; any other that is shut hides files."""
    if not isinstance(error, FileNotFoundError):
        raise error


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _coded() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        raise _unavailable() from error


def _missing(path: str) -> LotaError:
    return LotaError(Kind.NOT_FOUND, "FILE_MISSING", "There is no file of this name.", path=path)


def _unavailable() -> LotaError:
    detail = "The files of the log cannot be used."
    return LotaError(Kind.UNAVAILABLE, "FILES_UNAVAILABLE", detail)

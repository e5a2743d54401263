"""Named files in a folder that others may serve: put whole, durable before anyone is told."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from lotabots.kernel import Kind, LotaError


class Files:
    """Files by path below one folder. Blocks: call it in a thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, path: str) -> bytes:
        """The content. Raises `FILE_MISSING`, `FILES_UNAVAILABLE`."""
        try:
            return (self._folder / path).read_bytes()
        except FileNotFoundError as error:
            detail = "There is no file of this name."
            raise LotaError(Kind.NOT_FOUND, "FILE_MISSING", detail, path=path) from error
        except OSError as error:
            raise _unavailable() from error

    def put(self, path: str, data: bytes) -> None:
        """Puts the file there by one rename, durable with its name; whatever was there is gone.

        Raises `FILES_UNAVAILABLE`; then the name holds what it held.
        """
        place = self._folder / path
        draft = place.with_name(f".{place.name}.{secrets.token_hex(8)}")
        try:
            self._make(place.parent)
            with draft.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(place)
            _sync(place.parent)
        except OSError as error:
            with suppress(OSError):
                draft.unlink()
            raise _unavailable() from error

    def _make(self, folder: Path) -> None:
        if not folder.is_dir():
            self._make(folder.parent)
            folder.mkdir(exist_ok=True)
            _sync(folder.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unavailable() -> LotaError:
    return LotaError(Kind.UNAVAILABLE, "FILES_UNAVAILABLE", "The folder of files cannot be used.")

"""A model's folder on disk, opened so that nothing in it leads outside or makes us wait.

Names are looked up below directory descriptors and no link is followed; what is no regular file is
listed and never opened. Every file is the one that was listed, or it is not read (`File`).
"""

import os
import stat
from pathlib import Path

from lotabots.kernel import Kind, LotaError, invalid
from lotabots.models.findings import Finding, finding
from lotabots.models.identity import Identity
from lotabots.models.memory import unknown_file
from lotabots.models.read.opened import File, failed, identity_of
from lotabots.models.read.walk import DIRECTORY, MAX_NAMES, Walk
from lotabots.models.types import Listed

_TOP = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class Folder:
    """The files below one folder, or one file alone: a `Tree`, to be used in a `with`."""

    def __init__(self, fd: int, walk: Walk) -> None:
        """Takes over the descriptor of the folder."""
        self._fd = fd
        self._walk = walk
        self.listed: tuple[Listed, ...] = tuple(sorted(walk.listed, key=_path_of))
        self.findings: tuple[Finding, ...] = walk.finish()

    def content(self, path: str) -> File:
        """The content of this regular file. Raises `MODEL_FILE_UNKNOWN`, `MODEL_READ_*`."""
        identity = self.identity(path)
        folder, _, name = path.encode().rpartition(b"/")
        try:
            fd = self._enter(folder)
        except OSError as error:
            raise failed(error) from error
        try:
            return File.open(name, fd, identity)
        finally:
            os.close(fd)

    def identity(self, path: str) -> Identity:
        """What this regular file was when it was listed. Raises `MODEL_FILE_UNKNOWN`."""
        identity = self._walk.identities.get(path)
        if identity is None:
            raise unknown_file(path)
        return identity

    def settle(self) -> tuple[Finding, ...]:
        """A finding for each folder that has other names in it by now than were listed."""
        return tuple(
            finding("FOLDER-CHANGED-DURING-READ", path)
            for path, identity in self._walk.folders.items()
            if self._now(path) != identity
        )

    def _now(self, path: str) -> Identity | None:
        try:
            fd = self._enter(path.encode())
        except OSError:
            return None
        try:
            return identity_of(os.fstat(fd))
        finally:
            os.close(fd)

    def _enter(self, folder: bytes) -> int:
        """The descriptor of a folder below, every part of its path opened by itself."""
        fd = os.dup(self._fd)
        for part in folder.split(b"/") if folder else ():
            try:
                inner = os.open(part, DIRECTORY, dir_fd=fd)
            finally:
                os.close(fd)
            fd = inner
        return fd

    def close(self) -> None:
        """Closes the folder; contents that were handed out stay open."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)

    def __enter__(self) -> "Folder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_folder(path: Path, *, max_names: int = MAX_NAMES) -> Folder:
    """The model at this path: a folder with all that is below it, or one regular file.

    A link that the path itself names is followed: whoever names it means what it leads to. Raises
    `MODEL_NO_FILES` for what is neither, and `MODEL_READ_FAILED`.
    """
    walk = Walk(max_names)
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            top = os.open(path, _TOP)
            walk.below(top)
            return Folder(top, walk)
        if not stat.S_ISREG(found.st_mode):
            raise invalid("MODEL_NO_FILES", f"{path} is neither a folder nor a regular file.")
        # The folder of the file itself, not of a link to it: from here on no link is followed.
        file = path.resolve(strict=True)
        top = os.open(file.parent, _TOP)
        walk.one(os.fsencode(file.name), found)
        return Folder(top, walk)
    except OSError as error:
        detail = f"{path}: {error.strerror or 'it cannot be read'}."
        kind = Kind.NOT_FOUND if isinstance(error, FileNotFoundError) else Kind.UNAVAILABLE
        raise LotaError(kind, "MODEL_READ_FAILED", detail) from error


def _path_of(entry: Listed) -> str:
    return entry.path

"""One open regular file: its bytes by place, and whether it is still the file that was listed."""

import errno
import os
import stat

from lotabots.kernel import Kind, LotaError
from lotabots.models.identity import Identity
from lotabots.models.memory import out_of_range

FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
"""How a regular file is opened: should it have become a link, a pipe or a terminal in between,
the call fails or returns at once."""
MAX_HOLES = 1 << 30
"""Bytes that may be missing on disk, if they are more than half of a file: 1 GiB."""
MAX_SEEKS = 10_000
MAX_READ = 1 << 30
"""Bytes that one `read` gives at most: headers are what is read so, and no header is larger."""


_SWAPPED = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ESTALE}
"""Errors of opening what was listed as a regular file: it is gone, or a link, a pipe, a socket."""


def identity_of(found: os.stat_result) -> Identity:
    """The identity in what stat says."""
    return Identity(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


class File:
    """The content of one open file; closed with `close`, `with`, or when nobody holds it."""

    __slots__ = ("_fd", "identity")

    def __init__(self, fd: int, identity: Identity) -> None:
        """Takes over the descriptor. `identity` is what the file had when it was listed."""
        self._fd, self.identity = fd, identity

    @classmethod
    def open(cls, name: bytes, folder: int, identity: Identity) -> "File":
        """The file of this name in an open folder. Raises `MODEL_READ_*`.

        It is refused unless it is the regular file that was listed, unchanged since.
        """
        try:
            fd = os.open(name, FLAGS, dir_fd=folder)
        except OSError as error:
            raise failed(error) from error
        file = cls(fd, identity)
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise changed()
        file.settle()
        if found.st_size - found.st_blocks * 512 > MAX_HOLES and file.holes() > MAX_HOLES:
            raise sparse()
        return file

    @property
    def size(self) -> int:
        """Bytes in all, when it was listed."""
        return self.identity.size

    def fileno(self) -> int:
        """The descriptor, for calls that only look."""
        return self._fd

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes. Raises `MODEL_READ_*`."""
        if offset < 0 or not 0 <= length <= MAX_READ or offset + length > self.size:
            raise out_of_range(offset, length, self.size)
        parts = []
        while length:
            try:
                part = os.pread(self._fd, length, offset)
            except OSError as error:
                raise failed(error) from error
            if not part:
                raise changed()
            parts.append(part)
            offset, length = offset + len(part), length - len(part)
        self.settle()
        return b"".join(parts)

    def fill(self, view: memoryview, offset: int) -> int:
        """How many bytes from `offset` on were put into the buffer. Raises `MODEL_READ_*`.

        None of them is vouched for before `settle` has returned.
        """
        try:
            count = os.preadv(self._fd, [view], offset)
        except OSError as error:
            raise failed(error) from error
        if not count:
            raise changed()
        return count

    def settle(self) -> None:
        """Returns if the file is what it was when it was listed. Raises `MODEL_READ_CHANGED`."""
        if identity_of(os.fstat(self._fd)) != self.identity:
            raise changed()

    def announce(self) -> None:
        """Tells the system that the file will be read from its beginning to its end."""
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_SEQUENTIAL)

    def holes(self) -> int:
        """How many bytes were never written to disk, if they are more than half of the file.

        Else 0, as where the file system does not tell. A file in more pieces than are counted
        (`MAX_SEEKS`) counts as whole from there on.
        """
        data = at = 0
        try:
            for _ in range(MAX_SEEKS):
                begin = os.lseek(self._fd, at, os.SEEK_DATA)
                at = os.lseek(self._fd, begin, os.SEEK_HOLE)
                data += at - begin
            data += self.size - at
        except OSError:
            pass  # ENXIO: no data behind `at`
        holes = self.size - data
        return holes if holes * 2 > self.size else 0

    def close(self) -> None:
        """Closes the file; nothing can be read of it afterwards."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)

    def __enter__(self) -> "File":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        # A content has no `close`: who parses a header holds it for as long as it is needed.
        self.close()


def changed() -> LotaError:
    """The error of a file that is no longer what was listed."""
    return LotaError(Kind.CONFLICT, "MODEL_READ_CHANGED", "The file changed while it was read.")


def sparse() -> LotaError:
    """The error of a file that consists of holes."""
    detail = "Most of the file was never written to disk; it is not read."
    return LotaError(Kind.CONFLICT, "MODEL_READ_SPARSE", detail)


def failed(error: OSError) -> LotaError:
    """The error for what the system says about a file that was listed."""
    if error.errno in _SWAPPED:
        return changed()
    detail = f"The system cannot read the file: {error.strerror or 'no reason given'}."
    return LotaError(Kind.UNAVAILABLE, "MODEL_READ_FAILED", detail)

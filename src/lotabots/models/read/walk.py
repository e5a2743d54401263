"""The names below an open folder, each with kind and identity; nothing but folders is opened."""

import os
import stat
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from lotabots.models.findings import Finding, finding
from lotabots.models.identity import Identity
from lotabots.models.read.opened import identity_of
from lotabots.models.types import FileKind, Listed

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""How a folder is opened: a link in its place is an error."""
MAX_NAMES = 100_000
"""Names in all, folders counted: a model of a thousand shards has a few thousand."""
MAX_DEPTH = 32
"""Folders below each other; each holds a descriptor while we are in it."""
MAX_FINDINGS = 1000
"""Findings about names; those that come after are counted in one more."""

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
}


class _Level(NamedTuple):
    """A folder that is being walked through."""

    prefix: bytes
    """Its path with a `/` behind it; empty for the top one."""
    fd: int
    entries: Iterator[os.DirEntry[str]]


class Walk:
    """What stands below one folder, as far as the limits go."""

    def __init__(self, max_names: int = MAX_NAMES) -> None:
        self.listed: list[Listed] = []
        self.identities: dict[str, Identity] = {}
        """Of each regular file."""
        self.folders: dict[str, Identity] = {}
        """Of each folder, the top one under the empty name."""
        self._left = self._max_names = max_names
        self._findings: list[Finding] = []
        self._unsaid = 0
        self._owner: int | None = None
        self._links: Counter[tuple[int, int]] = Counter()
        self._linked: dict[str, os.stat_result] = {}

    def below(self, top: int) -> None:
        """Walks through the folder with this descriptor, depth first."""
        found = os.fstat(top)
        self._owner = found.st_uid
        self.folders[""] = identity_of(found)
        levels: list[_Level] = []
        try:
            self._enter(levels, b"", os.dup(top))
            while levels:
                level = levels[-1]
                entry = next(level.entries, None)
                if entry is None:
                    os.close(levels.pop().fd)
                    continue
                path = level.prefix + os.fsencode(entry.name)
                inner = self._look(path, entry, level.fd, len(levels))
                if inner is not None:
                    self._enter(levels, path + b"/", inner)
        finally:
            for level in levels:
                os.close(level.fd)

    def _enter(self, levels: list[_Level], prefix: bytes, fd: int) -> None:
        """Takes over the descriptor of a folder and lists the names in it, as far as allowed."""
        entries: list[os.DirEntry[str]] = []
        try:
            with os.scandir(fd) as found:
                entries.extend(islice(found, self._left))
                whole = next(found, None) is None
        except OSError as error:
            self._unreadable(prefix, error)
            whole = True
        self._left -= len(entries)
        levels.append(_Level(prefix, fd, iter(entries)))
        if not whole:
            self._add("FOLDER-NAMES", prefix.rstrip(b"/"), expected=f"at most {self._max_names}")

    def one(self, name: bytes, found: os.stat_result) -> None:
        """Takes a single file for the whole model."""
        self._take(name, found, b"")

    def finish(self) -> tuple[Finding, ...]:
        """What is wrong with the names, and with what stands under them."""
        self._tell_linked()
        if self._unsaid:
            words = f"{self._unsaid} more"
            self._findings.append(finding("FOLDER-FINDINGS", measured=words))
        return tuple(self._findings)

    def _look(self, path: bytes, entry: os.DirEntry[str], fd: int, depth: int) -> int | None:
        """Notes what a name is; the descriptor of the folder it stands for, if it is one."""
        name = os.fsencode(entry.name)
        try:
            found = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                return self._open(path, name, fd, depth, found)
            target = os.readlink(name, dir_fd=fd) if stat.S_ISLNK(found.st_mode) else b""
            self._take(path, found, target)
        except OSError as error:
            self._unreadable(path, error)
        return None

    def _open(
        self, path: bytes, name: bytes, fd: int, depth: int, found: os.stat_result
    ) -> int | None:
        """The descriptor of a folder, unless it is not to be gone into."""
        text = _text(path)
        if text is None:
            self._add("FILE-NAME-ENCODING", path)
            return None
        if depth >= MAX_DEPTH:
            self._add("FOLDER-DEPTH", path, expected=f"at most {MAX_DEPTH}")
            return None
        inner = os.open(name, DIRECTORY, dir_fd=fd)
        identity = identity_of(os.fstat(inner))
        if (identity.device, identity.inode) != (found.st_dev, found.st_ino):
            os.close(inner)
            self._add("FOLDER-CHANGED-DURING-READ", path)
            return None
        self.folders[text] = identity
        return inner

    def _take(self, path: bytes, found: os.stat_result, target: bytes) -> None:
        """Notes what is no folder."""
        name = _text(path)
        if name is None:
            self._add("FILE-NAME-ENCODING", path)
            return
        kind, size = FileKind.OTHER, 0
        if stat.S_ISREG(found.st_mode):
            kind, size = FileKind.REGULAR, found.st_size
            self.identities[name] = identity_of(found)
            if found.st_nlink > 1:
                self._links[found.st_dev, found.st_ino] += 1
                self._linked[name] = found
        elif stat.S_ISLNK(found.st_mode):
            kind = FileKind.SYMLINK
            if _leads_out(path, target):
                self._add("FILE-SYMLINK-OUTSIDE", path, measured=f"to {_shown(target)}")
        else:
            what = _KINDS.get(stat.S_IFMT(found.st_mode), "unknown")
            self._add("FILE-SPECIAL", path, measured=what)
        self.listed.append(Listed(path=name, kind=kind, size=size, target=_shown(target)))

    def _tell_linked(self) -> None:
        """Files that have a name outside of the model too, by which others may change them.

        It matters where somebody else than the owner of the model may write; else it is said once.
        """
        quiet = 0
        for path, found in self._linked.items():
            outside = found.st_nlink - self._links[found.st_dev, found.st_ino]
            foreign = self._owner is not None and found.st_uid not in {self._owner, 0}
            if outside and (foreign or found.st_mode & stat.S_IWOTH):
                who = "another user owns it" if foreign else "everybody may write to it"
                self._add("FILE-LINKED-WRITABLE", path.encode(), measured=who)
            elif outside:
                quiet += 1
        if quiet:
            self._add("FILE-LINKED", b"", measured=f"{quiet} files")

    def _unreadable(self, path: bytes, error: OSError) -> None:
        words = error.strerror or "no reason given"
        self._add("FILE-UNREADABLE", path.rstrip(b"/"), measured=words)

    def _add(self, code: str, path: bytes, *, expected: str = "", measured: str = "") -> None:
        if len(self._findings) < MAX_FINDINGS:
            told = finding(code, _shown(path), expected=expected, measured=measured)
            self._findings.append(told)
        else:
            self._unsaid += 1


def _text(path: bytes) -> str | None:
    """The path as text; None if it is no UTF-8."""
    try:
        return path.decode()
    except UnicodeDecodeError:
        return None


def _shown(path: bytes) -> str:
    """The path as a person can read it, whatever its bytes."""
    return path.decode(errors="backslashreplace")


def _leads_out(path: bytes, target: bytes) -> bool:
    """Whether a link at this path names what is not below the top folder.

    By its words alone: what it passes through is a link of its own, and judged by itself.
    """
    if target.startswith(b"/"):
        return True
    depth = path.count(b"/")
    for part in target.split(b"/"):
        if part == b"..":
            depth -= 1
        elif part not in {b"", b"."}:
            depth += 1
        if depth < 0:
            return True
    return False

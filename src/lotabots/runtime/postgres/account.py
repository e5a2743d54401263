"""Which user PostgreSQL runs as: ourselves, or a powerless one when we are root."""

import os
import pwd
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from lotabots.kernel import Kind, LotaError

SERVER_ID = 60876
"""User and group id of the server when we are root.

PostgreSQL refuses to run as root. The number lies where nothing hands out ids (systemd's list
of uids: 60578 to 61183 are unused), unlike that of `nobody`, whom other programs share.
"""

LAUNCH = Path(__file__).with_name("launch.py")

# What the server inherits: nothing of ours. TZ spares initdb a search through every time zone.
ENVIRONMENT: Mapping[str, str] = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """A user to run PostgreSQL's programs as.

    `uid` and `gid` own the cluster. Only the server itself needs no name in the user database;
    initdb does, so it may run under `named_uid` with our group, in a folder that only our group can
    enter, before the files are given to `uid`.
    """

    uid: int
    gid: int
    named_uid: int
    root: bool

    @classmethod
    def here(cls) -> Self:
        """The account that fits the user that we are."""
        root = os.geteuid() == 0
        uid, gid = (SERVER_ID, SERVER_ID) if root else (os.geteuid(), os.getegid())
        return cls(uid=uid, gid=gid, named_uid=_named(uid), root=root)

    def spawn(
        self,
        command: Sequence[str],
        output: IO[bytes] | int,
        *,
        stdin: int = subprocess.DEVNULL,
        named: bool = False,
    ) -> "subprocess.Popen[bytes]":
        """The program as our child, dying when the thread dies that called this."""
        uid = self.named_uid if named else self.uid
        switch = (uid, self.gid) if self.root else (-1, -1)
        alias = uid if not self.root and uid != self.uid else -1
        launch = (sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()))
        return subprocess.Popen(  # noqa: S603 - no shell, and no argument is a stranger's
            [*launch, *map(str, (*switch, alias)), *command],
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=dict(ENVIRONMENT),
            start_new_session=True,  # a Ctrl-C at the terminal is ours to hear, not the server's
        )

    def can_enter(self, folder: Path) -> bool:
        """Whether the server's user may pass through `folder` and every folder above it."""
        return not self.root or all(self._may_search(each) for each in (folder, *folder.parents))

    def _may_search(self, folder: Path) -> bool:
        try:
            about = folder.stat()
        except OSError:
            return False
        if about.st_uid == self.uid:
            return bool(about.st_mode & 0o100)
        return bool(about.st_mode & (0o010 if about.st_gid == self.gid else 0o001))

    def own(self, path: Path) -> None:
        """Gives one file or folder to the server's user."""
        if self.root:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def _named(uid: int) -> int:
    try:
        return pwd.getpwuid(uid).pw_uid
    except KeyError:
        pass
    others = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid != 0}
    if not others:
        detail = f"User {uid} has no name, and the user database names no other than root."
        raise LotaError(Kind.UNAVAILABLE, "POSTGRES_ACCOUNT_UNNAMED", detail, uid=uid)
    return others.get("nobody", next(iter(others.values())))

"""A script that becomes PostgreSQL: drops root, ties its life to ours, executes the program.

Run as `python -I -S launch.py PARENT UID GID ALIAS PROGRAM ARGUMENT...`; -1 means "leave it". It is
a program of its own because the kernel wants the death signal asked for after the change of user,
and because code between fork and exec is not safe in a process that has threads.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

NO_ALIAS = 71
"""Exit status: this machine does not let a plain user make a user namespace."""

# linux/prctl.h, linux/sched.h
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000


def main() -> None:
    """Never returns."""
    parent, uid, gid, alias = (int(text) for text in sys.argv[1:5])
    command = sys.argv[5:]
    libc = ctypes.CDLL(None, use_errno=True)
    if uid >= 0:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    if alias >= 0:
        _take_alias(libc, alias)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # SIGINT is PostgreSQL's fast shutdown: it rolls back, writes a checkpoint and goes.
    libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0)
    if os.getppid() != parent:  # the parent died before the line above
        sys.exit(1)
    os.umask(0o077)
    os.execv(command[0], command)  # noqa: S606 - no shell, and the program was chosen by the caller


def _take_alias(libc: ctypes.CDLL, alias: int) -> None:
    """Appears as user `alias` in a namespace of our own, where files still belong to who we are.

    initdb refuses a user without a name, which is what a container with a random uid has.
    """
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(_CLONE_NEWUSER) != 0:
        sys.exit(NO_ALIAS)
    try:
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{alias} {uid} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1", encoding="ascii")
    except OSError:
        sys.exit(NO_ALIAS)


if __name__ == "__main__":
    main()

"""A new cluster, made aside and put in place whole: its roles, its database, who may connect."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from lotabots.kernel import Kind, LotaError
from lotabots.runtime.postgres.account import Account
from lotabots.runtime.postgres.binaries import Binaries
from lotabots.runtime.postgres.launch import NO_ALIAS

OWNER = "lotabots_owner"
"""Owns every schema and migrates. In an embedded cluster it is the superuser."""
APP = "lotabots_app"
"""Serves requests: neither owner nor superuser, so that row-level security binds it."""
SEQUENCER = "lotabots_sequencer"
"""Orders the audit log: it alone gives entries their place. Made by the migration."""
DATABASE = "lotabots"

MAKE_SECONDS = 120.0

# The roles come through a socket in a folder of mode 0700, so the file system has asked already
# who they are. A password would lie beside it, readable by the same user.
_WHO_MAY_CONNECT = "".join(f"local all {role} trust\n" for role in (OWNER, APP, SEQUENCER))

# One statement a line: the stand-alone server knows no other end of a statement.
_CONTENTS = f"""\
create role {APP} login nosuperuser nocreatedb nocreaterole noinherit noreplication nobypassrls
create database {DATABASE} owner {OWNER}
"""


def majors_on_disk(home: Path) -> list[int]:
    """The major versions that have a data directory in `home`, newest first."""
    return sorted(
        (int(each.name) for each in home.iterdir() if each.name.isdecimal() and each.is_dir()),
        reverse=True,
    )


def check_version(data: Path, major: int) -> None:
    """Refuses a data directory that another major version wrote. Touches nothing."""
    try:
        written = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        written = "unknown"
    if written != str(major):
        detail = (
            f"{data} holds data of PostgreSQL {written}, not {major}. It was not touched:"
            " run that version, or dump the data with it and restore it here."
        )
        raise LotaError(
            Kind.CONFLICT, "POSTGRES_VERSION_MISMATCH", detail, data=written, programs=major
        )


def create(binaries: Binaries, data: Path, account: Account) -> None:
    """Makes the data directory. A crash on the way leaves only a draft, which the next try removes.

    initdb is told not to sync, because the roles follow; the draft is synced once, as a whole,
    before the rename.
    """
    draft = data.with_name(f"{data.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    if account.root:
        os.chown(draft, account.named_uid, account.gid)
    initdb = binaries.program("initdb")
    make = ["--username", OWNER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8"]
    _run(account, [initdb, "--pgdata", str(draft), *make, "--data-checksums", "--no-sync"])
    postgres = binaries.program("postgres")
    _run(account, [postgres, "--single", "-D", str(draft), "-F", "template1"], _CONTENTS)
    let_in(draft)
    _run(account, [initdb, "--sync-only", "--pgdata", str(draft)])
    if account.root:
        for path in (draft, *draft.rglob("*")):
            account.own(path)
    draft.rename(data)
    _sync(data.parent)


def let_in(data: Path) -> None:
    """Lets exactly our roles connect, also to a cluster that was made when there were fewer.

    Raises `POSTGRES_PLACE_UNUSABLE`.
    """
    hba = data / "pg_hba.conf"
    try:
        if hba.is_file() and hba.read_text("utf-8", errors="replace") == _WHO_MAY_CONNECT:
            return
        # We may be root, and the folder is the server's: a link in it must lead us nowhere.
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(hba, flags, 0o644), "w", encoding="ascii") as file:
            file.write(_WHO_MAY_CONNECT)
    except OSError as error:
        detail = f"{hba} cannot be written: {error.strerror}"
        raise LotaError(Kind.UNAVAILABLE, "POSTGRES_PLACE_UNUSABLE", detail) from error


def _run(account: Account, command: Sequence[str], statements: str = "") -> None:
    child = account.spawn(command, subprocess.PIPE, stdin=subprocess.PIPE, named=True)
    try:
        said, _ = child.communicate(statements.encode("ascii"), timeout=MAKE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        said, _ = child.communicate()
    if child.returncode == NO_ALIAS:
        detail = f"User {account.uid} has no name in the user database, and initdb wants one."
        raise LotaError(Kind.UNAVAILABLE, "POSTGRES_ACCOUNT_UNNAMED", detail, uid=account.uid)
    if child.returncode != 0 or b"ERROR:" in said:
        last = said.decode("utf-8", "replace").strip().splitlines()[-3:]
        detail = f"{Path(command[0]).name} could not make the database."
        raise LotaError(Kind.UNAVAILABLE, "POSTGRES_START_FAILED", detail, said=last)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

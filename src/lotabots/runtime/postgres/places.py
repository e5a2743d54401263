"""Where the cluster, its socket and its log lie, so that the server's own user can reach them."""

import hashlib
import os
import pwd
import re
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lotabots.kernel import Kind, LotaError
from lotabots.runtime.postgres.account import Account

ROOT_STATE = Path("/var/lib/lotabots")
ROOT_RUN = Path("/run/lotabots")

PORT = 5432
"""Names the socket file and nothing else: the server does not listen on any network."""
MAX_SOCKET_PATH = 107
"""Bytes of a unix socket's path: `sun_path` holds 108 with the final zero (unix(7))."""

POINTER = "postgres.moved"
CLUSTERS = "clusters"


def state_directory(uid: int, environment: Mapping[str, str]) -> Path:
    """Where LotaBots keeps its data when no setting says so."""
    if uid == 0:
        return ROOT_STATE
    if (given := environment.get("XDG_STATE_HOME", "")).startswith("/"):  # else invalid, by XDG
        return Path(given) / "lotabots"
    home = environment.get("HOME", "")
    if not home.startswith("/"):
        with suppress(KeyError):
            home = pwd.getpwuid(uid).pw_dir
    if not home.startswith("/"):
        return Path(f"/var/tmp/lotabots-{uid}")  # noqa: S108 - made with mode 0700, owner checked
    return Path(home) / ".local" / "state" / "lotabots"


@dataclass(frozen=True, slots=True)
class Places:
    """The paths of one cluster."""

    home: Path
    """Holds a data directory per major version, the log, and the lock of who runs it."""
    run: Path
    """Holds the socket; nobody else may enter it, which is what stands in for a password."""
    pointer: Path | None
    """Where to note, once there is data, that it lies in `home`: it was asked for elsewhere."""

    @property
    def lock(self) -> Path:
        """The file that the process which runs the server holds locked."""
        return self.home / "lock"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.home / "log"

    def note(self) -> None:
        """Leaves word where someone would look. From then on, no data there is an error."""
        if self.pointer is not None and not self.pointer.exists():
            self.pointer.write_text(f"{self.home}\n", encoding="utf-8")

    def clear_socket(self) -> None:
        """Removes a socket that no server listens on, and the lock file that PostgreSQL gives it.

        That file protects nothing more than the one in the data directory does.
        """
        for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
            (self.run / name).unlink(missing_ok=True)

    def data(self, major: int) -> Path:
        """The data directory of a major version: an upgrade never happens behind one's back."""
        return self.home / str(major)


def settle(
    asked: Path,
    account: Account,
    *,
    state: Path = ROOT_STATE,
    run_directories: Sequence[Path] | None = None,
) -> Places:
    """The places for a cluster asked for in `asked`, made if they are not there.

    As root, a cluster below a folder that the server's user cannot enter is kept below `state`
    instead, and a note in `asked` says where.
    Raises `POSTGRES_PLACE_UNUSABLE` or `POSTGRES_SOCKET_UNUSABLE`.
    """
    # Resolved, so that one cluster has one name: a server is known by its working directory.
    asked, state = asked.resolve(), state.resolve()
    try:
        home, pointer = _home(asked, account, state)
        run = _run(home, account, run_directories)
    except OSError as error:
        detail = f"The directory {asked} cannot be used: {error.strerror}"
        raise LotaError(Kind.UNAVAILABLE, "POSTGRES_PLACE_UNUSABLE", detail) from error
    return Places(home, run, pointer)


def make_passable(folder: Path) -> None:
    """Makes a folder of ours that every user may pass through, and none but us may list."""
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    folder.chmod(0o711)


def _home(asked: Path, account: Account, state: Path) -> tuple[Path, Path | None]:
    if not account.root:
        asked.mkdir(mode=0o700, parents=True, exist_ok=True)
        home = asked / "postgres"
        home.mkdir(mode=0o700, exist_ok=True)
        return home, None
    if asked == state:
        make_passable(state)  # someone may have made it before us, closed
    asked.mkdir(mode=0o711, parents=True, exist_ok=True)
    home, pointer = asked / "postgres", asked / POINTER
    moved = _followed(pointer, state)
    if moved is None and not account.can_enter(asked):
        if home.exists():
            detail = f"User {account.uid}, who runs the server, may no longer enter {asked}."
            raise LotaError(Kind.UNAVAILABLE, "POSTGRES_PLACE_UNUSABLE", detail)
        moved = state / CLUSTERS / _digest(asked)
    if moved is not None:
        home = moved
        make_passable(state)
        make_passable(home.parent)
    # Our group may pass through, to data directories that are the server's.
    home.mkdir(mode=0o710, exist_ok=True)
    home.chmod(0o710)
    os.chown(home, 0, account.gid)
    if not account.can_enter(home):
        detail = f"User {account.uid}, who runs the server, cannot enter {home}."
        raise LotaError(Kind.UNAVAILABLE, "POSTGRES_PLACE_UNUSABLE", detail)
    return home, None if moved is None else pointer


def _followed(pointer: Path, state: Path) -> Path | None:
    """Where the note points. Only our own kind of place counts: the note may be someone else's."""
    try:
        noted = Path(pointer.read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        return None
    if noted.parent != state / CLUSTERS or not re.fullmatch("[0-9a-f]{12}", noted.name):
        detail = f"{pointer} does not name a cluster below {state / CLUSTERS}."
    elif not noted.is_dir():
        detail = f"{pointer} says that the data is in {noted}, and there is none."
    else:
        return noted
    raise LotaError(Kind.UNAVAILABLE, "POSTGRES_PLACE_UNUSABLE", detail)


def _run(home: Path, account: Account, candidates: Sequence[Path] | None) -> Path:
    if candidates is None:
        temporary = [Path(base) for base in ("/tmp", "/var/tmp")]  # noqa: S108 - owner is checked
        candidates = [*([ROOT_RUN] if account.root else []), home, *temporary]
    refused: list[str] = []
    for base in candidates:
        run = home / "run" if base == home else base / f"lotabots-{account.uid}-{_digest(home)}"
        if len(str(run / f".s.PGSQL.{PORT}.lock")) > MAX_SOCKET_PATH:
            refused.append(f"{base}: the path is too long")
            continue
        try:
            if base == ROOT_RUN:
                base.mkdir(mode=0o711, exist_ok=True)
            _make_private(run, account)
        except OSError as error:
            refused.append(f"{base}: {error.strerror}")
            continue
        if account.can_enter(run):
            return run
        refused.append(f"{base}: user {account.uid} cannot enter it")
    detail = "No directory can hold the server's socket."
    raise LotaError(Kind.UNAVAILABLE, "POSTGRES_SOCKET_UNUSABLE", detail, refused=refused)


def _make_private(folder: Path, account: Account) -> None:
    """Makes `folder` with mode 0700 for the server's user, or checks that it is just that."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        account.own(folder)
    about = folder.lstat()  # not stat: in a shared folder a stranger may have put a link there
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != account.uid or about.st_mode & 0o077:
        raise PermissionError(0, "it exists and is not ours alone")


def _digest(path: Path) -> str:
    return hashlib.sha256(str(path).encode("utf-8", "surrogateescape")).hexdigest()[:12]

"""The session of `lotabots login`, kept for this user only, and refreshed when it must be."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

EARLY_SECONDS = 30
"""A token is refreshed when it has no longer to live than this."""


class Tokens(msgspec.Struct):
    """What log-in and refresh answer."""

    access_token: str
    expires_in: int
    refresh_token: str


class Kept(msgspec.Struct):
    """What is kept of a session. The refresh token goes to no other server than its own."""

    server: str
    access_token: str
    expires_at: float
    refresh_token: str


def folder() -> Path:
    """Where this user's files of the command line lie."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "lotabots"


def token_file() -> Path:
    """The access token alone, for scripts."""
    return folder() / "token"


def keep(server: str, tokens: Tokens) -> None:
    """Keeps them in files that only this user can read."""
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    expires_at = time.time() + tokens.expires_in
    kept = Kept(server, tokens.access_token, expires_at, tokens.refresh_token)
    _write(_session_file(), msgspec.json.encode(kept))
    _write(token_file(), tokens.access_token.encode())


def kept_for(server: str) -> Kept | None:
    """The session with that server, if there is one."""
    try:
        kept = msgspec.json.decode(_session_file().read_bytes(), type=Kept)
    except (OSError, msgspec.DecodeError):
        return None
    return kept if kept.server == server else None


def is_fresh(kept: Kept) -> bool:
    """Whether the access token lives long enough to be used."""
    return time.time() < kept.expires_at - EARLY_SECONDS


def forget() -> None:
    """Deletes what is kept."""
    for path in (_session_file(), token_file()):
        path.unlink(missing_ok=True)


@contextmanager
def alone() -> Iterator[None]:
    """Lets one process of this user refresh at a time.

    A refresh token is good once: two that used the same would end the session.
    """
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _session_file() -> Path:
    return folder() / "session"


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all: a session that is cut off is lost."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    draft.replace(path)

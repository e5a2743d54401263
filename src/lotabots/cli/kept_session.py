"""The session of `lotabots login`, kept for this user only, and refreshed when it must be."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from lotabots.kernel import SigningKey

EARLY_SECONDS = 30
"""A token is refreshed when it has no longer to live than this."""


class Tokens(msgspec.Struct):
    """What log-in and refresh answer."""

    access_token: str
    expires_in: int
    refresh_token: str
    token_type: str = "Bearer"  # noqa: S105 - the name of a scheme


class Kept(msgspec.Struct):
    """What is kept of a session. The refresh token goes to no other server than its own."""

    server: str
    access_token: str
    expires_at: float
    refresh_token: str
    key: str | None = None
    """The private key that the session is bound to, in PEM; None where its tokens are enough."""


def folder() -> Path:
    """Where this user's files of the command line lie."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "lotabots"


def token_file() -> Path:
    """The access token alone, for scripts; not of a bound session, whose token is not enough."""
    return folder() / "token"


def keep(server: str, tokens: Tokens, key: SigningKey | None) -> None:
    """Keeps them in files that only this user can read."""
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    expires_at = time.time() + tokens.expires_in
    pem = None if key is None else key.to_pem().decode()
    kept = Kept(server, tokens.access_token, expires_at, tokens.refresh_token, pem)
    _write(_session_file(), msgspec.json.encode(kept))
    if key is None:
        _write(token_file(), tokens.access_token.encode())
    else:
        token_file().unlink(missing_ok=True)


def kept_for(server: str) -> Kept | None:
    """The session with that server, if there is one."""
    try:
        kept = msgspec.json.decode(_session_file().read_bytes(), type=Kept)
    except (OSError, msgspec.DecodeError):
        return None
    return kept if kept.server == server else None


def key_of(kept: Kept) -> SigningKey | None:
    """The key that the session is bound to, if it is to one. Raises `KEY_*` for a broken file."""
    return None if kept.key is None else SigningKey.from_pem(kept.key.encode())


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

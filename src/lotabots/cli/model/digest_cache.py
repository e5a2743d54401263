"""Digests of models remembered for this user: the cache's file, and the key that seals it."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from lotabots.cli.kept_session import folder
from lotabots.models.cache import Cache, read_cache, write_cache

KEY_BYTES = 32

cache_option = click.option(
    "--cache/--no-cache",
    default=True,
    help="Take the digests of files that did not change from the last time; it is said.",
)


@contextmanager
def digest_cache(wanted: bool) -> Iterator[Cache | None]:
    """The user's cache, kept afterwards if it changed; None where it is not wanted or not possible.

    The key lies with the user's settings, the cache with what may be deleted: one of them alone is
    worth nothing to whoever copies or forges it.
    """
    key = _key() if wanted else None
    if key is None:
        yield None
        return
    path = _place()
    cache = read_cache(path, key, time.time_ns())
    yield cache
    if cache.changed:
        with suppress(OSError):  # a home that cannot be written to: it is computed again next time
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_cache(cache, path, key)


def _place() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "lotabots" / "model-digests"


def _key() -> bytes | None:
    """The key of this user, made on first use; None if there is none that only they can read."""
    path = folder() / "model-digests.key"
    with suppress(FileExistsError, OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, os.urandom(KEY_BYTES))
        finally:
            os.close(fd)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        found = os.fstat(fd)
        key = os.read(fd, KEY_BYTES + 1)
    except OSError:
        return None
    finally:
        os.close(fd)
    private = found.st_uid == os.geteuid() and not found.st_mode & 0o077
    return key if private and len(key) == KEY_BYTES else None

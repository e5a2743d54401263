"""Digests remembered between runs, for files that are what they were; sealed with a user's key.

What is remembered is never more than a short cut: a verdict says which digests were, and evidence
of a node uses none but those of files that the kernel itself keeps from changing (fs-verity).
"""

import os
from collections.abc import Callable
from pathlib import Path
from threading import Lock

import msgspec

from lotabots.kernel import equal, hmac_sha512
from lotabots.models.identity import Identity
from lotabots.models.types import Algorithm

RACY_NS = 2_000_000_000
"""A file younger than this when it is read is not remembered: what changes it again within the
tick of the file system's clock (2 s on FAT) would go unseen. The same care as git's index takes."""
MAX_ENTRIES = 20_000
MAX_BYTES = 32 * 1024 * 1024
MAGIC = b"lotabots digests 1\n"
MAC_BYTES = 64


class Remembered(msgspec.Struct, frozen=True):
    """The digest of a file, and those of the tensors in it, 32 bytes each."""

    digest: bytes
    tensors: bytes


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    identity: Identity
    algorithm: Algorithm
    spans: bytes
    verity: bytes
    found: Remembered


Key = tuple[Identity, Algorithm, bytes]


class Cache:
    """What is remembered, for one run; the least lately used is dropped first. Thread-safe."""

    def __init__(self, now_ns: int, *, sealed_only: bool = False) -> None:
        """`now_ns` is not later than the first reading. `sealed_only`: see `get`."""
        self._now_ns, self._sealed_only = now_ns, sealed_only
        self._entries: dict[Key, _Entry] = {}
        self._lock = Lock()
        self.changed = False
        """Whether it is worth writing."""

    @staticmethod
    def key(identity: Identity, algorithm: Algorithm, spans: bytes) -> Key:
        """Under what a file is remembered: what it is, by which hash, and which parts of it."""
        return identity, algorithm, spans

    def get(self, key: Key, verity: bytes) -> Remembered | None:
        """What is remembered of a file whose fs-verity digest is this, empty for none.

        With `sealed_only` nothing of a file without one: times and sizes can be forged by whoever
        has the machine, the kernel's own digest cannot.
        """
        if self._sealed_only and not verity:
            return None
        with self._lock:
            entry = self._entries.pop(key, None)
            if entry is None or not equal(entry.verity, verity):
                return None
            self._entries[key] = entry
            return entry.found

    def put(self, key: Key, found: Remembered, verity: bytes) -> None:
        """Remembers a file, unless it is so young that a change of it could go unseen."""
        identity, algorithm, spans = key
        newest = max(identity.mtime_ns, identity.ctime_ns)
        if not verity and self._now_ns - newest < RACY_NS:
            return
        entry = _Entry(identity, algorithm, spans, verity, found)
        with self._lock:
            self._entries.pop(key, None)
            self._entries[key] = entry
            while len(self._entries) > MAX_ENTRIES:
                del self._entries[next(iter(self._entries))]
            self.changed = True

    def __len__(self) -> int:
        return len(self._entries)

    def pack(self, key: bytes) -> bytes:
        """The whole cache under the MAC of this key; `unpack` reads it."""
        with self._lock:
            entries = list(self._entries.values())
        body = _pack(entries)
        while len(body) > MAX_BYTES:
            entries = entries[len(entries) // 2 + 1 :]
            body = _pack(entries)
        return MAGIC + hmac_sha512(key, MAGIC + body) + body

    def unpack(self, data: bytes, key: bytes) -> bool:
        """Takes in what `pack` wrote under this key; nothing, and False, from anything else."""
        start = len(MAGIC) + MAC_BYTES
        body = data[start:]
        if len(data) < start or not data.startswith(MAGIC) or len(body) > MAX_BYTES:
            return False
        if not equal(data[len(MAGIC) : start], hmac_sha512(key, MAGIC + body)):
            return False
        try:
            entries = _DECODER.decode(body)
        except (msgspec.DecodeError, ValueError):
            return False
        for entry in entries:
            self._entries[entry.identity, entry.algorithm, entry.spans] = entry
        return True


_DECODER = msgspec.msgpack.Decoder(list[_Entry])
_pack: Callable[[object], bytes] = msgspec.msgpack.Encoder().encode


def read_cache(path: Path, key: bytes, now_ns: int, *, sealed_only: bool = False) -> Cache:
    """The cache in this file; an empty one where there is none, or none under this key.

    Raises nothing: what cannot be read is computed anew.
    """
    cache = Cache(now_ns, sealed_only=sealed_only)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(fd, "rb") as file:  # noqa: PTH123 - it takes over the descriptor
            limit = len(MAGIC) + MAC_BYTES + MAX_BYTES
            data = file.read(limit + 1)
    except OSError:
        return cache
    cache.unpack(data, key)
    return cache


def write_cache(cache: Cache, path: Path, key: bytes) -> None:
    """Puts the cache into this file, whole or not at all, readable for its owner alone.

    Two runs at once: the last one is kept. Raises OSError.
    """
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(new, flags, 0o600)
    try:
        with open(fd, "wb") as file:  # noqa: PTH123 - it takes over the descriptor
            file.write(cache.pack(key))
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise

"""Logs made by hand: entries, keys, and the files that a server would publish."""

from collections.abc import Sequence
from pathlib import Path

from lotabots.tlog import (
    Algorithm,
    Checkpoint,
    NoteSigner,
    NoteVerifier,
    grow_bundles,
    grow_tiles,
    leaf_hash,
    make_receipt,
    node_hash,
    prove_consistency,
    prove_inclusion,
    root_of,
    sign_checkpoint,
)

ORIGIN = "log.example/audit"


class SmallLog:
    """A log in memory. `entries` may be changed: then it is another log with the same key."""

    def __init__(self, entries: Sequence[bytes], origin: str = ORIGIN, seed: int = 1) -> None:
        self.entries = list(entries)
        self.origin = origin
        self.signer = NoteSigner(Algorithm.ED25519, origin, bytes([seed]) * 32)

    @property
    def verifier(self) -> NoteVerifier:
        return self.signer.verifier

    @property
    def size(self) -> int:
        return len(self.entries)

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        count = self.size if size is None else size
        return Checkpoint(
            self.origin, count, root_of([leaf_hash(one) for one in self.entries[:count]])
        )

    def note(self, size: int | None = None) -> str:
        return sign_checkpoint(self.checkpoint(size), [self.signer])

    def hash(self, level: int, index: int) -> bytes:
        if level == 0:
            return leaf_hash(self.entries[index])
        return node_hash(self.hash(level - 1, 2 * index), self.hash(level - 1, 2 * index + 1))

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        return tuple(prove_consistency(old, new, self.hash)) if 0 < old < new else ()

    def receipt(self, index: int, extra: bytes | None = None) -> str:
        proof = prove_inclusion(index, self.size, self.hash)
        return make_receipt(index, proof, self.note(), extra)


def small_log(size: int, **changes: object) -> SmallLog:
    return SmallLog([f"entry {number}".encode() for number in range(size)], **changes)  # type: ignore[arg-type]


def publish(log: SmallLog, folder: Path) -> None:
    """The log as its server would have it: every file, the checkpoint last."""

    def nothing(path: str) -> bytes:
        raise AssertionError(path)

    hashes = [leaf_hash(one) for one in log.entries]
    files = [*grow_bundles(nothing, 0, log.entries), *grow_tiles(nothing, 0, hashes)]
    for path, data in [
        *files,
        ("keys", f"{log.verifier.vkey()}\n".encode()),
        ("checkpoint", log.note().encode()),
    ]:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)

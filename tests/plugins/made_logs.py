"""A log made in memory, in several steps, with everything that it leaves behind."""

from collections.abc import Iterable
from functools import cache

from lotabots.tlog import (
    Algorithm,
    Checkpoint,
    HashReader,
    NoteSigner,
    grow_bundles,
    grow_tiles,
    leaf_hash,
    root_of,
    sign_checkpoint,
)

ORIGIN = "log.example/audit"
SIGNERS = (
    NoteSigner(Algorithm.ED25519, ORIGIN, b"e" * 32),
    NoteSigner(Algorithm.ML_DSA_44, ORIGIN, b"m" * 32),
)
KEYS = [signer.verifier for signer in SIGNERS]
WITNESS = NoteSigner(Algorithm.COSIGNATURE, "witness.example/w1", b"w" * 32)
WITNESS_PQ = NoteSigner(Algorithm.ML_DSA_44, "witness.example/w2", b"x" * 32)
STEPS = (3, 256, 300, 700)


def entry(index: int) -> bytes:
    return f"entry {index} ".encode() * (index % 5)


class Log:
    """Its files by path, its entries and leaf hashes."""

    def __init__(self, steps: Iterable[int]) -> None:
        self.files: dict[str, bytes] = {}
        self.entries: list[bytes] = []
        self.leaves: list[bytes] = []
        for size in steps:
            self.grow(size)

    def grow(self, size: int) -> None:
        """Appends up to this size, and publishes."""
        before = len(self.entries)
        new = [entry(index) for index in range(before, size)]
        self.files.update(grow_bundles(self.files.__getitem__, before, new))
        hashes = [leaf_hash(one) for one in new]
        self.files.update(grow_tiles(self.files.__getitem__, before, hashes))
        self.entries += new
        self.leaves += hashes
        self.files["checkpoint"] = self.files[f"checkpoint.{size}"] = self.note().encode()

    def checkpoint(self) -> Checkpoint:
        return Checkpoint(ORIGIN, len(self.leaves), root_of(self.leaves))

    def note(self) -> str:
        return sign_checkpoint(self.checkpoint(), SIGNERS, at=1_700_000_000)

    def hashes(self) -> HashReader:
        return HashReader(self.files.__getitem__, len(self.leaves))


@cache
def small_log() -> Log:
    """700 entries in four steps; nobody changes it."""
    return Log(STEPS)

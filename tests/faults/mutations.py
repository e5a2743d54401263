"""One byte of a copy changed, at random, and put back."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mutation:
    """Byte `offset` of the file at `path` becomes `value`."""

    path: str
    offset: int
    value: int


def mutations(folder: Path, count: int, *, seed: int) -> Iterator[Mutation]:
    """So many, each in a file chosen first: a short checkpoint is hit as often as a long bundle."""
    chance = random.Random(seed)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    for _ in range(count):
        file = chance.choice(files)
        before = file.read_bytes()
        offset = chance.randrange(len(before))
        value = before[offset] ^ chance.randrange(1, 256)
        yield Mutation(str(file.relative_to(folder)), offset, value)


@contextmanager
def made(folder: Path, mutation: Mutation) -> Iterator[None]:
    """The copy with this change, for as long as the block lasts."""
    file = folder / mutation.path
    before = file.read_bytes()
    after = bytearray(before)
    after[mutation.offset] = mutation.value
    file.write_bytes(after)
    try:
        yield
    finally:
        file.write_bytes(before)

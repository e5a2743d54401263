"""A whole copy of a log in which one byte was changed: found each time, and named by its file."""

import os
from pathlib import Path

import pytest
from faults.mutations import Mutation, made, mutations
from interop.published import SIGNERS, publish

from lotabots.tlog import CopyReport, verify_copy

KEYS = [signer.verifier for signer in SIGNERS]

SIZES = [
    pytest.param(2000, 50, id="2,000 entries, 50 mutations"),
    pytest.param(200_000, 1000, id="200,000 entries, 1,000 mutations", marks=pytest.mark.long),
]


def verify(folder: Path) -> CopyReport:
    paths = [
        (Path(base) / name).relative_to(folder).as_posix()
        for base, _, names in os.walk(folder)
        for name in names
    ]
    return verify_copy(lambda path: (folder / path).read_bytes(), paths, KEYS)


def growth(size: int) -> list[int]:
    """The sizes at which a log is published on its way, so that it has old partial files."""
    return [size * step // 7 + 1 for step in range(7)] + [size]


@pytest.mark.parametrize(("size", "count"), SIZES)
def test_every_change_of_one_byte_is_found_and_named(tmp_path: Path, size: int, count: int) -> None:
    entries = [f"entry {number} says {number * 7919 % 10_007}".encode() for number in range(size)]
    publish(tmp_path, entries, growth(size))
    whole = verify(tmp_path)
    assert (whole.size, whole.findings) == (size, ())
    missed: list[Mutation] = []
    for mutation in mutations(tmp_path, count, seed=size):
        with made(tmp_path, mutation):
            named = {finding.path for finding in verify(tmp_path).findings}
        if mutation.path not in named:
            missed.append(mutation)
    assert missed == []
    assert verify(tmp_path).findings == ()


def test_every_byte_of_a_checkpoint_counts(tmp_path: Path) -> None:
    publish(tmp_path, [b"one", b"two", b"three"], (2, 3))
    note = (tmp_path / "checkpoint").read_bytes()
    for offset in range(0, len(note), 5):  # the signature that outlives Ed25519 is long
        with made(tmp_path, Mutation("checkpoint", offset, note[offset] ^ 1)):
            assert "checkpoint" in {finding.path for finding in verify(tmp_path).findings}

"""A whole copy of a log in which one byte was changed: found each time, and named by its file."""

from pathlib import Path

import pytest
from faults.copies import missed, verified
from faults.mutations import Mutation, made
from interop.published import publish

SIZES = [
    pytest.param(2000, 50, id="2,000 entries, 50 mutations"),
    pytest.param(200_000, 1000, id="200,000 entries, 1,000 mutations", marks=pytest.mark.long),
]


def growth(size: int) -> list[int]:
    """The sizes at which a log is published on its way, so that it has old partial files."""
    return [size * step // 7 + 1 for step in range(7)] + [size]


@pytest.mark.parametrize(("size", "count"), SIZES)
def test_every_change_of_one_byte_is_found_and_named(tmp_path: Path, size: int, count: int) -> None:
    entries = [f"entry {number} says {number * 7919 % 10_007}".encode() for number in range(size)]
    publish(tmp_path, entries, growth(size))
    whole = verified(tmp_path)
    assert (whole.size, whole.findings) == (size, ())
    assert missed(tmp_path, count, seed=size) == []
    assert verified(tmp_path).findings == ()


def test_every_byte_of_a_checkpoint_counts(tmp_path: Path) -> None:
    publish(tmp_path, [b"one", b"two", b"three"], (2, 3))
    note = (tmp_path / "checkpoint").read_bytes()
    for offset in range(0, len(note), 5):  # the signature that outlives Ed25519 is long
        with made(tmp_path, Mutation("checkpoint", offset, note[offset] ^ 1)):
            assert "checkpoint" in {finding.path for finding in verified(tmp_path).findings}

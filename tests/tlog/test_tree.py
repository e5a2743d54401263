"""The compact range: the published tree, every way to append, and its stored form."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.kernel import LotaError
from lotabots.tlog import EMPTY_ROOT, CompactRange, leaf_hash, root_of

LEAVES = [leaf_hash(bytes([i % 256])) for i in range(600)]


def test_the_published_tree_has_our_hashes(vectors: Path) -> None:
    tree = json.loads((vectors / "tlog/merkle/reference_tree.json").read_text())
    leaves = [leaf_hash(bytes.fromhex(leaf)) for leaf in tree["leaves"]]
    assert [leaf.hex() for leaf in leaves] == tree["leaf_hashes"]
    assert [root_of(leaves[:size]).hex() for size in range(9)] == tree["roots"]


@given(st.lists(st.integers(0, 150), max_size=4))
def test_leaves_appended_in_any_batches_give_one_tree(batches: list[int]) -> None:
    grown = CompactRange.EMPTY
    for count in batches:
        grown = grown.extend(LEAVES[grown.size : grown.size + count])
    assert grown == CompactRange.EMPTY.extend(LEAVES[: sum(batches)])
    assert grown.root() == root_of(LEAVES[: sum(batches)])


@given(st.integers(0, 600))
def test_what_is_packed_is_unpacked(size: int) -> None:
    tree = CompactRange.EMPTY.extend(LEAVES[:size])
    assert CompactRange.unpack(tree.pack()) == tree


@given(st.binary(max_size=200))
def test_any_bytes_are_a_stored_tree_or_refused(data: bytes) -> None:
    with suppress(LotaError):
        assert CompactRange.unpack(data).pack() == data


def test_a_leaf_that_is_no_hash_is_refused() -> None:
    with pytest.raises(LotaError, match="TLOG_HASH_LENGTH"):
        CompactRange.EMPTY.extend([b"short"])
    with pytest.raises(LotaError, match="TLOG_RANGE"):
        CompactRange(3, (b"h" * 32,))


def test_the_empty_tree_has_the_root_of_nothing() -> None:
    assert CompactRange.EMPTY.root() == root_of([]) == EMPTY_ROOT

"""Proofs: the published cases, every tree of up to 130 leaves, and whatever someone sends."""

import base64
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.kernel import LotaError
from lotabots.tlog import (
    EMPTY_ROOT,
    leaf_hash,
    node_hash,
    prove_consistency,
    prove_inclusion,
    root_of,
    verify_consistency,
    verify_inclusion,
)

SIZES = 130
LEAVES = [leaf_hash(f"entry {i}".encode()) for i in range(SIZES)]
SHORT_ROOTS = "sizes-are-equal-one-and-proof-is-empty"
"""The one case we refuse and others accept: two equal trees, with roots of 12 bytes."""

hashes = st.binary(min_size=32, max_size=32) | st.binary(max_size=40)


def textbook_root(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(textbook_root(leaves[:split]), textbook_root(leaves[split:]))


NODES: dict[tuple[int, int], bytes] = {}
ROOTS = [textbook_root(LEAVES[:size]) for size in range(SIZES + 1)]


def get(level: int, index: int) -> bytes:
    """The root of a complete subtree of the 130 leaves."""
    if (level, index) not in NODES:
        part = LEAVES[index << level : index + 1 << level]
        assert len(part) == 1 << level, "asked for a subtree that is not complete"
        NODES[level, index] = textbook_root(part)
    return NODES[level, index]


def holds(case: dict[str, object]) -> bool:
    """Whether our verifier accepts a published case."""
    proof = [base64.b64decode(one) for one in case["proof"] or []]  # type: ignore[attr-defined]

    def field(name: str) -> bytes:
        return base64.b64decode(str(case[name] or ""))

    def number(name: str) -> int:
        return int(str(case[name]))

    try:
        if "leafIdx" in case:
            place = number("leafIdx"), number("treeSize")
            verify_inclusion(field("leafHash"), *place, proof, field("root"))
        else:
            roots = field("root1"), field("root2")
            verify_consistency(number("size1"), number("size2"), proof, *roots)
    except LotaError:
        return False
    return True


@pytest.mark.parametrize("kind", ["inclusion", "consistency"])
def test_the_published_cases_are_judged_as_published(vectors: Path, kind: str) -> None:
    files = sorted((vectors / "tlog/merkle/testdata" / kind).rglob("*.json"))
    assert len(files) == 98
    wrong = []
    for file in files:
        case = json.loads(file.read_text())
        if holds(case) == case["wantErr"]:
            wrong.append(file.stem)
    assert wrong == ([SHORT_ROOTS] if kind == "consistency" else [])


def test_every_leaf_of_every_tree_is_proven() -> None:
    for size in range(1, SIZES + 1):
        for index in range(size):
            proof = prove_inclusion(index, size, get)
            verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])


def test_every_tree_is_proven_to_extend_every_smaller_one() -> None:
    for new in range(1, SIZES + 1):
        for old in range(1, new + 1):
            proof = prove_consistency(old, new, get)
            verify_consistency(old, new, proof, ROOTS[old], ROOTS[new])


@given(st.integers(1, SIZES), st.data())
def test_an_inclusion_proof_with_anything_changed_is_refused(
    size: int, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = list(prove_inclusion(index, size, get))
    parts = [LEAVES[index], *proof, ROOTS[size]]
    place, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
    parts[place] = flipped(parts[place], bit)
    with pytest.raises(LotaError, match="TLOG_ROOT_MISMATCH"):
        verify_inclusion(parts[0], index, size, parts[1:-1], parts[-1])
    with pytest.raises(LotaError, match="TLOG_PROOF_LENGTH"):
        verify_inclusion(LEAVES[index], index, size, [*proof, LEAVES[0]], ROOTS[size])
    with pytest.raises(LotaError):
        verify_inclusion(LEAVES[index], (index + 1) % (size + 1), size, proof, ROOTS[size])


@given(st.integers(2, SIZES), st.data())
def test_a_consistency_proof_with_anything_changed_is_refused(
    new: int, data: st.DataObject
) -> None:
    old = data.draw(st.integers(1, new - 1))
    proof = list(prove_consistency(old, new, get))
    parts = [ROOTS[old], *proof, ROOTS[new]]
    place, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
    parts[place] = flipped(parts[place], bit)
    with pytest.raises(LotaError, match="TLOG_ROOT_MISMATCH"):
        verify_consistency(old, new, parts[1:-1], parts[0], parts[-1])
    with pytest.raises(LotaError, match="TLOG_PROOF_LENGTH"):
        verify_consistency(old, new, [*proof, LEAVES[0]], ROOTS[old], ROOTS[new])


@given(st.integers(-2, 300), st.integers(-2, 300), hashes, hashes, st.lists(hashes, max_size=80))
def test_no_proof_breaks_the_verifiers(
    a: int, b: int, one: bytes, other: bytes, proof: list[bytes]
) -> None:
    with suppress(LotaError):
        verify_inclusion(one, a, b, proof, other)
    with suppress(LotaError):
        verify_consistency(a, b, proof, one, other)


def test_nothing_is_proven_about_an_empty_tree() -> None:
    with pytest.raises(LotaError, match="TLOG_SIZE"):
        verify_consistency(0, 4, [], EMPTY_ROOT, ROOTS[4])
    with pytest.raises(LotaError, match="TLOG_SIZE"):
        prove_consistency(0, 4, get)
    with pytest.raises(LotaError, match="TLOG_SIZE"):
        prove_inclusion(0, 0, get)


def test_a_root_and_a_leaf_of_no_bytes_are_refused() -> None:
    with pytest.raises(LotaError, match="TLOG_HASH_LENGTH"):
        verify_inclusion(b"", 0, 1, [], b"")


def flipped(data: bytes, bit: int) -> bytes:
    number = int.from_bytes(data, "big") ^ (1 << bit)
    return number.to_bytes(len(data), "big")


def test_the_root_of_a_list_of_leaves_is_that_of_the_textbook() -> None:
    assert [root_of(LEAVES[:size]) for size in range(SIZES + 1)] == ROOTS

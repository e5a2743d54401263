"""Proofs that a leaf is in a tree, and that one tree is the beginning of another.

Made as RFC 6962 sections 2.1.1 and 2.1.2 define them, checked as RFC 9162 sections 2.1.3.2 and
2.1.4.2 do, and stricter where the textbook verifier lets things pass: a hash is exactly 32 bytes,
and nothing is proven about a tree without leaves.
"""

from collections.abc import Callable, Sequence

from lotabots.kernel import equal, invalid
from lotabots.tlog.tree import HASH_BYTES, MAX_SIZE, node_hash

Hashes = Callable[[int, int], bytes]
"""`get(level, index)`: the root of the complete subtree over the leaves
`index * 2**level` up to `(index + 1) * 2**level`; level 0 are the leaf hashes."""
MAX_PROOF = 64


def prove_inclusion(index: int, size: int, get: Hashes) -> tuple[bytes, ...]:
    """The audit path of leaf `index` in the tree of `size`, the leaf's sibling first."""
    _check_index(index, size)
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        split = _split(start, end)
        if index < split:
            path.append(_root(split, end, get))
            end = split
        else:
            path.append(_root(start, split, get))
            start = split
    return tuple(reversed(path))


def prove_consistency(size1: int, size2: int, get: Hashes) -> tuple[bytes, ...]:
    """The proof that the tree of `size1` is the beginning of the tree of `size2`."""
    _check_sizes(size1, size2)
    proof: list[bytes] = []
    start, end = 0, size2
    while end != size1:
        split = _split(start, end)
        if size1 <= split:
            proof.append(_root(split, end, get))
            end = split
        else:
            proof.append(_root(start, split, get))
            start = split
    if start:  # else it is the root of the first tree, which the verifier has
        proof.append(_root(start, end, get))
    return tuple(reversed(proof))


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Returns if the leaf hash stands at `index` in the tree with that size and root.

    Raises `TLOG_SIZE`, `TLOG_HASH_LENGTH`, `TLOG_PROOF_LENGTH`, `TLOG_ROOT_MISMATCH`.
    """
    _check_index(index, size)
    _check_hashes(leaf, root, *proof)
    # Up to where the paths of this leaf and of the last one meet, there is a hash for each level;
    # above, one for each complete subtree to the left.
    inner = (index ^ (size - 1)).bit_length()
    if len(proof) != inner + (index >> inner).bit_count():
        raise _length()
    node = leaf
    for level, sibling in enumerate(proof):
        on_the_right = level >= inner or index >> level & 1
        node = node_hash(sibling, node) if on_the_right else node_hash(node, sibling)
    _check_root(node, root)


def verify_consistency(
    size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes
) -> None:
    """Returns if the tree (`size1`, `root1`) is the beginning of the tree (`size2`, `root2`).

    Raises `TLOG_SIZE` (also for `size1` = 0, from which nothing follows), `TLOG_HASH_LENGTH`,
    `TLOG_PROOF_LENGTH`, `TLOG_ROOT_MISMATCH`.
    """
    _check_sizes(size1, size2)
    _check_hashes(root1, root2, *proof)
    if size1 == size2:
        if proof:
            raise _length()
        _check_root(root1, root2)
        return
    hashes = list(proof) if size1 & (size1 - 1) else [root1, *proof]
    if not hashes:
        raise _length()
    first, last = size1 - 1, size2 - 1
    shift = (~first & (first + 1)).bit_length() - 1  # over the ones at the end of `first`
    first, last = first >> shift, last >> shift
    old = new = hashes[0]
    for sibling in hashes[1:]:
        if not last:
            raise _length()
        if first & 1 or first == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        first, last = first >> 1, last >> 1
    if last:
        raise _length()
    _check_root(old, root1)
    _check_root(new, root2)


def _split(start: int, end: int) -> int:
    """Where the left child of the tree over these leaves ends (RFC 6962 section 2.1)."""
    return start + (1 << (end - start - 1).bit_length() - 1)


def _root(start: int, end: int, get: Hashes) -> bytes:
    """The root over these leaves, from the complete subtrees they fall into, left to right."""
    level = (end - start).bit_length() - 1
    peak = get(level, start >> level)
    start += 1 << level
    return node_hash(peak, _root(start, end, get)) if start < end else peak


def _check_index(index: int, size: int) -> None:
    if not 0 <= index < size <= MAX_SIZE:
        raise invalid("TLOG_SIZE", f"There is no entry {index} in a tree of {size}.")


def _check_sizes(size1: int, size2: int) -> None:
    if not 0 < size1 <= size2 <= MAX_SIZE:
        raise invalid("TLOG_SIZE", f"A tree of {size1} proves nothing about one of {size2}.")


def _check_hashes(*hashes: bytes) -> None:
    if len(hashes) > MAX_PROOF + 2:
        raise invalid("TLOG_PROOF_LENGTH", "The proof is longer than any tree is high.")
    if any(len(one) != HASH_BYTES for one in hashes):
        raise invalid("TLOG_HASH_LENGTH", "A hash is not of 32 bytes.")


def _check_root(found: bytes, root: bytes) -> None:
    if not equal(found, root):
        raise invalid("TLOG_ROOT_MISMATCH", "The proof leads to another root.")


def _length() -> Exception:
    return invalid("TLOG_PROOF_LENGTH", "The proof is not as long as these sizes ask for.")

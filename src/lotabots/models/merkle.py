"""The Merkle roots that name a model, over its files and over its tensors; proofs of one tensor.

The trees are those of RFC 6962, section 2.1, with SHA-256: 0x00 before a leaf, 0x01 before two
children, and the left child is the largest full tree that is smaller than the whole.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

import msgspec

from lotabots.kernel import LotaError, equal, invalid
from lotabots.models.types import FileEntry, TensorEntry

HASH_BYTES = 32
MAX_TENSORS = 2**31
REGULAR = b"\x01"
"""The kind byte of a regular file in a leaf; nothing else has content to stand for."""


def strong_root(files: Iterable[FileEntry]) -> bytes:
    """The identity of a model, 32 bytes: paths, sizes and digests of all its files.

    Leaf: length of the path u32, path, size u64, kind byte, digest; big-endian, UTF-8, in
    code-point order of the paths. Raises `MODEL_ENTRY`.
    """
    return merkle_root(_file(entry) for entry in sorted(files, key=_path))


def tensor_root(tensors: Iterable[TensorEntry]) -> bytes:
    """The root over tensors, 32 bytes, whatever files hold them and in whatever order.

    Leaf: length of the name u32, name, length of the type u8, type, dimensions u8, each u64,
    BLAKE3 of the bytes; big-endian, UTF-8, in code-point order of the names. Raises `MODEL_ENTRY`.
    """
    return merkle_root(_tensor(entry) for entry in sorted(tensors, key=_name))


def merkle_root(leaves: Iterable[bytes]) -> bytes:
    """The root over these leaves in this order, 32 bytes; SHA-256 of nothing where there is none.

    Memory grows with the logarithm of their number.
    """
    peaks: list[bytes] = []  # roots of full trees, the largest first: the ones of `count` in binary
    for count, leaf in enumerate(leaves, start=1):
        node = sha256(b"\x00" + leaf).digest()
        for _ in range((count & -count).bit_length() - 1):
            node = _node(peaks.pop(), node)
        peaks.append(node)
    if not peaks:
        return sha256(b"").digest()
    root = peaks.pop()
    while peaks:
        root = _node(peaks.pop(), root)
    return root


class TensorProof(msgspec.Struct, frozen=True, kw_only=True):
    """That a tensor with this name, type, shape and digest is one of those under a root.

    Which file holds it is no part of the root, so it is no part of the proof.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    digest: bytes
    index: int
    """Its place in code-point order of the names."""
    size: int
    """How many tensors there are."""
    path: tuple[bytes, ...]
    """The audit path of RFC 6962, section 2.1.1: the leaf's sibling first."""


def prove_tensor(tensors: Sequence[TensorEntry], name: str) -> TensorProof:
    """The proof of the tensor with this name. Raises `MODEL_TENSOR_UNKNOWN`, `MODEL_ENTRY`."""
    ordered = sorted(tensors, key=_name)
    index = next((at for at, entry in enumerate(ordered) if entry.name == name), None)
    if index is None:
        raise invalid("MODEL_TENSOR_UNKNOWN", "There is no tensor of this name in the model.")
    found, leaves = ordered[index], [_tensor(entry) for entry in ordered]
    path: list[bytes] = []
    start, end = 0, len(leaves)
    while end - start > 1:
        split = start + (1 << (end - start - 1).bit_length() - 1)
        if index < split:
            path.append(merkle_root(leaves[split:end]))
            end = split
        else:
            path.append(merkle_root(leaves[start:split]))
            start = split
    return TensorProof(
        name=found.name,
        dtype=found.dtype,
        shape=found.shape,
        digest=found.digest,
        index=index,
        size=len(leaves),
        path=tuple(reversed(path)),
    )


def check_tensor(proof: TensorProof, root: bytes) -> None:
    """Returns if the tensor is under this root (RFC 9162, section 2.1.3.2). Raises `MODEL_PROOF`.

    The length of the path follows from index and size, and must be exactly that.
    """
    if not 0 <= proof.index < proof.size <= MAX_TENSORS:
        raise _unproven("its place is not in the tree")
    if len(root) != HASH_BYTES or any(len(one) != HASH_BYTES for one in proof.path):
        raise _unproven("a hash is not of 32 bytes")
    # Up to where the paths of this leaf and the last one meet there is a hash for each level;
    # above, one for each full tree to the left.
    inner = (proof.index ^ (proof.size - 1)).bit_length()
    if len(proof.path) != inner + (proof.index >> inner).bit_count():
        raise _unproven("the path is not as long as it has to be")
    entry = TensorEntry(
        name=proof.name,
        dtype=proof.dtype,
        shape=proof.shape,
        path="",
        begin=0,
        end=0,
        digest=proof.digest,
    )
    node = sha256(b"\x00" + _tensor(entry)).digest()
    for level, sibling in enumerate(proof.path):
        right = level >= inner or proof.index >> level & 1
        node = _node(sibling, node) if right else _node(node, sibling)
    if not equal(node, root):
        raise _unproven("it leads to another root")


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def _path(entry: FileEntry) -> str:
    return entry.path


def _name(entry: TensorEntry) -> str:
    return entry.name


def _file(entry: FileEntry) -> bytes:
    try:
        path = entry.path.encode()
        head = len(path).to_bytes(4, "big") + path + entry.size.to_bytes(8, "big")
    except (UnicodeEncodeError, OverflowError) as error:
        raise _unfit(entry.path) from error
    return head + REGULAR + entry.digest


def _tensor(entry: TensorEntry) -> bytes:
    if len(entry.digest) != HASH_BYTES:
        raise _unfit(entry.name)
    try:
        name, dtype = entry.name.encode(), entry.dtype.encode()
        return b"".join(
            (
                len(name).to_bytes(4, "big"),
                name,
                len(dtype).to_bytes(1, "big"),
                dtype,
                len(entry.shape).to_bytes(1, "big"),
                *(size.to_bytes(8, "big") for size in entry.shape),
                entry.digest,
            )
        )
    except (UnicodeEncodeError, OverflowError) as error:
        raise _unfit(entry.name) from error


def _unfit(name: str) -> LotaError:
    shown = name[:200].encode("ascii", "backslashreplace").decode()
    return invalid("MODEL_ENTRY", "This entry cannot stand in a root.", name=shown)


def _unproven(why: str) -> LotaError:
    return invalid("MODEL_PROOF", f"The tensor is not proven: {why}.")

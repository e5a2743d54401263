"""The Merkle roots that name a model: over its files, and over its tensors (RFC 6962 in shape).

A leaf is SHA-256 of 0x00 and the item, a node SHA-256 of 0x01 and its two children; the left part
of a tree is the largest power of two that is smaller than the whole (RFC 6962, section 2.1). So one
file or one tensor can be proven to whoever knows the root.
"""

from collections.abc import Sequence

from lotabots.kernel import sha256
from lotabots.models.types import FileEntry, TensorEntry

REGULAR = b"\x01"
"""The kind of a regular file in a leaf; there is no other today."""


def strong_root(files: Sequence[FileEntry]) -> bytes:
    """The identity of a model, 32 bytes: names, sizes and digests of all its files.

    Leaf: length of the name u32, name in UTF-8, size u64, kind (1 byte), digest; big-endian; in
    code-point order of the names.
    """
    ordered = sorted(files, key=lambda entry: entry.path)
    return merkle_root([_file(entry) for entry in ordered])


def tensor_root(tensors: Sequence[TensorEntry]) -> bytes:
    """The root over tensors, 32 bytes, whatever files hold them: one that re-sharding keeps.

    Leaf: length of the name u32, name, length of the type u8, type, number of dimensions u8, each
    dimension u64, BLAKE3 of the bytes; big-endian; in code-point order of the names.
    """
    ordered = sorted(tensors, key=lambda entry: entry.name)
    return merkle_root([_tensor(entry) for entry in ordered])


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root over these items in this order; SHA-256 of nothing where there are none."""
    if not leaves:
        return sha256(b"")
    # Roots of full subtrees, largest first, as in the binary form of the number of leaves.
    roots: list[bytes] = []
    for count, leaf in enumerate(leaves, start=1):
        roots.append(sha256(b"\x00" + leaf))
        for _ in range((count & -count).bit_length() - 1):
            right = roots.pop()
            roots.append(sha256(b"\x01" + roots.pop() + right))
    root = roots.pop()
    while roots:
        root = sha256(b"\x01" + roots.pop() + root)
    return root


def _file(entry: FileEntry) -> bytes:
    name = entry.path.encode()
    size = entry.size.to_bytes(8, "big")
    return len(name).to_bytes(4, "big") + name + size + REGULAR + entry.digest


def _tensor(entry: TensorEntry) -> bytes:
    name, dtype = entry.name.encode(), entry.dtype.encode()
    dimensions = b"".join(size.to_bytes(8, "big") for size in entry.shape)
    head = len(name).to_bytes(4, "big") + name + bytes((len(dtype),)) + dtype
    return head + bytes((len(entry.shape),)) + dimensions + entry.digest

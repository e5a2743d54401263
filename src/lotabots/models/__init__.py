"""What an AI model is, byte for byte: its files, tensors, signatures, and what is wrong with it."""

from lotabots.models.findings import Finding, Severity, finding
from lotabots.models.memory import Memory, MemoryTree
from lotabots.models.merkle import (
    TensorProof,
    check_tensor,
    merkle_root,
    prove_tensor,
    strong_root,
    tensor_root,
)
from lotabots.models.types import (
    Algorithm,
    Content,
    FileEntry,
    FileKind,
    Hashed,
    Listed,
    Parsed,
    TensorEntry,
    Tree,
)

__all__ = [
    "Algorithm",
    "Content",
    "FileEntry",
    "FileKind",
    "Finding",
    "Hashed",
    "Listed",
    "Memory",
    "MemoryTree",
    "Parsed",
    "Severity",
    "TensorEntry",
    "TensorProof",
    "Tree",
    "check_tensor",
    "finding",
    "merkle_root",
    "prove_tensor",
    "strong_root",
    "tensor_root",
]

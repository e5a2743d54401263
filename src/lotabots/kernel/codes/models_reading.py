"""Codes about a model's files on disk, its roots and proofs, and how two models differ."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "MODEL_ENTRY",
        "validation",
        "A file or tensor cannot stand in a Merkle root: its name is no UTF-8, a number is too "
        "large, or its digest is missing.",
        "Hash the model again; a name that is no UTF-8 must be renamed.",
    ),
    Code(
        "MODEL_TENSOR_UNKNOWN",
        "validation",
        "A proof was asked for a tensor that the model does not have.",
        "Look at the list of tensors with `lotabots model inspect`.",
    ),
    Code(
        "MODEL_PROOF",
        "validation",
        "A proof does not lead from the tensor to the root.",
        "The tensor is not part of that model, or the proof was made for another one.",
    ),
)

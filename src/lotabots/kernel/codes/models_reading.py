"""Codes about a model's files on disk, its roots and proofs, and how two models differ."""

from lotabots.kernel.codes.code import Code

_NOT_SIGNED = "Get the model again from whoever signed it, or have this one signed."

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
    Code(
        "MODEL_READ_CHANGED",
        "conflict",
        "A file changed, or was swapped or cut off, while it was read.",
        "Try again when nothing writes to the model.",
    ),
    Code(
        "MODEL_READ_SPARSE",
        "conflict",
        "More than half of a file, and more than 1 GiB, was never written to disk.",
        "It is an unfinished download, or made to waste time: get it again from its source.",
    ),
    Code(
        "MODEL_READ_FAILED",
        "unavailable",
        "The system cannot read a file of the model.",
        "Look at its permissions and at the disk.",
    ),
    Code(
        "MODEL_NO_FILES",
        "validation",
        "What is named as a model is neither a folder nor a regular file.",
        "Name the folder that holds the model's files, or the one file.",
    ),
    Code(
        "FILE-CHANGED-DURING-READ",
        "inconclusive",
        "A file changed, or was swapped, cut off or removed, while it was read; it has no digest.",
        "Try again when nothing writes to the model. If it changes then too, find out who "
        "changes it.",
    ),
    Code(
        "FOLDER-CHANGED-DURING-READ",
        "inconclusive",
        "Names in a folder of the model came or went while it was read.",
        "Try again when nothing writes to the model. If it changes then too, find out who "
        "changes it.",
    ),
    Code(
        "FILE-UNREADABLE",
        "inconclusive",
        "The system does not let a file or folder of the model be read.",
        "Look at its permissions and at the disk.",
    ),
    Code(
        "FILE-SPARSE",
        "reject",
        "More than half of a file, and more than 1 GiB, was never written to disk; it is not read.",
        "It is an unfinished download, or made to waste time: get it again from its source.",
    ),
    Code(
        "FILE-SPECIAL",
        "reject",
        "A pipe, a socket or a device stands among the files of the model; it is not opened.",
        "Remove it: no loader needs it, and whatever opens it may wait forever.",
    ),
    Code(
        "FILE-SYMLINK-OUTSIDE",
        "reject",
        "A symbolic link leads out of the model; it is not followed.",
        "Put the file itself in its place.",
    ),
    Code(
        "FILE-NAME-ENCODING",
        "reject",
        "A name is no UTF-8, so it cannot be named in a manifest or a verdict.",
        "Rename it.",
    ),
    Code(
        "FILE-LINKED",
        "warning",
        "Files have names outside of the model too (hard links), by which they can be changed.",
        "Copy the model if others can write there.",
    ),
    Code(
        "FILE-LINKED-WRITABLE",
        "reject",
        "A file has a name outside of the model too (a hard link), and others than the "
        "model's owner may write to it.",
        "Copy the model to files of your own that nobody else may write to.",
    ),
    Code(
        "FOLDER-NAMES",
        "inconclusive",
        "There are more names below the model's folder than are looked at.",
        "Name the folder of the model alone.",
    ),
    Code(
        "FOLDER-DEPTH",
        "inconclusive",
        "Folders stand deeper in each other than is looked at.",
        "Name the folder of the model alone.",
    ),
    Code(
        "FOLDER-FINDINGS",
        "inconclusive",
        "More is wrong with the names in the model than is listed.",
        "Mend what is listed and look again.",
    ),
    Code(
        "TENSOR-OUTSIDE",
        "reject",
        "A header places a tensor outside of its file; no tensor of that file was read.",
        "The file is cut off or its header lies; get it again from its source.",
    ),
    Code(
        "TENSORS-OVERLAP",
        "reject",
        "The tensors of a header overlap so much that they are several times the size of the file.",
        "The header is made to waste time: do not use the file.",
    ),
    Code(
        "TENSOR-CHANGED",
        "reject",
        "A tensor has other bytes than the signed one.",
        _NOT_SIGNED,
    ),
    Code("TENSOR-ADDED", "reject", "A tensor is there that was not signed.", _NOT_SIGNED),
    Code("TENSOR-REMOVED", "reject", "A tensor that was signed is not there.", _NOT_SIGNED),
    Code(
        "TENSOR-RENAMED",
        "reject",
        "A signed tensor is there under another name.",
        _NOT_SIGNED,
    ),
    Code(
        "TENSOR-RESHAPED",
        "reject",
        "A tensor has another shape than the signed one.",
        _NOT_SIGNED,
    ),
    Code(
        "TENSOR-ROWS",
        "reject",
        "A matrix has more or fewer rows than the signed one, as a vocabulary that was changed.",
        _NOT_SIGNED,
    ),
    Code(
        "TENSOR-RETYPED",
        "reject",
        "The elements of a tensor are of another type than the signed ones.",
        _NOT_SIGNED,
    ),
)

"""Codes about files of a model that can carry code: pickles, archives, Keras, programs."""

from lotabots.kernel.codes.code import Code

_HOSTILE = "Do not load it. Keep the file, find out who made it, and get the model as safetensors."
_BROKEN = "Do not load it. Get the file again from its source and compare digests."
_CONVERT = "Convert the model to safetensors where it was made, and sign that."
_UNPACK = "Unpack it where it was made, and sign the files themselves."

_PICKLE = (
    Code(
        "PICKLE-GLOBAL",
        "reject",
        "A pickle imports a name that is not on the list of what checkpoints need.",
        _HOSTILE,
    ),
    Code(
        "PICKLE-CALL",
        "reject",
        "A pickle calls something in a way that checkpoints have no need of.",
        _HOSTILE,
    ),
    Code(
        "PICKLE-BUILD",
        "reject",
        "A pickle sets attributes or items of something that takes none.",
        _HOSTILE,
    ),
    Code(
        "PICKLE-UNTRACED",
        "reject",
        "A pickle imports a name that its opcodes do not tell.",
        _HOSTILE,
    ),
    Code(
        "PICKLE-OPCODE",
        "reject",
        "A pickle uses extension codes or buffers that are not in the file.",
        _HOSTILE,
    ),
    Code(
        "PICKLE-PERSISTENT",
        "reject",
        "A pickle has a persistent id that is no storage of a PyTorch checkpoint.",
        _HOSTILE,
    ),
    Code(
        "PICKLE-KEY",
        "reject",
        "A dict or set in a pickle has a key twice, or one that is not plain.",
        _BROKEN,
    ),
    Code(
        "PICKLE-MEMO",
        "reject",
        "A pickle sets a memo entry twice or out of row, or reads one that is not set.",
        _HOSTILE,
    ),
    Code(
        "PICKLE-STACK",
        "reject",
        "A pickle takes more from its stack than is there, or leaves something on it.",
        _BROKEN,
    ),
    Code(
        "PICKLE-UNKNOWN",
        "reject",
        "A pickle has an opcode or protocol that does not exist.",
        _BROKEN,
    ),
    Code(
        "PICKLE-MALFORMED",
        "reject",
        "A pickle is written as no pickler writes it: frames, numbers, texts or protocol.",
        _BROKEN,
    ),
    Code(
        "PICKLE-CUT",
        "reject",
        "A pickle ends before its end; what it calls before that is called all the same.",
        _BROKEN,
    ),
    Code(
        "PICKLE-TRAILING",
        "reject",
        "There are bytes behind the end of a pickle.",
        _HOSTILE,
    ),
    Code(
        "PICKLE-LIMIT",
        "inconclusive",
        "A pickle has more opcodes, values or names than are followed here.",
        _CONVERT,
    ),
)

_ZIP = (
    Code(
        "ZIP-END",
        "reject",
        "A ZIP archive does not end with its directory: a comment, or bytes behind it.",
        _HOSTILE,
    ),
    Code(
        "ZIP-DIRECTORY",
        "reject",
        "The directory of a ZIP archive is malformed or cut off.",
        _BROKEN,
    ),
    Code(
        "ZIP-MISMATCH",
        "reject",
        "A member of a ZIP archive is described in two ways: two readers would see two files.",
        _HOSTILE,
    ),
    Code(
        "ZIP-DUPLICATE",
        "reject",
        "Two members of a ZIP archive have one name, or names that differ in case only.",
        _HOSTILE,
    ),
    Code(
        "ZIP-ENCRYPTED",
        "reject",
        "A member of a ZIP archive is encrypted, or says so.",
        _UNPACK,
    ),
    Code(
        "ZIP-HIDDEN",
        "reject",
        "A ZIP archive has bytes that belong to no member.",
        _HOSTILE,
    ),
    Code(
        "ZIP-NAME",
        "reject",
        "The name of a member of a ZIP archive leaves its folder or is not canonical.",
        _HOSTILE,
    ),
    Code(
        "ZIP-CRC",
        "reject",
        "A member of a ZIP archive does not have the checksum or size that is stated.",
        _BROKEN,
    ),
    Code(
        "ZIP-BOMB",
        "reject",
        "A ZIP archive unpacks to far more than it holds.",
        _HOSTILE,
    ),
    Code(
        "ZIP-METHOD",
        "inconclusive",
        "A member of a ZIP archive is compressed in a way that is not read here.",
        _UNPACK,
    ),
    Code(
        "ZIP-LIMIT",
        "inconclusive",
        "A ZIP archive has more or larger members than are read here.",
        _UNPACK,
    ),
)

_TORCH = (
    Code(
        "TORCH-LAYOUT",
        "reject",
        "A PyTorch checkpoint has a member that it should not have, or lacks one.",
        _HOSTILE,
    ),
    Code(
        "TORCH-STORAGE",
        "reject",
        "A tensor of a PyTorch checkpoint and its storage do not fit each other.",
        _BROKEN,
    ),
    Code(
        "TORCH-LEGACY",
        "reject",
        "A PyTorch checkpoint of before version 1.6: a row of pickles, or a tar archive.",
        _CONVERT,
    ),
    Code(
        "TORCH-SCRIPT",
        "reject",
        "A TorchScript archive: it holds a program, which runs with the model.",
        _CONVERT,
    ),
    Code(
        "TORCH-EXPORTED",
        "inconclusive",
        "An exported PyTorch program: its graph is not read here.",
        _CONVERT,
    ),
)

_KERAS = (
    Code(
        "KERAS-CONFIG",
        "reject",
        "The configuration of a Keras model is no JSON object with one reading.",
        _BROKEN,
    ),
    Code(
        "KERAS-LAMBDA",
        "reject",
        "A Keras model holds Python code: a Lambda layer or a function.",
        _HOSTILE,
    ),
    Code(
        "KERAS-MODULE",
        "reject",
        "The configuration of a Keras model names a module that is not part of Keras.",
        _HOSTILE,
    ),
    Code(
        "KERAS-CLASS",
        "reject",
        "The configuration of a Keras model names a class or function that is not on the list.",
        _HOSTILE,
    ),
    Code(
        "KERAS-FILE",
        "reject",
        "A layer of a Keras model would read a file by a name in its configuration.",
        _HOSTILE,
    ),
    Code(
        "KERAS-LAYOUT",
        "reject",
        "A Keras archive has a member that it should not have, or lacks one.",
        _BROKEN,
    ),
    Code(
        "HDF5-MALFORMED",
        "reject",
        "An HDF5 file contradicts itself or is cut off.",
        _BROKEN,
    ),
    Code(
        "HDF5-EXTERNAL",
        "reject",
        "An HDF5 file takes data from another file.",
        _HOSTILE,
    ),
    Code(
        "HDF5-UNREAD",
        "inconclusive",
        "An HDF5 file has parts that are not read here.",
        _CONVERT,
    ),
)

_ARCHIVES = (
    Code(
        "ARCHIVE-PICKLE",
        "reject",
        "An archive or compressed file holds a pickle.",
        _HOSTILE,
    ),
    Code(
        "ARCHIVE-PROGRAM",
        "reject",
        "An archive or compressed file holds a program.",
        _HOSTILE,
    ),
    Code(
        "ARCHIVE-UNREAD",
        "inconclusive",
        "An archive or compressed file, whose content is not judged here.",
        _UNPACK,
    ),
    Code(
        "ARCHIVE-BROKEN",
        "reject",
        "An archive or compressed file is malformed or cut off.",
        _BROKEN,
    ),
    Code(
        "PROGRAM-BINARY",
        "reject",
        "A file is a program or a library for some processor.",
        "A model has no programs. Take it out, or build it from sources that you trust.",
    ),
    Code(
        "PROGRAM-SCRIPT",
        "reject",
        "A file is a script: it begins with the name of what runs it.",
        "A model has no scripts. Take it out, or keep it apart from the model.",
    ),
)

CODES: tuple[Code, ...] = (*_PICKLE, *_ZIP, *_TORCH, *_KERAS, *_ARCHIVES)

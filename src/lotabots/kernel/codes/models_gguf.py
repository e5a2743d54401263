"""Codes about GGUF files."""

from lotabots.kernel.codes.code import Code

_BROKEN = "Do not load it. Get the file again from its source and compare digests."
_WRITER = "Do not load it. Write the file again with the reference library, or ask who made it."

CODES: tuple[Code, ...] = (
    Code(
        "GGUF-MAGIC",
        "reject",
        "What is given out as a GGUF file does not begin with its magic.",
        _BROKEN,
    ),
    Code(
        "GGUF-CUT",
        "reject",
        "A GGUF file ends inside its header.",
        _BROKEN,
    ),
    Code(
        "GGUF-VERSION-OLD",
        "reject",
        "A GGUF file is of version 1, which no current loader reads, or of none.",
        "Convert the model again; version 1 was given up in 2023.",
    ),
    Code(
        "GGUF-VERSION",
        "inconclusive",
        "A GGUF file is of a version or byte order that this version does not know.",
        "Upgrade LotaBots.",
    ),
    Code(
        "GGUF-COUNT",
        "reject",
        "A GGUF header counts more tensors and keys than its file has room for.",
        _BROKEN,
    ),
    Code(
        "GGUF-TOO-MANY",
        "inconclusive",
        "A GGUF header counts more than 250,000 tensors or 16,384 keys, too many to read here.",
        "Split the model into several files.",
    ),
    Code(
        "GGUF-HEADER-LARGE",
        "inconclusive",
        "A GGUF header is longer than 128 MiB, too long to read here.",
        "Find out what makes it so long; a vocabulary needs a tenth of that.",
    ),
    Code(
        "GGUF-LENGTH",
        "reject",
        "A text or list in a GGUF header is longer than the rest of its file.",
        _BROKEN,
    ),
    Code(
        "GGUF-KEY",
        "reject",
        "A key in a GGUF header is empty, too long, or has a control character.",
        _WRITER,
    ),
    Code(
        "GGUF-KEY-DUPLICATE",
        "reject",
        "A GGUF header has a key twice: two readers would see different values.",
        _WRITER,
    ),
    Code(
        "GGUF-VALUE-TYPE",
        "reject",
        "A value in a GGUF header is of a type that the format does not have.",
        _BROKEN,
    ),
    Code(
        "GGUF-BOOL",
        "reject",
        "A truth value in a GGUF header is neither 0 nor 1.",
        _WRITER,
    ),
    Code(
        "GGUF-TEXT",
        "reject",
        "A text in a GGUF header is not UTF-8.",
        _WRITER,
    ),
    Code(
        "GGUF-TEXT-LARGE",
        "inconclusive",
        "A text in a GGUF header is longer than 1 MiB, or all together than 4 MiB.",
        "Read what it is for; a chat template has a few KiB.",
    ),
    Code(
        "GGUF-ARRAY-NESTED",
        "reject",
        "A list in a GGUF header holds lists, which no loader reads.",
        _BROKEN,
    ),
    Code(
        "GGUF-ALIGNMENT",
        "reject",
        "The alignment of a GGUF file is no power of two from 8 to 65536.",
        _BROKEN,
    ),
    Code(
        "GGUF-NAME",
        "reject",
        "A tensor's name in a GGUF file is empty, too long, or has a control character.",
        _WRITER,
    ),
    Code(
        "GGUF-TENSOR-DUPLICATE",
        "reject",
        "A GGUF file has two tensors of one name: two readers would load different ones.",
        _WRITER,
    ),
    Code(
        "GGUF-DIMENSIONS",
        "reject",
        "A tensor of a GGUF file has more than four dimensions, or one of size 0.",
        _BROKEN,
    ),
    Code(
        "GGUF-TYPE",
        "inconclusive",
        "A tensor of a GGUF file is of a type that this version does not know.",
        "Upgrade LotaBots, or quantise the model to a known type.",
    ),
    Code(
        "GGUF-OVERFLOW",
        "reject",
        "A GGUF tensor has more than 2**63 elements or bytes: a loader may allocate too little.",
        _BROKEN,
    ),
    Code(
        "GGUF-BLOCK",
        "reject",
        "A row of a GGUF tensor is not a whole number of its type's blocks.",
        _BROKEN,
    ),
    Code(
        "GGUF-OFFSET-UNALIGNED",
        "reject",
        "A GGUF tensor does not begin at a multiple of the alignment.",
        _BROKEN,
    ),
    Code(
        "GGUF-BEYOND",
        "reject",
        "A GGUF tensor ends behind the end of its file.",
        _BROKEN,
    ),
    Code(
        "GGUF-OVERLAP",
        "reject",
        "Two tensors of a GGUF file share bytes.",
        _WRITER,
    ),
    Code(
        "GGUF-HOLE",
        "reject",
        "Bytes between the tensors of a GGUF file belong to none: something may hide there.",
        _WRITER,
    ),
    Code(
        "GGUF-PADDING",
        "reject",
        "The padding between the tensors of a GGUF file is not zero, or far too long.",
        _WRITER,
    ),
    Code(
        "GGUF-TRAILING",
        "reject",
        "Bytes behind the last tensor of a GGUF file belong to none.",
        "Do not load it: the file may be read as another format, too. Write it again.",
    ),
)

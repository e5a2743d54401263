"""Codes about model formats as such, and about safetensors and npy files."""

from lotabots.kernel.codes.code import Code

_BROKEN = "Do not load it. Get the file again from its source and compare digests."
_WRITER = "Do not load it. Write the file again with the reference library, or ask who made it."

_ANY = (
    Code(
        "FORMAT-UNREADABLE",
        "inconclusive",
        "A file could not be read while its header was parsed; it may have changed meanwhile.",
        "Keep the model still while it is read, check the disk, and try again.",
    ),
    Code(
        "FORMAT-FINDINGS-CUT",
        "inconclusive",
        "More is wrong with a file than is listed.",
        "Mend what is listed, or get the file again from its source.",
    ),
)

_SAFETENSORS = (
    Code(
        "SAFETENSORS-HEADER-LENGTH",
        "reject",
        "A safetensors header is longer than its file or than 100 MB, or the file is cut off.",
        _BROKEN,
    ),
    Code(
        "SAFETENSORS-HEADER-START",
        "reject",
        "A safetensors header does not begin with a brace.",
        _WRITER,
    ),
    Code(
        "SAFETENSORS-HEADER-JSON",
        "reject",
        "A safetensors header is not a JSON object.",
        _BROKEN,
    ),
    Code(
        "SAFETENSORS-TOO-MANY",
        "inconclusive",
        "A safetensors header describes more than 250,000 tensors, too many to read here.",
        "Split the model into several files.",
    ),
    Code(
        "SAFETENSORS-DUPLICATE",
        "reject",
        "A safetensors header has a name twice: two readers would load different tensors.",
        _WRITER,
    ),
    Code(
        "SAFETENSORS-NAME",
        "reject",
        "A name in a safetensors header has a quote or control character, or is far too long.",
        _WRITER,
    ),
    Code(
        "SAFETENSORS-ENTRY",
        "reject",
        "A safetensors tensor is not described by its type, shape and offsets alone.",
        _WRITER,
    ),
    Code(
        "SAFETENSORS-DTYPE",
        "inconclusive",
        "A safetensors tensor is of a type that this version does not know.",
        "Upgrade LotaBots, or convert the tensor to a known type.",
    ),
    Code(
        "SAFETENSORS-OVERFLOW",
        "reject",
        "A safetensors shape multiplies to more than 63 bits: a loader may allocate too little.",
        _BROKEN,
    ),
    Code(
        "SAFETENSORS-SPAN",
        "reject",
        "A safetensors tensor has not as many bytes as its type and shape need.",
        _BROKEN,
    ),
    Code(
        "SAFETENSORS-OVERLAP",
        "reject",
        "Two tensors of a safetensors file share bytes.",
        _WRITER,
    ),
    Code(
        "SAFETENSORS-HOLE",
        "reject",
        "Bytes between the tensors of a safetensors file belong to none: something may hide there.",
        _WRITER,
    ),
    Code(
        "SAFETENSORS-TRAILING",
        "reject",
        "Bytes behind the last tensor of a safetensors file belong to none.",
        "Do not load it: the file may be read as another format, too. Write it again.",
    ),
    Code(
        "SAFETENSORS-BEYOND",
        "reject",
        "A safetensors tensor ends behind the end of its file.",
        _BROKEN,
    ),
    Code(
        "SAFETENSORS-METADATA",
        "reject",
        "The metadata of a safetensors file are not an object of texts with unique keys.",
        _WRITER,
    ),
    Code(
        "SAFETENSORS-METADATA-LARGE",
        "inconclusive",
        "The metadata of a safetensors file are longer than 4 MiB and were not read.",
        "Write the file again without them.",
    ),
    Code(
        "SAFETENSORS-METADATA-CODE",
        "warning",
        "The metadata of a safetensors file hold text that looks like a template or a program.",
        "Read it. Nothing may evaluate metadata; write the file again without it.",
    ),
)

_NPY = (
    Code(
        "NPY-HEADER",
        "reject",
        "An npy file is cut off in its header, or the header is not as numpy writes it.",
        _BROKEN,
    ),
    Code(
        "NPY-VERSION",
        "inconclusive",
        "An npy file is of a version that this version does not know.",
        "Upgrade LotaBots.",
    ),
    Code(
        "NPY-OBJECT",
        "reject",
        "An npy file holds Python objects, which is a pickle: loading it can run any code.",
        "Do not load it. Save the array again with a numeric type.",
    ),
    Code(
        "NPY-TYPE",
        "inconclusive",
        "An npy file has elements of a type that this version does not know.",
        "Save the array again with a plain numeric type.",
    ),
    Code(
        "NPY-OVERFLOW",
        "reject",
        "An npy array has more than 2**63 elements or bytes.",
        _BROKEN,
    ),
    Code(
        "NPY-CUT",
        "reject",
        "An npy file has fewer bytes than its array needs.",
        _BROKEN,
    ),
    Code(
        "NPY-TRAILING",
        "reject",
        "An npy file has bytes behind its array that belong to nothing.",
        _WRITER,
    ),
)

CODES: tuple[Code, ...] = _ANY + _SAFETENSORS + _NPY

"""Codes about ONNX files."""

from lotabots.kernel.codes.code import Code

_BROKEN = "Do not load it. Get the file again from its source and compare digests."
_WRITER = "Do not load it. Write the file again with the reference library, or ask who made it."

CODES: tuple[Code, ...] = (
    Code(
        "ONNX-PROTOBUF",
        "reject",
        "An ONNX file is not well-formed protobuf of the messages it should hold.",
        _BROKEN,
    ),
    Code(
        "ONNX-MODEL",
        "reject",
        "An ONNX file has no graph, or does not say its version.",
        _BROKEN,
    ),
    Code(
        "ONNX-FIELD-DUPLICATE",
        "reject",
        "A field of an ONNX message stands twice: readers merge them, or take one.",
        _WRITER,
    ),
    Code(
        "ONNX-FIELD-UNKNOWN",
        "warning",
        "An ONNX file has fields that this version does not know; it passed over them.",
        "Upgrade LotaBots, or write the file again with a released version of onnx.",
    ),
    Code(
        "ONNX-TOO-MANY",
        "inconclusive",
        "An ONNX file has more fields, attributes or tensors than are read here.",
        "Keep the weights as raw data, or split the model.",
    ),
    Code(
        "ONNX-TOO-DEEP",
        "reject",
        "The graphs of an ONNX file are nested deeper than protobuf itself can read.",
        _BROKEN,
    ),
    Code(
        "ONNX-TEXT",
        "reject",
        "A text in an ONNX file is not UTF-8.",
        _WRITER,
    ),
    Code(
        "ONNX-TEXT-LARGE",
        "inconclusive",
        "Names and other texts in an ONNX file are too long to read here.",
        "Shorten the names (4096 bytes each) and metadata, and try again.",
    ),
    Code(
        "ONNX-NAME",
        "reject",
        "A tensor of an ONNX file has no name, or one with a control character.",
        _WRITER,
    ),
    Code(
        "ONNX-TENSOR-DUPLICATE",
        "reject",
        "A graph of an ONNX file has two tensors of one name.",
        _WRITER,
    ),
    Code(
        "ONNX-DIMENSIONS",
        "reject",
        "A tensor of an ONNX file has more than 64 dimensions.",
        _BROKEN,
    ),
    Code(
        "ONNX-TYPE",
        "inconclusive",
        "A tensor of an ONNX file is of a type that this version does not know.",
        "Upgrade LotaBots, or convert the tensor to a known type.",
    ),
    Code(
        "ONNX-OVERFLOW",
        "reject",
        "An ONNX tensor has more than 2**63 elements: a loader may allocate too little.",
        _BROKEN,
    ),
    Code(
        "ONNX-TENSOR-DATA",
        "reject",
        "The elements of an ONNX tensor stand in two places, or where its type has none.",
        _WRITER,
    ),
    Code(
        "ONNX-TENSOR-SIZE",
        "reject",
        "An ONNX tensor has not as many bytes as its type and shape need.",
        _BROKEN,
    ),
    Code(
        "ONNX-EXTERNAL-PATH",
        "reject",
        "An ONNX tensor is kept in a file outside the model, or under a path of two readings.",
        "Do not load it. Keep external data beside the ONNX file, under a plain name.",
    ),
    Code(
        "ONNX-EXTERNAL-RANGE",
        "reject",
        "The part of another file that holds an ONNX tensor has not the tensor's size.",
        _BROKEN,
    ),
    Code(
        "ONNX-EXTERNAL-KEY",
        "inconclusive",
        "An ONNX tensor says something about its external data that this version does not know.",
        "Upgrade LotaBots, or write the file again with a released version of onnx.",
    ),
    Code(
        "ONNX-EXTERNAL-DUPLICATE",
        "reject",
        "An ONNX tensor says twice where its external data are.",
        _WRITER,
    ),
    Code(
        "ONNX-DOMAIN",
        "reject",
        "An ONNX model calls an operator of no runtime; its code is not in the model.",
        "Export it without custom operators; what others compose can be a function of the model.",
    ),
    Code(
        "ONNX-FUNCTION-BUILTIN",
        "reject",
        "A function of an ONNX model stands in the place of an operator that runtimes have.",
        "Compare what it does with the operator; some runtimes take one, some the other.",
    ),
    Code(
        "ONNX-FUNCTION-DUPLICATE",
        "reject",
        "An ONNX model has a function twice.",
        _WRITER,
    ),
    Code(
        "ONNX-FUNCTION-EXPANSION",
        "reject",
        "A function of an ONNX model calls itself, or all together expand without bounds.",
        "Do not load it: a runtime would use up its memory.",
    ),
)

"""Codes about reading a model; findings have the `Severity` they cause in place of a kind."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "MODEL_READ_RANGE",
        "validation",
        "A part of a model's file was asked for that the file does not have.",
        "The file is cut off or its header lies; get it again from its source.",
    ),
    Code(
        "MODEL_FILE_UNKNOWN",
        "not_found",
        "A file was asked for that is not in the model, or is no regular file.",
        "Look at the list of files with `lotabots model inspect`.",
    ),
)

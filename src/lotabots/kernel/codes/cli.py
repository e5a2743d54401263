"""Codes about the command line."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "SERVER_URL",
        "validation",
        "The address of the server is no http or https URL.",
        "Give --server or LOTABOTS_SERVER like http://127.0.0.1:8470.",
    ),
    Code(
        "SERVER_UNREACHABLE",
        "unavailable",
        "The server did not answer.",
        "Check that it runs (lotabots up) and that --server names it.",
    ),
    Code(
        "FILE_TOO_LARGE",
        "validation",
        "A file is larger than anything of its kind can be.",
        "Check that the right file was named.",
    ),
    Code(
        "CHAIN_UNREADABLE",
        "validation",
        "A certificate chain is not PEM.",
        "Give the chain as the device's tool wrote it: certificates in PEM, leaf first.",
    ),
    Code(
        "SERVER_ANSWER",
        "internal",
        "The server answered with an error that carries no code of ours.",
        "Check that --server names LotaBots itself and not something in front of it.",
    ),
    Code(
        "MODEL_SIGNED_OTHERWISE",
        "validation",
        "The files, the name or the version of a model are not those that its signature is over.",
        "Sign the model as it is now, or leave files out with --ignore. Nothing was registered.",
    ),
    Code(
        "MODEL_FILES_DIFFER",
        "validation",
        "A folder lacks files that the model was registered with, or has other ones.",
        "Name the folder that the model was registered from.",
    ),
    Code(
        "MODEL_UNREADABLE",
        "validation",
        "A model has files that could not be read, or that changed while they were.",
        "Look at the files that are named, and try again once nobody writes to them.",
    ),
)

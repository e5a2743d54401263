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
)

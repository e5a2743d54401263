"""Codes about what hosts say of themselves: statements, and reports of their resources."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "HOST_STATEMENT",
        "validation",
        "A statement of a host about itself has another form than statements have.",
        "Let the agent write it; the details name the first member that does not fit.",
    ),
)

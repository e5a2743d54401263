"""Codes about challenges; the findings of each kind of evidence stand in its scheme."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "CHALLENGE_MALFORMED",
        "validation",
        "A challenge has a nonce of a wrong size, or its inventory is too long or repeats one.",
        "Give 32 bytes of nonce and name each device of the node once.",
    ),
)

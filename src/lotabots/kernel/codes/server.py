"""Codes about putting a server together."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "SERVICE_UNKNOWN",
        "validation",
        "There is no service of this name, or none was named.",
        "Name some of: identity, attestation, reference, audit. `lotabots up` serves them all.",
    ),
)

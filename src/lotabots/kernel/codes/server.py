"""Codes about putting a server together."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "SERVICE_UNKNOWN",
        "validation",
        "There is no service of this name, or none was named.",
        "Name some of: gateway, identity, attestation, reference, audit. `lotabots up` serves all.",
    ),
    Code(
        "INSTALLATION_MISSING",
        "not_found",
        "There is no database of LotaBots in the data directory, so there is nothing to look at.",
        "Name the directory with --data, or an external database with `database.url`.",
    ),
)

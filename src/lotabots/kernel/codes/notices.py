"""Codes about revocations, the event stream and webhooks."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "REVOCATION_EXISTS",
        "conflict",
        "The same thing is revoked already.",
        "Look at the revocation that is in force: `lotabots revocation list`.",
    ),
    Code(
        "REVOCATION_NOT_FOUND",
        "not_found",
        "No revocation of this id is in force.",
        "List those that are: `lotabots revocation list`.",
    ),
    Code(
        "REVOCATION_OF_NODE",
        "conflict",
        "The revocation of a node is not lifted like that of a thing.",
        "Release a quarantined node; enrol a revoked one anew.",
    ),
    Code(
        "REVOCATIONS_TOO_MANY",
        "conflict",
        "The tenant has as many revocations in force as one appraisal can look at.",
        "Lift those that no device can have any more.",
    ),
)

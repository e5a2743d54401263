"""Codes about user tokens and permissions."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "TOKEN_INVALID",
        "authentication",
        "The token is malformed, forged, of another kind, or signed with an unknown key.",
        "Log in again. `reason` in the details names what failed.",
    ),
    Code(
        "TOKEN_FOREIGN",
        "authentication",
        "The token is genuine but was issued by or for another service.",
        "Log in at this service.",
    ),
    Code(
        "TOKEN_LIFETIME",
        "authentication",
        "The token says it lives longer than 15 minutes, or ends before it begins.",
        "Tokens of this service never do; find out who issued it.",
    ),
    Code(
        "TOKEN_EARLY",
        "authentication",
        "The token begins more than 30 seconds from now.",
        "Compare the clocks of the issuer and of this service (NTP).",
    ),
    Code(
        "TOKEN_EXPIRED",
        "authentication",
        "The token has expired.",
        "Log in again, or refresh the session.",
    ),
    Code(
        "TOKEN_REVOKED",
        "authentication",
        "The token was revoked: its user logged out, or someone ended the session.",
        "Log in again.",
    ),
    Code(
        "TOKEN_UNISSUABLE",
        "internal",
        "A token was to be issued that verification would refuse.",
        "This is a fault of ours; please report it with the request id.",
    ),
)

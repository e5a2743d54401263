"""Codes about the gateway: limits, and services that it cannot reach."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "RATE_LIMITED",
        "rate_limited",
        "More requests came from this address, user or API key than its limit allows.",
        "Wait for the seconds in Retry-After; RateLimit-Policy says the limits (limits.*).",
    ),
    Code(
        "REQUEST_VERSION",
        "validation",
        "The header Lota-Version asks for a version of the API that is not offered.",
        "Leave it out, or ask for one that `versions` in the details names.",
    ),
    Code(
        "UPSTREAM_UNAVAILABLE",
        "unavailable",
        "The service behind this path cannot be reached, or broke off.",
        "Try again; operators look at lotabots_upstream_down and at the service's own log.",
    ),
    Code(
        "UPSTREAM_TIMEOUT",
        "unavailable",
        "The service behind this path was silent for too long.",
        "Try again later; whatever was asked may have been done. See gateway.answer_seconds.",
    ),
    Code(
        "UPSTREAM_BUSY",
        "unavailable",
        "All connections to the service behind this path stayed in use for too long.",
        "Try again; nothing was done. If it stays, add processes of it. See gateway.connections.",
    ),
    Code(
        "GATEWAY_SERVICES",
        "validation",
        "A gateway was to serve without knowing where every service is.",
        "Name each in gateway.services, or serve it in the same process.",
    ),
)

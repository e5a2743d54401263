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
        "The token says it lives longer than 15 minutes (an agent's credential: 24 hours), or ends"
        " before it begins.",
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
        "GATEWAY_TOKEN_INVALID",
        "authentication",
        "What claims to come from the gateway is not signed by it, or has ended.",
        "No client sends this token. `reason` in the details says what failed.",
    ),
    Code(
        "TOKEN_UNISSUABLE",
        "internal",
        "A token was to be issued that verification would refuse.",
        "This is a fault of ours; please report it with the request id.",
    ),
    Code(
        "API_KEY_INVALID",
        "authentication",
        "The API key is malformed, unknown, revoked or expired, or its user is disabled.",
        "Make a new key; compare the first characters with those that the list of keys shows.",
    ),
    Code(
        "PROOF_ABSENT",
        "authentication",
        "The token is bound to a key (DPoP, RFC 9449) and came without a proof of that key.",
        "Send Authorization: DPoP TOKEN, and a DPoP header with a proof for this request.",
    ),
    Code(
        "PROOF_INVALID",
        "authentication",
        "The DPoP proof is malformed, of another key, or for another request, time or token.",
        "Make a proof for this very request; behind a proxy set token.public_url on the server.",
    ),
    Code(
        "PROOF_REPLAYED",
        "authentication",
        "The DPoP proof was used before.",
        "Make a new proof, with a new jti, for every request.",
    ),
    Code(
        "PROOF_BUSY",
        "rate_limited",
        "More DPoP proofs arrived than can be remembered, so no further one is believed.",
        "Wait as long as the Retry-After header says, and try again.",
    ),
    Code(
        "SESSION_NEEDED",
        "authorization",
        "An API key was used where only a user who logged in may act.",
        "Log in, and use the access token.",
    ),
    Code(
        "USER_NEEDED",
        "authorization",
        "The credential of a node's agent was used where only users may act.",
        "Log in as a user. A node's credential opens challenges, submissions and its reports.",
    ),
    Code(
        "ENROLMENT_TOKEN_INVALID",
        "authentication",
        "This is no enrolment token of this server, or it was not copied whole.",
        "Copy the whole line that `lotabots node enroll` printed, for this very server.",
    ),
)

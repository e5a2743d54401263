"""Headers on their way in and out: which pass, which are ours alone to set, and CORS."""

from collections.abc import Iterable, Sequence

from lotabots.gateway.bucket import SECOND
from lotabots.gateway.buckets import Draw, Drawn
from lotabots.runtime.web import INTERNAL_HEADER, Arrival

Header = tuple[bytes, bytes]

PASSED = frozenset(
    b"accept accept-encoding accept-language content-encoding content-length content-type cookie"
    b" dpop host idempotency-key if-match if-modified-since if-none-match if-range"
    b" if-unmodified-since last-event-id origin prefer range tracestate user-agent".split()
)
"""What of a request a service may see. All else stops here: hop-by-hop headers (RFC 9110 section
7.6.1) and what `Connection` names, identities and addresses that a client claims, overrides of the
method, and whatever somebody thinks of next."""

# What a service's own edge sets, the gateway's sets again; the rest belongs to one connection only.
NOT_RETURNED = frozenset(
    b"connection content-security-policy-report-only cross-origin-opener-policy date"
    b" cross-origin-resource-policy keep-alive proxy-authenticate proxy-authorization"
    b" proxy-connection referrer-policy server strict-transport-security te trailer"
    b" transfer-encoding upgrade"
    b" x-content-type-options x-frame-options x-request-id".split()
)

VERSION = (b"lota-version", b"1")
_EXPOSED = (
    b"access-control-expose-headers",
    b"lota-version, ratelimit, ratelimit-policy, retry-after, x-request-id",
)
_PREFLIGHT: tuple[Header, ...] = (
    (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"),
    (
        b"access-control-allow-headers",
        b"authorization, content-type, dpop, idempotency-key, if-match, if-none-match,"
        b" last-event-id, lota-version, traceparent",
    ),
    (b"access-control-max-age", b"600"),
)
_VARY = (b"vary", b"origin")


def onward(
    headers: Iterable[Header], arrival: Arrival, token: bytes, *, public: bool
) -> list[Header]:
    """The headers with which a request goes on to its service.

    On a public route `Authorization` is the service's to look at; elsewhere the gateway has, and
    the caller's own token goes no further.
    """
    passed = [one for one in headers if one[0] in PASSED or (public and one[0] == b"authorization")]
    return [
        *passed,
        (b"x-request-id", arrival.request_id),
        (b"traceparent", arrival.traceparent),
        (INTERNAL_HEADER, token),
    ]


def sent(headers: Iterable[Header], name: bytes) -> list[bytes]:
    """Every value of a header."""
    return [value for key, value in headers if key == name]


class Cors:
    """What pages of other origins may do: those that are listed, letter by letter, and no others.

    An origin is never reflected, `null` is never listed, and no answer depends on a cookie.
    """

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(origin.encode() for origin in origins)

    def answer(self, headers: Iterable[Header]) -> list[Header]:
        """What goes with any answer to a request with these headers."""
        if not self._origins:
            return []
        origins = sent(headers, b"origin")
        if len(origins) == 1 and origins[0] in self._origins:
            return [(b"access-control-allow-origin", origins[0]), _EXPOSED, _VARY]
        return [_VARY]

    def preflight(self, headers: Iterable[Header]) -> Sequence[Header]:
        """What goes beside it with the answer to a question about a request to come."""
        allowed = len(self.answer(headers)) > 1
        return _PREFLIGHT if allowed and sent(headers, b"access-control-request-method") else ()


def rate_headers(policy: bytes, draws: Sequence[Draw], drawn: Drawn) -> list[Header]:
    """`RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10).

    Of the buckets it names the one that is emptiest: `r` tokens are left, and it is full in `t`
    seconds.
    """
    least, decision = draws[0], drawn.decisions[0]
    for draw, other in zip(draws, drawn.decisions, strict=True):
        if other.remaining < decision.remaining:
            least, decision = draw, other
    seconds = -(-decision.full_after // SECOND)
    text = f'"{least.by}";r={decision.remaining};t={seconds}'
    return [(b"ratelimit-policy", policy), (b"ratelimit", text.encode())]

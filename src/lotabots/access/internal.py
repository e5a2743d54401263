"""What the gateway tells a service about a request: who calls and from where, signed, for a minute.

A service believes no header that a client could have sent; it believes this token, which is a JWS
of a type of its own under keys of a purpose of their own, so that it is no user token and no user
token is one of these. It names neither path nor method: permissions are the service's to check.
"""

from datetime import datetime, timedelta
from typing import Annotated

import msgspec

from lotabots.kernel import (
    Kind,
    LotaError,
    Principal,
    SigningKey,
    VerificationKeys,
    sha256,
    sign_jws,
    strict_struct,
    verify_jws,
)

INTERNAL_TYPE = "lota-internal+jwt"
INTERNAL_AUDIENCE = "urn:lotabots:service"
INTERNAL_LIFETIME = timedelta(seconds=60)
MAX_INTERNAL_CHARACTERS = 4096
SKEW = timedelta(seconds=30)

_Seconds = Annotated[int, msgspec.Meta(ge=1, le=253_402_300_799)]  # until the year 9999
_Address = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-zA-Z.:%_-]{1,64}\Z")]


class Visit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who calls, and from which network address; None is a caller without a token."""

    aud: str
    iat: _Seconds
    exp: _Seconds
    address: _Address
    principal: Principal | None


_encoder = msgspec.json.Encoder()


def issue_internal(
    principal: Principal | None, address: str, key: SigningKey, now: datetime
) -> str:
    """The signed token, valid from `now` for a minute, and no longer than the caller's own."""
    end = now + INTERNAL_LIFETIME
    if principal is not None:
        end = min(end, principal.expires_at + SKEW)
    visit = Visit(
        aud=INTERNAL_AUDIENCE,
        iat=int(now.timestamp()),
        exp=int(end.timestamp()),
        address=address,
        principal=principal,
    )
    return sign_jws(_encoder.encode(visit), key, INTERNAL_TYPE)


def verify_internal(token: str, keys: VerificationKeys, now: datetime) -> Visit:
    """What the gateway says. Raises `GATEWAY_TOKEN_INVALID`, of kind authentication."""
    try:
        payload = verify_jws(token, keys, INTERNAL_TYPE, MAX_INTERNAL_CHARACTERS)
        visit = strict_struct(payload, Visit, max_bytes=MAX_INTERNAL_CHARACTERS, max_depth=4)
    except LotaError as error:
        raise _refused(error.detail, error.code) from error
    if visit.aud != INTERNAL_AUDIENCE:
        raise _refused("The token is for something else.", "audience")
    seconds, skew = now.timestamp(), SKEW.total_seconds()
    if not (
        visit.exp - visit.iat <= INTERNAL_LIFETIME.total_seconds()
        and visit.iat - skew <= seconds < visit.exp + skew
    ):
        raise _refused("The token is not valid now; compare the clocks.", "time")
    return visit


def _refused(detail: str, reason: str) -> LotaError:
    return LotaError(Kind.AUTHENTICATION, "GATEWAY_TOKEN_INVALID", detail, reason=reason)


class InternalCache:
    """Tokens of the gateway that were verified, until they end. Bounded: the oldest makes room."""

    __slots__ = ("_entries", "_most")

    def __init__(self, most: int = 4096) -> None:
        self._most = most
        self._entries: dict[bytes, Visit] = {}

    def find(self, token: str, now: datetime) -> Visit | None:
        """What this token says, if it was verified before and has not ended."""
        visit = self._entries.get(sha256(token.encode("utf-8", "surrogatepass")))
        return visit if visit is not None and now.timestamp() < visit.exp else None

    def clear(self) -> None:
        """Forgets everything: a key that signed some of it may be gone."""
        self._entries.clear()

    def verify(self, token: str, keys: VerificationKeys, now: datetime) -> Visit:
        """What this token says, as `verify_internal`; refusals are not remembered."""
        visit = verify_internal(token, keys, now)
        while len(self._entries) >= self._most:
            del self._entries[next(iter(self._entries))]
        self._entries[sha256(token.encode())] = visit
        return visit

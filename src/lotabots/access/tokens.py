"""User tokens in one strict profile: issued and verified.

A token is a JWT access token (RFC 9068, `typ` is `at+jwt`) with exactly the claims iss, aud, sub,
tid (tenant), role, jti, iat, nbf and exp, and node for an agent, and cnf where it is bound to a key
of the client (RFC 9449 section 6.1). Times are whole seconds. It lives 15 minutes at most; an
agent's that is bound to a key, its credential, 24 hours.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec

from lotabots.kernel import (
    Kind,
    LotaError,
    Principal,
    Role,
    SigningKey,
    VerificationKeys,
    sign_jws,
    strict_struct,
    verify_jws,
)

TOKEN_TYPE = "at+jwt"  # noqa: S105 - a media type
MAX_TOKEN_CHARACTERS = 4096
MAX_LIFETIME = timedelta(minutes=15)
MAX_CREDENTIAL_LIFETIME = timedelta(hours=24)
"""Of an agent's token that is bound to a key: nobody can use a copy of it, and it opens nothing but
what its own node does (`roles`)."""
SKEW = timedelta(seconds=30)
"""How far two clocks may differ: iat and nbf may lie this far ahead, and exp this far back."""

_Seconds = Annotated[int, msgspec.Meta(ge=1, le=253_402_300_799)]  # until the year 9999
_Uuid = Annotated[
    str, msgspec.Meta(pattern=r"\A[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
]
_Name = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
_Node = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9._:-]{1,128}\Z")]
_Thumbprint = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{43}\Z")]


class _Confirmation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    jkt: _Thumbprint


class _Claims(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    iss: str
    aud: str
    sub: _Uuid
    tid: _Uuid
    role: Role
    jti: _Name
    iat: _Seconds
    nbf: _Seconds
    exp: _Seconds
    node: _Node | msgspec.UnsetType = msgspec.UNSET
    cnf: _Confirmation | msgspec.UnsetType = msgspec.UNSET


_encoder = msgspec.json.Encoder()


def issue_token(
    *,
    user_id: UUID,
    tenant_id: UUID,
    role: Role,
    key: SigningKey,
    issuer: str,
    audience: str,
    now: datetime,
    lifetime: timedelta,
    token_id: str,
    node_id: str | None = None,
    key_thumbprint: str | None = None,
) -> str:
    """The signed token, valid from `now` for `lifetime`, at most `MAX_LIFETIME`.

    With `key_thumbprint` only the holder of that key can use it; an agent's may then live up to
    `MAX_CREDENTIAL_LIFETIME`. Raises `TOKEN_UNISSUABLE` for what `verify_token` would refuse.
    """
    if not timedelta(seconds=1) <= lifetime <= _longest(role, bound=key_thumbprint is not None):
        raise _unissuable("a token lives from one second to 15 minutes, a bound agent's to 24 h")
    if (role is Role.AGENT) != (node_id is not None):
        raise _unissuable("an agent has a node, and nobody else has one")
    start = int(now.timestamp())
    claims = _Claims(
        iss=issuer,
        aud=audience,
        sub=str(user_id),
        tid=str(tenant_id),
        role=role,
        jti=token_id,
        iat=start,
        nbf=start,
        exp=start + int(lifetime.total_seconds()),
        node=msgspec.UNSET if node_id is None else node_id,
        cnf=msgspec.UNSET if key_thumbprint is None else _Confirmation(key_thumbprint),
    )
    payload = _encoder.encode(claims)
    try:
        # The patterns are checked when reading: an issuer that misnames is found here, not later.
        msgspec.json.decode(payload, type=_Claims)
    except msgspec.ValidationError as error:
        raise _unissuable(str(error)) from error
    return sign_jws(payload, key, TOKEN_TYPE)


def verify_token(
    token: str, keys: VerificationKeys, issuer: str, audience: str, now: datetime
) -> Principal:
    """The caller that this token proves. Raises `TOKEN_*`, always of kind authentication.

    1. the form and the signature (`kernel.jws`)
    2. exactly the claims of the profile, each of its type, each once
    3. issuer and audience
    4. a node for an agent, and for nobody else
    5. the times: a lifetime of at most 15 minutes, or of 24 hours for an agent that proves its key,
       that holds now, give or take `SKEW`
    """
    try:
        payload = verify_jws(token, keys, TOKEN_TYPE, MAX_TOKEN_CHARACTERS)
        claims = strict_struct(payload, _Claims, max_bytes=MAX_TOKEN_CHARACTERS, max_depth=2)
    except LotaError as error:
        raise LotaError(
            Kind.AUTHENTICATION, "TOKEN_INVALID", error.detail, reason=error.code
        ) from error
    if claims.iss != issuer or claims.aud != audience:
        raise _refused("TOKEN_FOREIGN", "The token was issued by or for another service.")
    node = None if isinstance(claims.node, msgspec.UnsetType) else claims.node
    if (claims.role is Role.AGENT) != (node is not None):
        raise _refused("TOKEN_INVALID", "An agent has a node, and nobody else has one.")
    _check_times(claims, now)
    return Principal(
        user_id=UUID(claims.sub),
        tenant_id=UUID(claims.tid),
        role=claims.role,
        token_id=claims.jti,
        expires_at=datetime.fromtimestamp(claims.exp, UTC),
        node_id=node,
        key_thumbprint=None if isinstance(claims.cnf, msgspec.UnsetType) else claims.cnf.jkt,
    )


def _longest(role: Role, *, bound: bool) -> timedelta:
    return MAX_CREDENTIAL_LIFETIME if role is Role.AGENT and bound else MAX_LIFETIME


def _check_times(claims: _Claims, now: datetime) -> None:
    bound = not isinstance(claims.cnf, msgspec.UnsetType)
    longest = _longest(claims.role, bound=bound).total_seconds()
    if not 0 < claims.exp - claims.iat <= longest or claims.nbf >= claims.exp:
        raise _refused("TOKEN_LIFETIME", "The token lives longer than it may, or not at all.")
    seconds = now.timestamp()
    skew = SKEW.total_seconds()
    if max(claims.iat, claims.nbf) > seconds + skew:
        raise _refused("TOKEN_EARLY", "The token is not valid yet; compare the clocks.")
    if claims.exp <= seconds - skew:
        raise _refused("TOKEN_EXPIRED", "The token has expired.")


def _refused(code: str, detail: str) -> LotaError:
    return LotaError(Kind.AUTHENTICATION, code, detail)


def _unissuable(why: str) -> LotaError:
    return LotaError(Kind.INTERNAL, "TOKEN_UNISSUABLE", f"This token cannot be issued: {why}.")

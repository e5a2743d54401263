"""ID tokens of OpenID Connect providers: whom they vouch for, to us, in answer to this very log-in.

OpenID Connect Core 1.0, section 3.1.3.7. Providers sign with RS256 above all, which nothing else
here does: so these signatures are checked here, and no token of ours is believed by them.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from lotabots.kernel import (
    Kind,
    LotaError,
    VerifyingKey,
    decode_base64url,
    equal,
    strict_json,
)

MAX_CHARACTERS = 16 * 1024
MAX_KEYS = 32
SKEW = timedelta(seconds=60)
OLDEST = timedelta(minutes=10)
"""An answer to a log-in was signed just now."""
RSA_BITS = range(2048, 8193)

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
_Seconds = Annotated[int, msgspec.Meta(ge=1, le=253_402_300_799)]


class _Claims(msgspec.Struct, frozen=True):
    iss: str
    sub: _Name
    aud: str | list[str]
    exp: _Seconds
    iat: _Seconds
    nonce: str
    azp: str | None = None


def verify_id_token(
    token: str, jwks: object, *, issuer: str, client_id: str, nonce: str, now: datetime
) -> str:
    """The subject that the token vouches for. Raises `OIDC_TOKEN`, whatever is wrong with it.

    1. size and three parts; a header with a known algorithm and nothing critical
    2. a key of the provider, of that algorithm; its signature
    3. issuer and audience, exactly; the party that it was issued to
    4. the times; the nonce of this log-in
    """
    try:
        claims = msgspec.convert(_signed(token, jwks), _Claims)
    except (LotaError, msgspec.ValidationError, InvalidSignature, ValueError) as error:
        raise _refused("its form or its signature is wrong") from error
    audience = [claims.aud] if isinstance(claims.aud, str) else claims.aud
    if claims.iss != issuer or client_id not in audience:
        raise _refused("it was issued by or for somebody else")
    if claims.azp != client_id and (claims.azp is not None or len(audience) > 1):
        raise _refused("it was issued to somebody else")
    seconds, skew = now.timestamp(), SKEW.total_seconds()
    if claims.exp <= seconds - skew or claims.iat > seconds + skew:
        raise _refused("it has expired, or is not valid yet")
    if claims.iat < seconds - OLDEST.total_seconds():
        raise _refused("it is not an answer to this log-in")
    if not equal(claims.nonce.encode("utf-8", "surrogatepass"), nonce.encode()):
        raise _refused("it is not an answer to this log-in")
    return claims.sub


def _signed(token: str, jwks: object) -> object:
    parts = token.split(".", 3)
    if len(token) > MAX_CHARACTERS or len(parts) != 3 or not token.isascii():
        raise ValueError("no compact JWS")
    header = strict_json(decode_base64url(parts[0]), max_bytes=MAX_CHARACTERS, max_depth=4)
    if not isinstance(header, dict) or "crit" in header:
        raise ValueError("the header asks for something that is not known here")
    kid, alg = header.get("kid"), header.get("alg")
    data, signature = f"{parts[0]}.{parts[1]}".encode(), decode_base64url(parts[2])
    # The algorithm is the key's: only keys of the named one are looked at, and `none` has no keys.
    candidates = [jwk for jwk in _keys(jwks, alg) if kid is None or jwk.get("kid") == kid]
    if len(candidates) != 1:
        raise ValueError("no key of that name, or more than one")
    _verify(candidates[0], data, signature)
    return strict_json(decode_base64url(parts[1]), max_bytes=MAX_CHARACTERS, max_depth=16)


def _keys(jwks: object, alg: object) -> Iterable[dict[str, Any]]:
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(keys, list) or len(keys) > MAX_KEYS:
        raise ValueError("no set of keys")
    kind = {"RS256": ("RSA", None), "ES256": ("EC", "P-256")}.get(str(alg))
    for jwk in keys:
        fits = isinstance(jwk, dict) and (jwk.get("kty"), jwk.get("crv")) == kind
        if fits and jwk.get("use", "sig") == "sig" and jwk.get("alg", alg) == alg:
            yield jwk


def _verify(jwk: dict[str, Any], data: bytes, signature: bytes) -> None:
    if jwk["kty"] == "EC":
        point = {name: jwk.get(name) for name in ("kty", "crv", "x", "y")}
        VerifyingKey.from_jwk(point).verify(data, signature)
        return
    modulus, exponent = (
        int.from_bytes(decode_base64url(str(jwk.get(name)))) for name in ("n", "e")
    )
    if modulus.bit_length() not in RSA_BITS:
        raise ValueError("an RSA key has 2048 to 8192 bits")
    key = RSAPublicNumbers(exponent, modulus).public_key()
    key.verify(signature, data, PKCS1v15(), SHA256())


def _refused(why: str) -> LotaError:
    return LotaError(Kind.AUTHENTICATION, "OIDC_TOKEN", f"The ID token is refused: {why}.")

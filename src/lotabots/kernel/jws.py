"""Compact JWS (RFC 7515) in one strict form: its header is exactly alg, kid and typ.

What a general JOSE reader may accept and this one refuses: a second `alg`, an embedded or linked
key, `crit`, any `typ`, base64url with two readings, unbounded sizes. No claim is looked at here.
"""

from collections.abc import Collection

from lotabots.kernel.base64text import decode_base64url, encode_base64url
from lotabots.kernel.canonical_json import canonical, strict_json
from lotabots.kernel.errors import LotaError, invalid
from lotabots.kernel.keys import SigningKey, VerificationKeys, VerifyingKey, is_kid

MAX_JWS_BYTES = 8192
MAX_HEADER_BYTES = 256


def sign_jws(payload: bytes, key: SigningKey, typ: str) -> str:
    """The compact JWS of the payload, with the key's alg and kid in its header."""
    header = canonical({"alg": key.alg, "kid": key.kid, "typ": typ})
    signed = f"{encode_base64url(header)}.{encode_base64url(payload)}"
    return f"{signed}.{encode_base64url(key.sign(signed.encode()))}"


def verify_jws(
    token: str,
    keys: VerificationKeys,
    typ: str | Collection[str] | None,
    max_bytes: int = MAX_JWS_BYTES,
) -> bytes:
    """The payload of a JWS signed by one of these keys. Raises `JWS_*` or `SIGNATURE_INVALID`.

    `typ` is what the header must say, letter by letter; None for a header that must not have one.

    1. size and three parts, before anything is decoded
    2. the header: exactly alg, kid and typ, each once
    3. the key of that kid, in memory; its own algorithm, never the header's choice
    4. the signature over the two parts as they came
    5. the payload
    """
    if len(token) > max_bytes:
        raise invalid("JWS_MALFORMED", f"The token is longer than {max_bytes} characters.")
    parts = token.split(".", 3)
    if len(parts) != 3 or not token.isascii():
        raise _malformed("it is not three parts in base64url")
    header, payload, signature = parts
    key = _key(header, keys, typ)
    key.verify(f"{header}.{payload}".encode(), _part(signature))
    return _part(payload)


def _key(encoded: str, keys: VerificationKeys, typ: str | Collection[str] | None) -> VerifyingKey:
    try:
        header = strict_json(_part(encoded), max_bytes=MAX_HEADER_BYTES, max_depth=1)
    except LotaError as error:
        raise _malformed("its header is not one plain JSON object") from error
    expected = {"alg", "kid"} if typ is None else {"alg", "kid", "typ"}
    if not isinstance(header, dict) or header.keys() != expected:
        raise _malformed(f"its header is not exactly {', '.join(sorted(expected))}")
    if typ is not None and not _is_wanted(header["typ"], typ):
        raise invalid("JWS_TYPE", "The token is of another type than is wanted here.")
    kid = header["kid"]
    key = keys.get(kid) if isinstance(kid, str) and is_kid(kid) else None
    if key is None:
        raise invalid("JWS_KEY_UNKNOWN", "The token names a key that is not trusted here.")
    if header["alg"] != key.alg:
        raise invalid("JWS_ALGORITHM", "The token's algorithm is not that of its key.")
    return key


def _is_wanted(given: object, typ: str | Collection[str]) -> bool:
    if isinstance(typ, str):
        return given == typ
    return isinstance(given, str) and given in typ


def _part(text: str) -> bytes:
    try:
        return decode_base64url(text)
    except LotaError as error:
        raise _malformed("a part is not canonical base64url") from error


def _malformed(why: str) -> LotaError:
    return invalid("JWS_MALFORMED", f"The token is malformed: {why}.")

"""Proofs of possession (DPoP, RFC 9449): that a caller has the key that its token is bound to."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, NamedTuple

import msgspec

from lotabots.kernel import (
    Kind,
    LotaError,
    SigningKey,
    VerifyingKey,
    decode_base64url,
    encode_base64url,
    equal,
    sha256,
    strict_json,
    strict_struct,
)

PROOF_TYPE = "dpop+jwt"
ALGORITHMS = ("ES256", "Ed25519")
MAX_PROOF_CHARACTERS = 4096
PAST, FUTURE = timedelta(seconds=60), timedelta(seconds=30)
"""How old a proof may be, and how far the client's clock may be ahead."""

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class Proof(NamedTuple):
    """A proof that held: by which key (its RFC 7638 thumbprint), which one, and until when."""

    thumbprint: str
    proof_id: str
    expires_at: datetime


class Call(NamedTuple):
    """What a request is, as its proof must name it; and the proofs that came with it."""

    method: str
    url: str
    """Without query and fragment."""
    proofs: tuple[str, ...]


class _Claims(msgspec.Struct, frozen=True):
    jti: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    htm: str
    htu: str
    iat: Annotated[int, msgspec.Meta(ge=1, le=253_402_300_799)]
    ath: str | None = None


def verify_proof(call: Call, now: datetime, token: str | None = None) -> Proof:
    """The one proof of the call (RFC 9449 section 4.3). Raises `PROOF_ABSENT`, `PROOF_INVALID`.

    1. one proof, three parts, a header of exactly typ, alg and jwk
    2. a public key of ours, whose signature holds
    3. method and address are those of the call
    4. it was made just now
    5. it names the token that it came with, where one came; a proof without token names none
    """
    if not call.proofs:
        raise _refused("PROOF_ABSENT", "This needs a DPoP proof of the key that it is bound to.")
    if len(call.proofs) > 1 or len(call.proofs[0]) > MAX_PROOF_CHARACTERS:
        raise _invalid("it is not one proof of at most 4,096 characters")
    try:
        thumbprint, payload = _signed(call.proofs[0])
        claims = strict_struct(payload, _Claims, max_bytes=MAX_PROOF_CHARACTERS, max_depth=4)
    except LotaError as error:
        raise _invalid(error.detail) from error
    if claims.htm != call.method or _target(claims.htu) != _target(call.url):
        raise _invalid("it is for another request")
    made = datetime.fromtimestamp(claims.iat, UTC)
    if not -FUTURE <= now - made <= PAST:
        raise _invalid("it is too old, or from the future; compare the clocks")
    named = None if token is None else encode_base64url(sha256(token.encode()))
    if (claims.ath is None) != (named is None) or not equal(
        (claims.ath or "").encode("utf-8", "surrogatepass"), (named or "").encode()
    ):
        raise _invalid("it does not name this token")
    return Proof(thumbprint, claims.jti, made + PAST + FUTURE)


def make_proof(
    key: SigningKey, method: str, url: str, now: datetime, proof_id: str, token: str | None = None
) -> str:
    """The proof of one call (RFC 9449 section 4.2), whose id nobody used before.

    With `token` for what it is sent with; without, where a token is asked for.
    """
    header = {"typ": PROOF_TYPE, "alg": key.alg, "jwk": key.jwk_public()}
    claims: dict[str, object] = {
        "jti": proof_id,
        "htm": method,
        "htu": url.partition("#")[0].partition("?")[0],
        "iat": int(now.timestamp()),
    }
    if token is not None:
        claims["ath"] = encode_base64url(sha256(token.encode()))
    signed = ".".join(encode_base64url(msgspec.json.encode(part)) for part in (header, claims))
    return f"{signed}.{encode_base64url(key.sign(signed.encode()))}"


def _signed(proof: str) -> tuple[str, bytes]:
    """The key that signed it, by its thumbprint, and what it signed."""
    parts = proof.split(".", 3)
    if len(parts) != 3 or not proof.isascii():
        raise _invalid("it is not three parts in base64url")
    key, thumbprint = _key_of(parts[0])
    key.verify(f"{parts[0]}.{parts[1]}".encode(), decode_base64url(parts[2]))
    return thumbprint, decode_base64url(parts[1])


@lru_cache(maxsize=8192)  # a pure function of the header, which a caller sends with each call
def _key_of(part: str) -> tuple[VerifyingKey, str]:
    """The key that a proof's header names, and its thumbprint."""
    header = strict_json(decode_base64url(part), max_bytes=MAX_PROOF_CHARACTERS, max_depth=3)
    if not isinstance(header, dict) or header.keys() != {"typ", "alg", "jwk"}:
        raise _invalid("its header is not exactly typ, alg and jwk")
    if header["typ"] != PROOF_TYPE:
        raise _invalid("it is of another type")
    key = VerifyingKey.from_jwk(header["jwk"])
    if header["alg"] != key.alg:
        raise _invalid("its algorithm is not that of its key")
    return key, encode_base64url(key.thumbprint())


def _target(url: str) -> tuple[str, str, str]:
    """Scheme, host with port, and path: what two spellings of one address share."""
    bare = url.partition("#")[0].partition("?")[0]
    scheme, _, rest = bare.partition("://")
    host, slash, path = rest.partition("/")
    scheme = scheme.lower()
    return scheme, host.lower().removesuffix(_DEFAULT_PORTS.get(scheme, "")), slash + path or "/"


class SeenProofs:
    """The proofs that were used lately: none is accepted twice, by this process.

    Two generations, each as long as a proof can live: what is in neither has expired. When there
    are too many, further proofs are refused: forgetting one would let it be used again.
    """

    def __init__(self, most: int = 200_000) -> None:
        self._most = most
        self._young: set[tuple[str, str]] = set()
        self._old: set[tuple[str, str]] = set()
        self._turned_at: datetime | None = None

    def use(self, proof: Proof, now: datetime) -> None:
        """Remembers the proof. Raises `PROOF_REPLAYED`, or `PROOF_BUSY` where there is no room."""
        if self._turned_at is None or now - self._turned_at > PAST + FUTURE:
            self._young, self._old = set(), self._young
            self._turned_at = now
        name = (proof.thumbprint, proof.proof_id)
        if name in self._young or name in self._old:
            raise _refused("PROOF_REPLAYED", "This DPoP proof was used before; make a new one.")
        if len(self._young) >= self._most:
            detail = "Too many DPoP proofs at this moment."
            raise LotaError(Kind.RATE_LIMITED, "PROOF_BUSY", detail, retry_after_seconds=30)
        self._young.add(name)


def _invalid(why: str) -> LotaError:
    return _refused("PROOF_INVALID", f"The DPoP proof is refused: {why}.")


def _refused(code: str, detail: str) -> LotaError:
    return LotaError(Kind.AUTHENTICATION, code, detail)

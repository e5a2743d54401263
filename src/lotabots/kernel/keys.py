"""Signing and verifying keys, ES256 and Ed25519: signatures are made and checked here only.

The `cryptography` package does the arithmetic, without a JOSE library between: the two signature
schemes are 30 lines here, and half the time of a token went into the generality of the library. The
tests hold these lines against joserfc and the Wycheproof vectors.

ES256 is malleable (from (r, s) anyone makes (r, n - s)): never use a signature, or a token that
ends in one, as a name for anything; use the `jti`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

from lotabots.kernel.base64text import decode_base64url, encode_base64url
from lotabots.kernel.canonical_json import canonical, strict_json
from lotabots.kernel.digests import sha256
from lotabots.kernel.errors import LotaError, invalid

MAX_JWKS_BYTES = 64 * 1024
MAX_JWKS_KEYS = 32
SIGNATURE_BYTES = 64
"""Of both schemes: r and s, 32 bytes each, big-endian (RFC 7518 section 3.4), or R and S."""

PublicKey: TypeAlias = EllipticCurvePublicKey | Ed25519PublicKey
PrivateKey: TypeAlias = EllipticCurvePrivateKey | Ed25519PrivateKey

_KID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_ECDSA = ECDSA(SHA256())


class VerifyingKey:
    """A public key with its name and its one algorithm, `ES256` (P-256) or `Ed25519`."""

    __slots__ = ("_key", "_thumbprint", "alg", "kid")

    def __init__(self, key: PublicKey, kid: str | None = None) -> None:
        if isinstance(key, EllipticCurvePublicKey):
            if not isinstance(key.curve, SECP256R1):
                raise _unsupported()
            self.alg = "ES256"
        else:
            self.alg = "Ed25519"
        self._key = key
        self._thumbprint: bytes | None = None
        self.kid = kid if kid is not None else encode_base64url(self.thumbprint())
        if not is_kid(self.kid):
            raise _malformed("its kid is not 1 to 64 letters, digits, dots, dashes or underscores")

    def verify(self, data: bytes, signature: bytes) -> None:
        """Returns for a true signature; raises `SIGNATURE_INVALID` for any other."""
        if len(signature) != SIGNATURE_BYTES:
            raise _invalid_signature()
        try:
            if isinstance(self._key, EllipticCurvePublicKey):
                r = int.from_bytes(signature[:32], "big")
                s = int.from_bytes(signature[32:], "big")
                self._key.verify(encode_dss_signature(r, s), data, _ECDSA)
            else:
                self._key.verify(signature, data)
        except InvalidSignature as error:
            raise _invalid_signature() from error

    def thumbprint(self) -> bytes:
        """The SHA-256 JWK thumbprint (RFC 7638), 32 bytes: the name of the key itself."""
        if self._thumbprint is None:
            self._thumbprint = sha256(canonical(self._parameters()))
        return self._thumbprint

    def jwk(self) -> dict[str, str]:
        """The public JWK (RFC 7517) with kid, alg and use."""
        return {**self._parameters(), "kid": self.kid, "alg": self.alg, "use": "sig"}

    def _parameters(self) -> dict[str, str]:
        if isinstance(self._key, EllipticCurvePublicKey):
            point = self._key.public_numbers()
            x, y = (encode_base64url(n.to_bytes(32, "big")) for n in (point.x, point.y))
            return {"kty": "EC", "crv": "P-256", "x": x, "y": y}
        return {"kty": "OKP", "crv": "Ed25519", "x": encode_base64url(self._key.public_bytes_raw())}

    @classmethod
    def from_jwk(cls, jwk: object) -> "VerifyingKey":
        """The key of a public JWK of P-256 or Ed25519. Raises `KEY_*`.

        A private part, another use than `sig`, or an `alg` that is not the curve's are refused.
        """
        if not isinstance(jwk, dict):
            raise _malformed("it is no JSON object")
        curve = (jwk.get("kty"), jwk.get("crv"))
        if curve not in (
            ("EC", "P-256"),
            ("OKP", "Ed25519"),
        ):  # no set: untrusted values need not hash
            raise _unsupported()
        if "d" in jwk:
            raise _malformed("it holds a private part, which is now public")
        if jwk.get("use", "sig") != "sig" or "verify" not in _operations(jwk):
            raise _malformed("it is not for verifying signatures")
        x = _coordinate(jwk, "x")
        try:
            key: PublicKey = (
                _point(x, _coordinate(jwk, "y"))
                if curve == ("EC", "P-256")
                else Ed25519PublicKey.from_public_bytes(x)
            )
        except ValueError as error:
            raise _malformed("it is no point of its curve") from error
        kid = jwk.get("kid")
        if not (kid is None or isinstance(kid, str)):
            raise _malformed("its kid is no string")
        verifying = cls(key, kid)
        if jwk.get("alg", verifying.alg) != verifying.alg:
            raise _malformed("its alg is not that of its curve")
        return verifying

    @classmethod
    def from_pem(cls, pem: bytes) -> "VerifyingKey":
        """The key of a PEM SubjectPublicKeyInfo, named by its thumbprint. Raises `KEY_*`."""
        return cls._from_spki(pem, Encoding.PEM)

    @classmethod
    def from_spki(cls, der: bytes) -> "VerifyingKey":
        """The key of a DER SubjectPublicKeyInfo, named by its thumbprint. Raises `KEY_*`."""
        return cls._from_spki(der, Encoding.DER)

    @classmethod
    def _from_spki(cls, data: bytes, encoding: Encoding) -> "VerifyingKey":
        load = load_pem_public_key if encoding is Encoding.PEM else load_der_public_key
        try:
            key = load(data)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise _malformed("it is no SubjectPublicKeyInfo") from error
        if not isinstance(key, EllipticCurvePublicKey | Ed25519PublicKey):
            raise _unsupported()
        return cls(key)


class SigningKey:
    """A private key. Its public half is `verifying`; its name is the RFC 7638 thumbprint."""

    __slots__ = ("_key", "alg", "kid", "verifying")

    def __init__(self, key: PrivateKey) -> None:
        self._key = key
        self.verifying = VerifyingKey(key.public_key())
        self.alg = self.verifying.alg
        self.kid = self.verifying.kid

    def __repr__(self) -> str:
        return f"SigningKey({self.alg}, {self.kid})"

    def sign(self, data: bytes) -> bytes:
        """The signature, `SIGNATURE_BYTES` long."""
        if isinstance(self._key, EllipticCurvePrivateKey):
            r, s = decode_dss_signature(self._key.sign(data, _ECDSA))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return self._key.sign(data)

    def jwk_public(self) -> dict[str, str]:
        """The public JWK with kid, alg and use."""
        return self.verifying.jwk()

    def to_pem(self) -> bytes:
        """The private key as unencrypted PKCS #8 PEM: seal it before it rests anywhere."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @classmethod
    def from_pem(cls, pem: bytes) -> "SigningKey":
        """The key of an unencrypted PKCS #8 PEM. Raises `KEY_*`."""
        try:
            key = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise _malformed("it is no unencrypted private key in PEM") from error
        if not isinstance(key, EllipticCurvePrivateKey | Ed25519PrivateKey):
            raise _unsupported()
        return cls(key)


class VerificationKeys:
    """The public keys that one kind of token may be signed with, by kid."""

    __slots__ = ("_by_kid",)

    def __init__(self, keys: Iterable[VerifyingKey]) -> None:
        listed = tuple(keys)
        self._by_kid = {key.kid: key for key in listed}
        if len(self._by_kid) != len(listed):
            raise _malformed("two keys have the same kid")

    def get(self, kid: str) -> VerifyingKey | None:
        """The key of this name, found in memory and nowhere else."""
        return self._by_kid.get(kid)

    def __len__(self) -> int:
        return len(self._by_kid)

    @classmethod
    def from_jwks(cls, data: bytes) -> "VerificationKeys":
        """The keys of a JWK Set (RFC 7517 section 5). Raises `KEY_*`, `JSON_*`.

        At most `MAX_JWKS_BYTES` and `MAX_JWKS_KEYS`. A key of a kind that we do not know refuses
        the set: a set that mixes in symmetric keys is an attack or a mistake.
        """
        value = strict_json(data, max_bytes=MAX_JWKS_BYTES)
        keys = value.get("keys") if isinstance(value, dict) else None
        if not isinstance(keys, list) or not 1 <= len(keys) <= MAX_JWKS_KEYS:
            raise _malformed(f"a key set is an object with 1 to {MAX_JWKS_KEYS} keys")
        return cls(VerifyingKey.from_jwk(key) for key in keys)


@dataclass(frozen=True)
class KeySet:
    """The keys of one purpose. All are published; `current` alone signs.

    `next` is published long before it signs, `previous` until its last token has expired: so no
    relying party meets a kid that it has never seen.
    """

    current: SigningKey
    previous: SigningKey | None = None
    next: SigningKey | None = None

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The JWK Set to publish: public parts only, previous, current and next."""
        return {"keys": [key.jwk() for key in self._public]}

    def verifying(self) -> VerificationKeys:
        """The public halves, by kid."""
        return VerificationKeys(self._public)

    @cached_property
    def _public(self) -> tuple[VerifyingKey, ...]:
        keys = (self.previous, self.current, self.next)
        return tuple(key.verifying for key in keys if key is not None)


def is_kid(text: str) -> bool:
    """Whether this may name a key: never a path, a URL or a piece of SQL."""
    return _KID.fullmatch(text) is not None


def _operations(jwk: dict[object, object]) -> list[object]:
    operations = jwk.get("key_ops", ["verify"])
    return operations if isinstance(operations, list) else []


def _coordinate(jwk: dict[object, object], name: str) -> bytes:
    text = jwk.get(name)
    if not isinstance(text, str) or len(text) != 43:
        raise _malformed(f"its {name} is not 32 bytes in base64url")
    return decode_base64url(text)


@lru_cache(maxsize=4096)  # a pure function, and a caller uses one key many times
def _point(x: bytes, y: bytes) -> EllipticCurvePublicKey:
    numbers = EllipticCurvePublicNumbers(
        int.from_bytes(x, "big"), int.from_bytes(y, "big"), SECP256R1()
    )
    return numbers.public_key()


def _malformed(why: str) -> LotaError:
    return invalid("KEY_MALFORMED", f"This key cannot be used: {why}.")


def _unsupported() -> LotaError:
    return invalid("KEY_UNSUPPORTED", "Only P-256 and Ed25519 keys are used here.")


def _invalid_signature() -> LotaError:
    return invalid("SIGNATURE_INVALID", "The signature is not this key's over these bytes.")

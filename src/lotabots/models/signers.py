"""Keys that sign models: elliptic curves P-256, P-384 and P-521, each with the hash of its size.

Source: OpenSSF Model Signing v1.0, section 4.1 (hint, curves). Signatures are ECDSA in DER, unlike
those of the kernel's own envelopes; RSA and Edwards curves are refused, as by the reference.
"""

from functools import cached_property

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

from lotabots.kernel import LotaError, invalid, sha256_hex

_HASHES: dict[str, HashAlgorithm] = {
    "secp256r1": SHA256(),
    "secp384r1": SHA384(),
    "secp521r1": SHA512(),
}
MAX_KEY_BYTES = 16 * 1024


class ModelKey:
    """A public key that may have signed a model."""

    def __init__(self, key: EllipticCurvePublicKey) -> None:
        if key.curve.name not in _HASHES:
            raise _unsupported()
        self._key = key
        self.curve = key.curve.name

    @cached_property
    def pem(self) -> bytes:
        """SubjectPublicKeyInfo as PEM, with the line end behind it."""
        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @cached_property
    def hint(self) -> str:
        """What a bundle calls the key: SHA-256 of its PEM text in hexadecimal."""
        return sha256_hex(self.pem)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the SubjectPublicKeyInfo in DER, in hexadecimal: how policies name the key."""
        return sha256_hex(self._key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    def signed(self, data: bytes, signature: bytes, *, legacy: bool = False) -> bool:
        """Whether this key made the signature; `legacy` is SHA-256 with every curve."""
        try:
            self._key.verify(signature, data, ECDSA(SHA256() if legacy else _HASHES[self.curve]))
        except InvalidSignature:
            return False
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ModelKey) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)


def load_public_key(data: bytes) -> ModelKey:
    """The key in this PEM or DER SubjectPublicKeyInfo. Raises `MODEL_KEY`."""
    if len(data) > MAX_KEY_BYTES:
        raise _unsupported()
    # The published test key has words before its PEM block, as OpenSSL and GnuTLS write them.
    load = load_pem_public_key if b"-----BEGIN" in data else load_der_public_key
    try:
        key = load(data)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _unsupported() from error
    if not isinstance(key, EllipticCurvePublicKey):
        raise _unsupported()
    return ModelKey(key)


class ModelSigningKey:
    """A private key that signs models; never printed."""

    __slots__ = ("_key", "public")

    def __init__(self, key: EllipticCurvePrivateKey) -> None:
        self._key = key
        self.public = ModelKey(key.public_key())

    def sign(self, data: bytes) -> bytes:
        """The signature in DER."""
        return self._key.sign(data, ECDSA(_HASHES[self.public.curve]))


def load_signing_key(pem: bytes, password: bytes | None = None) -> ModelSigningKey:
    """The key in this PEM. Raises `MODEL_KEY`."""
    if len(pem) > MAX_KEY_BYTES:
        raise _unsupported()
    try:
        key = load_pem_private_key(pem, password)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _unsupported() from error
    if not isinstance(key, EllipticCurvePrivateKey):
        raise _unsupported()
    return ModelSigningKey(key)


class Signer(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whose signature holds, and how that is known."""

    kind: str
    """`key`, `certificate` or `sigstore`."""
    id: str
    """The key's fingerprint; the certificate's subject; the identity that Sigstore vouches for."""
    key_sha256: str
    """SHA-256 of the SubjectPublicKeyInfo of the key that signed, in hexadecimal."""
    certificate_sha256: str = ""
    """SHA-256 of the leaf certificate in DER, in hexadecimal."""
    root_sha256: str = ""
    """SHA-256 of the certificate of the anchor that the chain leads to, in hexadecimal."""
    issuer: str = ""
    """Who vouches for the identity: the OpenID Connect issuer of a Sigstore signature."""
    not_before: str = ""
    not_after: str = ""
    """Validity of the certificate, RFC 3339."""
    signed_at: str = ""
    """When the log took the signature, if a log did."""


def key_signer(key: ModelKey) -> Signer:
    """The signer who is known by this key and by nothing else."""
    return Signer(kind="key", id=key.fingerprint, key_sha256=key.fingerprint)


def _unsupported() -> LotaError:
    detail = "A key that signs models is on P-256, P-384 or P-521, in PEM without a password."
    return invalid("MODEL_KEY", detail)

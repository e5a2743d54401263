"""Digests, keyed digests and the one constant-time comparison."""

import hashlib
import hmac

from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def sha256(data: bytes) -> bytes:
    """The SHA-256 of the data, 32 bytes."""
    return hashlib.sha256(data).digest()


def sha256_hex(data: bytes) -> str:
    """The SHA-256 of the data as 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def equal(a: bytes, b: bytes) -> bool:
    """Whether both are the same bytes, in time that depends on the lengths alone."""
    return hmac.compare_digest(a, b)


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA-256 of the data (RFC 2104), 32 bytes."""
    return hmac.digest(key, data, "sha256")


def hmac_sha512(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA-512 of the data (RFC 2104), 64 bytes."""
    return hmac.digest(key, data, "sha512")


def hkdf_sha512(key: bytes, info: bytes, length: int) -> bytes:
    """`length` bytes of HKDF-SHA-512 without salt (RFC 5869), at most 255 * 64."""
    return HKDF(algorithm=SHA512(), length=length, salt=None, info=info).derive(key)

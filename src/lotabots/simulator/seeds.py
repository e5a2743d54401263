"""Keys, numbers and ids that all follow from one seed, so that a fleet is the same every time."""

from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384

from lotabots.kernel import hkdf_sha512

CURVE = ec.SECP384R1()
ORDER = CURVE.group_order
"""The order n of P-384 (SEC 2, section 2.5.1): signatures are pairs of numbers in 1..n-1."""
SIGNATURE_HALF = 48
"""Bytes of r and of s in a raw signature, big-endian."""

# RFC 6979: no randomness is read, and the same node signs the same bytes.
ECDSA = ec.ECDSA(SHA384(), deterministic_signing=True)


def derive(seed: bytes, label: str, length: int) -> bytes:
    """`length` bytes that only this seed and label give."""
    return hkdf_sha512(seed, b"lotabots/simulator/" + label.encode(), length)


@lru_cache(maxsize=4096)
def private_key(
    seed: bytes, label: str, curve: ec.EllipticCurve = CURVE
) -> ec.EllipticCurvePrivateKey:
    """The key of this seed and label; on P-384 unless another curve is named."""
    # 64 bytes for at most a 48-byte order: the bias is below 2^-128 (FIPS 186-5, appendix A.2.1).
    number = int.from_bytes(derive(seed, f"key/{label}", 64), "big")
    return ec.derive_private_key(number % (curve.group_order - 1) + 1, curve)


def serial_number(seed: bytes, label: str) -> int:
    """A 16-byte certificate serial number, positive and without leading zeros."""
    drawn = derive(seed, f"serial/{label}", 16)
    return int.from_bytes(bytes([drawn[0] & 0x7F | 0x40]) + drawn[1:], "big")


def raw_signature(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    """The ECDSA signature over the data as r then s, 48 big-endian bytes each."""
    r, s = decode_dss_signature(key.sign(data, ECDSA))
    return pair(r, s)


def pair(r: int, s: int) -> bytes:
    """A raw signature with these two numbers, whatever they are."""
    return r.to_bytes(SIGNATURE_HALF, "big") + s.to_bytes(SIGNATURE_HALF, "big")

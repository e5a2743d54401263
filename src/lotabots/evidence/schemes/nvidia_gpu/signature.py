"""ECDSA P-384 with SHA-384 over raw signatures: r then s, 48 bytes each, big-endian."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384

SIZE = 96
ECDSA_SHA384 = ec.ECDSA(SHA384())

# The order of the P-384 base point, SEC 2 version 2.0, section 2.5.1.
ORDER = int(
    "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
    "C7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973",
    16,
)


def well_formed(signature: bytes) -> bool:
    """Whether this is 96 bytes with r and s in [1, n-1] (FIPS 186-5, section 6.4.2, step 1)."""
    if len(signature) != SIZE:
        return False
    r = int.from_bytes(signature[:48])
    s = int.from_bytes(signature[48:])
    return 0 < r < ORDER and 0 < s < ORDER


def verifies(key: ec.EllipticCurvePublicKey, signature: bytes, data: bytes) -> bool:
    """Whether the raw signature over `data` is this key's.

    ECDSA is malleable: (r, n-s) verifies as well. It proves who signed and is no replay key.
    """
    if not well_formed(signature):
        return False
    der = encode_dss_signature(
        int.from_bytes(signature[:48]),
        int.from_bytes(signature[48:]),
    )
    try:
        key.verify(der, data, ECDSA_SHA384)
    except InvalidSignature:
        return False
    return True

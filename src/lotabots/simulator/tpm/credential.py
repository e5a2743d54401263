"""How a TPM opens a credential: TPM2_ActivateCredential, in a few lines of Python.

TPM 2.0 Library, Part 1, section 24 (credential protection), 11.4.10 (KDFa and KDFe), annex B.10.4
and C.6.4 (how the seed reaches the TPM); Part 3, section 12.5.
"""

import hmac
from hashlib import sha256

from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.hashes import SHA256

from lotabots.simulator.tpm.keys import TpmKey

_LABEL = b"IDENTITY\x00"


def open_credential(blob: bytes, ek: TpmKey, ak_name: bytes) -> bytes:
    """The secret in TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET, one after the other.

    ValueError if it was not made for this endorsement key and the key of this name.
    """
    identity_object, rest = _sized(blob)
    encrypted_seed, rest = _sized(rest)
    tag, encrypted = _sized(identity_object)
    if rest:
        raise ValueError("bytes after the credential")
    seed = _seed(encrypted_seed, ek)
    key = _kdfa(seed, b"INTEGRITY", b"", 256)
    if not hmac.compare_digest(tag, hmac.digest(key, encrypted + ak_name, "sha256")):
        raise ValueError("the credential is for another key, or was changed")
    storage = _kdfa(seed, b"STORAGE", ak_name, 128)
    decryptor = Cipher(algorithms.AES(storage), CFB(bytes(16))).decryptor()
    secret, rest = _sized(decryptor.update(encrypted) + decryptor.finalize())
    if rest:
        raise ValueError("bytes after the secret")
    return secret


def _seed(encrypted: bytes, ek: TpmKey) -> bytes:
    """What both sides derive keys from: sent by RSA-OAEP, or agreed on by ECDH."""
    if isinstance(ek.private, rsa.RSAPrivateKey):
        oaep = padding.OAEP(mgf=padding.MGF1(SHA256()), algorithm=SHA256(), label=_LABEL)
        return ek.private.decrypt(encrypted, oaep)
    x, rest = _sized(encrypted)
    y, _ = _sized(rest)
    numbers = ec.EllipticCurvePublicNumbers(
        int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1()
    )
    shared = ek.private.exchange(ec.ECDH(), numbers.public_key())
    own = ek.private.public_key().public_numbers().x.to_bytes(32, "big")
    # KDFe with one round: counter, Z, label, x of the ephemeral key, x of the endorsement key.
    return sha256(b"\x00\x00\x00\x01" + shared + _LABEL + x.rjust(32, b"\x00") + own).digest()


def _kdfa(key: bytes, label: bytes, context: bytes, bits: int) -> bytes:
    """KDFa with one round, which gives 256 bits: counter, label, zero, context, size in bits."""
    block = b"\x00\x00\x00\x01" + label + b"\x00" + context + bits.to_bytes(4, "big")
    return hmac.digest(key, block, "sha256")[: bits // 8]


def _sized(data: bytes) -> tuple[bytes, bytes]:
    """The content of a TPM2B, and what follows."""
    size = int.from_bytes(data[:2], "big")
    if len(data) < 2 + size:
        raise ValueError("a TPM2B is longer than what is there")
    return data[2 : 2 + size], data[2 + size :]

"""A secret that only the TPM with one endorsement key and one attestation key can open.

TPM2_MakeCredential in software: TPM 2.0 Library, Part 1, section 24 (credential protection),
section 11.4.10 (KDFa, KDFe), annex B.10 (RSA) and C.6 (ECC) for the seed.

1. a seed reaches the TPM by the endorsement key: encrypted by RSA-OAEP with the label IDENTITY, or
   agreed on by ECDH with an ephemeral key
2. KDFa(seed, "STORAGE", name) is the AES key that the secret is encrypted by, in CFB mode, IV zero
3. KDFa(seed, "INTEGRITY") is the HMAC key over the encrypted secret and the name

Out: TPM2B_ID_OBJECT (HMAC as TPM2B, encrypted TPM2B), then TPM2B_ENCRYPTED_SECRET. The TPM gives
the secret out only if the object with that very name is loaded beside the endorsement key.
"""

import hashlib
import hmac

from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, HashAlgorithm
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation, Mode

from lotabots.evidence.schemes.tpm.codes import refuse
from lotabots.evidence.schemes.tpm.public import Alg, Attribute, Public

RANDOMNESS = 96
"""Bytes that `make_credential` takes: a seed and a padding of 48 each, or an ephemeral scalar."""
MAX_SECRET = 32

_HASHES: dict[Alg, HashAlgorithm] = {Alg.SHA256: SHA256(), Alg.SHA384: SHA384()}
_LABEL = b"IDENTITY"
_SIZES = ((RANDOMNESS, 2 + 32), (RANDOMNESS, 2 + 48))
"""Of randomness and name: by SHA-256, by SHA-384."""


def check_endorsement_key(public: Public) -> Public:
    """The key, if it protects others and signs nothing (Part 1, 24.2). LotaError TPM-EK-UNFIT."""
    needed = Attribute.FIXED_TPM | Attribute.FIXED_PARENT | Attribute.RESTRICTED | Attribute.DECRYPT
    attributes = public.attributes
    if attributes & needed != needed or attributes & Attribute.SIGN or not public.symmetric_bits:
        measured = f"{attributes:#x}, AES-{public.symmetric_bits}"
        raise refuse("TPM-EK-UNFIT", expected=f"{needed:#x} and AES in CFB mode", measured=measured)
    return public


def make_credential(ek: Public, ak_name: bytes, secret: bytes, randomness: bytes) -> bytes:
    """TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET, one after the other.

    `randomness` is 96 bytes that nobody knows and nothing else uses. LotaError TPM-EK-UNFIT;
    ValueError for a secret, name or randomness of a wrong length, which no node can cause.
    """
    check_endorsement_key(ek)
    sizes = (len(randomness), len(ak_name))
    if sizes not in _SIZES or not 1 <= len(secret) <= MAX_SECRET:
        raise ValueError("a name has 34 or 50 bytes, a secret 1 to 32, its randomness 96")
    seed, encrypted_seed = _seed(ek, randomness)
    storage = _kdfa(ek.name_alg, seed, b"STORAGE", ak_name, ek.symmetric_bits // 8)
    integrity = _kdfa(ek.name_alg, seed, b"INTEGRITY", b"", _HASHES[ek.name_alg].digest_size)
    encryptor = Cipher(algorithms.AES(storage), CFB(bytes(16))).encryptor()
    identity = encryptor.update(_sized(secret)) + encryptor.finalize()
    code = hmac.digest(integrity, identity + ak_name, _HASHES[ek.name_alg].name)
    return _sized(_sized(code) + identity) + _sized(encrypted_seed)


def _seed(ek: Public, randomness: bytes) -> tuple[bytes, bytes]:
    """The seed, and what the TPM finds it by."""
    digest = _HASHES[ek.name_alg]
    size = digest.digest_size
    if isinstance(ek.key, rsa.RSAPublicKey):
        seed, padding = randomness[:size], randomness[48 : 48 + size]
        return seed, _oaep(ek.key, digest, seed, padding)
    return _agreed(ek.key, digest, randomness)


def _agreed(
    key: ec.EllipticCurvePublicKey, digest: HashAlgorithm, randomness: bytes
) -> tuple[bytes, bytes]:
    """KDFe over the ECDH of an ephemeral key; the TPM finds it by the ephemeral point (C.6.1)."""
    curve, own = key.curve, key.public_numbers()
    size = (curve.key_size + 7) // 8
    # FIPS 186-5, A.2.1: many bits more than the order has, so that no scalar is likelier.
    scalar = int.from_bytes(randomness) % (curve.group_order - 1) + 1
    private = ec.derive_private_key(scalar, curve)
    point = private.public_key().public_numbers()
    info = _LABEL + b"\0" + point.x.to_bytes(size) + own.x.to_bytes(size)
    shared = private.exchange(ec.ECDH(), key)
    seed = ConcatKDFHash(digest, digest.digest_size, info).derive(shared)
    return seed, _sized(point.x.to_bytes(size)) + _sized(point.y.to_bytes(size))


def _oaep(key: rsa.RSAPublicKey, digest: HashAlgorithm, message: bytes, padding: bytes) -> bytes:
    """RSAES-OAEP (RFC 8017, section 7.1.1) with the label IDENTITY and its zero byte.

    Written out because the library draws the padding itself, and nothing here is random.
    """
    size, hashed = key.key_size // 8, digest.digest_size
    label = hashlib.new(digest.name, _LABEL + b"\0").digest()
    block = label + bytes(size - len(message) - 2 * hashed - 2) + b"\1" + message
    masked = _mix(block, _mgf1(digest, padding, len(block)))
    encoded = b"\0" + _mix(padding, _mgf1(digest, masked, hashed)) + masked
    numbers = key.public_numbers()
    return pow(int.from_bytes(encoded), numbers.e, numbers.n).to_bytes(size)


def _mgf1(digest: HashAlgorithm, seed: bytes, size: int) -> bytes:
    """MGF1 (RFC 8017, annex B.2.1)."""
    rounds = range(-(-size // digest.digest_size))
    made = (hashlib.new(digest.name, seed + count.to_bytes(4)).digest() for count in rounds)
    return b"".join(made)[:size]


def _mix(a: bytes, b: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(a, b, strict=True))


def _kdfa(name_alg: Alg, key: bytes, label: bytes, context: bytes, size: int) -> bytes:
    """KDFa: SP 800-108 in counter mode with HMAC, counter and length of 32 bits."""
    return KBKDFHMAC(
        algorithm=_HASHES[name_alg],
        mode=Mode.CounterMode,
        length=size,
        rlen=4,
        llen=4,
        location=CounterLocation.BeforeFixed,
        label=label,
        context=context,
        fixed=None,
    ).derive(key)


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(2) + data

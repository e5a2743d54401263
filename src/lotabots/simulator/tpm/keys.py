"""Endorsement and attestation keys that follow from a seed, and what a TPM does with them."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from itertools import count
from math import gcd, prod
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lotabots.simulator.seeds import derive, private_key
from lotabots.simulator.tpm.structures import (
    ATTESTATION_KEY,
    attestation_ecc,
    attestation_rsa,
    ecc_signature,
    endorsement_ecc,
    endorsement_rsa,
    name_of,
    rsa_signature,
)

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

_EXPONENT = 65_537
_ECDSA = ec.ECDSA(SHA256(), deterministic_signing=True)
_REMEMBERED = 16_384  # keys: a large fleet is attested again and again


class Algorithm(StrEnum):
    """Of both keys of a TPM."""

    ECC = "ecc"
    """NIST P-256."""
    RSA = "rsa"
    """2048 bits. Made from a seed in Python: half a second for each key."""


@dataclass(frozen=True, eq=False)
class TpmKey:
    """A key inside a TPM: only its public area ever leaves."""

    private: PrivateKey
    public: bytes
    """TPMT_PUBLIC."""

    @property
    def name(self) -> bytes:
        """34 bytes: the algorithm, then the digest of the public area."""
        return name_of(self.public)

    @property
    def public_key(self) -> PublicKey:
        """The key as certificates hold it."""
        return self.private.public_key()

    @property
    def device_id(self) -> str:
        """Hex SHA-256 of the SubjectPublicKeyInfo."""
        spki = self.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return sha256(spki).hexdigest()

    def sign(self, data: bytes) -> bytes:
        """TPMT_SIGNATURE over these bytes; the same bytes, the same signature."""
        if isinstance(self.private, rsa.RSAPrivateKey):
            return rsa_signature(self.private.sign(data, padding.PKCS1v15(), SHA256()))
        return ecc_signature(*decode_dss_signature(self.private.sign(data, _ECDSA)))


@lru_cache(maxsize=_REMEMBERED)
def endorsement_key(seed: bytes, algorithm: Algorithm) -> TpmKey:
    """The endorsement key (EK) of the TPM that this seed makes."""
    private = _private(seed, "ek", algorithm)
    if isinstance(private, rsa.RSAPrivateKey):
        return TpmKey(private, endorsement_rsa(private.public_key().public_numbers().n))
    numbers = private.public_key().public_numbers()
    return TpmKey(private, endorsement_ecc(numbers.x, numbers.y))


@lru_cache(maxsize=_REMEMBERED)
def attestation_key(seed: bytes, algorithm: Algorithm, attributes: int = ATTESTATION_KEY) -> TpmKey:
    """The attestation key (AK) of the TPM that this seed makes."""
    private = _private(seed, "ak", algorithm)
    if isinstance(private, rsa.RSAPrivateKey):
        modulus = private.public_key().public_numbers().n
        return TpmKey(private, attestation_rsa(modulus, attributes))
    numbers = private.public_key().public_numbers()
    return TpmKey(private, attestation_ecc(numbers.x, numbers.y, attributes))


def _private(seed: bytes, label: str, algorithm: Algorithm) -> PrivateKey:
    match algorithm:
        case Algorithm.ECC:
            return private_key(seed, f"tpm/{label}", ec.SECP256R1())
        case Algorithm.RSA:
            return _rsa_key(seed, f"tpm/{label}")


@lru_cache(maxsize=64)
def _rsa_key(seed: bytes, label: str) -> rsa.RSAPrivateKey:
    """The RSA key with 2048 bits of this seed and label."""
    primes = _primes(seed, label)
    p, q = next(primes), next(primes)
    d = pow(_EXPONENT, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(_EXPONENT, p * q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public)
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def _primes(seed: bytes, label: str) -> Iterator[int]:
    """Primes of 1024 bits whose two top bits are set, so that two of them make 2048 bits."""
    for number in count():
        drawn = int.from_bytes(derive(seed, f"prime/{label}/{number}", 128), "big")
        candidate = drawn | 3 << 1022 | 1
        while not _is_prime(candidate):
            candidate += 2
        if candidate % _EXPONENT != 1 and candidate.bit_length() == 1024:
            yield candidate


_SMALL = [n for n in range(3, 2000, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2))]
_PRODUCT = prod(_SMALL)


def _is_prime(number: int) -> bool:
    """Miller-Rabin with fixed bases: good for numbers that nobody chose to deceive it."""
    if gcd(number, _PRODUCT) != 1:
        return False
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    return all(_witness(number, base, odd, twos) for base in (2, 3, 5, 7, 11, 13))


def _witness(number: int, base: int, odd: int, twos: int) -> bool:
    value = pow(base, odd, number)
    if value in {1, number - 1}:
        return True
    for _ in range(twos - 1):
        value = value * value % number
        if value == number - 1:
            return True
    return False

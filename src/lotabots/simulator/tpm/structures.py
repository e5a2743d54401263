"""The structures that a TPM marshals, written byte by byte and never read here.

TPM 2.0 Library, Part 2: TPMT_PUBLIC is section 12.2.4, TPMS_ATTEST 10.12.12, TPMT_SIGNATURE 11.3.4,
TPML_PCR_SELECTION 10.9.7, algorithm ids 6.3, object attributes 8.3. Integers are big-endian; a
TPM2B is a size of two bytes and as many bytes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from struct import pack

RSA, AES, SHA256, NULL, RSASSA, ECDSA, ECC, CFB = (
    0x0001,
    0x0006,
    0x000B,
    0x0010,
    0x0014,
    0x0018,
    0x0023,
    0x0043,
)
NIST_P256 = 0x0003
ENDORSEMENT = 0x4000000B
"""The handle of the endorsement hierarchy (TPM_RH_ENDORSEMENT, section 7.4)."""

ENDORSEMENT_KEY = 0x000300B2
"""fixedTPM, fixedParent, sensitiveDataOrigin, adminWithPolicy, restricted, decrypt."""
ATTESTATION_KEY = 0x00050072
"""fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, restricted, sign."""
POLICY_A = bytes.fromhex("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa")
"""PolicySecret(TPM_RH_ENDORSEMENT), the policy of EKs (TCG EK Credential Profile, annex B.3)."""

RSA_BYTES, ECC_BYTES = 256, 32
_GENERATED = 0xFF544347  # TPM_GENERATED_VALUE: what begins so was made inside a TPM
_QUOTE = 0x8018  # TPM_ST_ATTEST_QUOTE
_SELECT_BYTES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Attest:
    """What a TPM says when it quotes."""

    signer: bytes
    """The qualified name of the key that signs."""
    extra: bytes
    """What the caller asked to be signed with it: qualifyingData."""
    clock: int
    """Milliseconds that the TPM was powered."""
    reset_count: int
    restart_count: int
    safe: bool
    """False if a clock value could have been given before, after power was lost."""
    firmware: int
    pcrs: tuple[int, ...]
    digest: bytes
    """SHA-256 over the values of those PCRs, by number."""
    magic: int = _GENERATED
    type: int = _QUOTE

    def encode(self) -> bytes:
        """TPMS_ATTEST."""
        safe = b"\x01" if self.safe else b"\x00"
        return (
            pack(">IH", self.magic, self.type)
            + sized(self.signer)
            + sized(self.extra)
            + pack(">QII", self.clock, self.reset_count, self.restart_count)
            + safe
            + pack(">Q", self.firmware)
            + selection(self.pcrs)
            + sized(self.digest)
        )


def sized(data: bytes) -> bytes:
    """A TPM2B."""
    return pack(">H", len(data)) + data


def selection(pcrs: Iterable[int]) -> bytes:
    """TPML_PCR_SELECTION of these PCRs of the SHA-256 bank: PCR n is bit n % 8 of byte n // 8."""
    bitmap = bytearray(_SELECT_BYTES)
    for number in pcrs:
        bitmap[number // 8] |= 1 << number % 8
    return pack(">IHB", 1, SHA256, _SELECT_BYTES) + bytes(bitmap)


def endorsement_rsa(modulus: int) -> bytes:
    """TPMT_PUBLIC of an EK by template L-1 (EK Credential Profile, annex B.3.3)."""
    body = _aes() + pack(">HHI", NULL, RSA_BYTES * 8, 0)
    return _public(RSA, ENDORSEMENT_KEY, POLICY_A, body + _modulus(modulus))


def endorsement_ecc(x: int, y: int) -> bytes:
    """TPMT_PUBLIC of an EK by template L-2 (EK Credential Profile, annex B.3.4)."""
    body = _aes() + pack(">HHH", NULL, NIST_P256, NULL)
    return _public(ECC, ENDORSEMENT_KEY, POLICY_A, body + point(x, y))


def attestation_rsa(modulus: int, attributes: int = ATTESTATION_KEY) -> bytes:
    """TPMT_PUBLIC of a key that signs by RSASSA with SHA-256."""
    body = pack(">HHHHI", NULL, RSASSA, SHA256, RSA_BYTES * 8, 0)
    return _public(RSA, attributes, b"", body + _modulus(modulus))


def attestation_ecc(x: int, y: int, attributes: int = ATTESTATION_KEY) -> bytes:
    """TPMT_PUBLIC of a key that signs by ECDSA with SHA-256."""
    body = pack(">HHHHH", NULL, ECDSA, SHA256, NIST_P256, NULL)
    return _public(ECC, attributes, b"", body + point(x, y))


def point(x: int, y: int) -> bytes:
    """TPMS_ECC_POINT on P-256, coordinates in full length."""
    return sized(x.to_bytes(ECC_BYTES, "big")) + sized(y.to_bytes(ECC_BYTES, "big"))


def rsa_signature(value: bytes) -> bytes:
    """TPMT_SIGNATURE by RSASSA with SHA-256."""
    return pack(">HH", RSASSA, SHA256) + sized(value)


def ecc_signature(r: int, s: int) -> bytes:
    """TPMT_SIGNATURE by ECDSA with SHA-256, r and s in full length."""
    return pack(">HH", ECDSA, SHA256) + point(r, s)


def name_of(public: bytes) -> bytes:
    """The name of an object: the algorithm and the digest of its TPMT_PUBLIC."""
    return _name(public)


def qualified_name(names: Iterable[bytes], hierarchy: int = ENDORSEMENT) -> bytes:
    """The name of a key below its hierarchy, through all its parents, in that order."""
    qualified = pack(">I", hierarchy)
    for name in names:
        qualified = _name(qualified + name)
    return qualified


def _name(data: bytes) -> bytes:
    return pack(">H", SHA256) + sha256(data).digest()


def _public(kind: int, attributes: int, policy: bytes, rest: bytes) -> bytes:
    return pack(">HHI", kind, SHA256, attributes) + sized(policy) + rest


def _aes() -> bytes:
    """TPMT_SYM_DEF_OBJECT: AES with 128 bits in CFB mode."""
    return pack(">HHH", AES, 128, CFB)


def _modulus(modulus: int) -> bytes:
    return sized(modulus.to_bytes(RSA_BYTES, "big"))

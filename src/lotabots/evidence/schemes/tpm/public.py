"""A TPM's public area: key, name and attributes from a TPMT_PUBLIC, in its exact bytes.

TPM 2.0 Library, Part 2: TPMT_PUBLIC is section 12.2.4, TPMS_RSA_PARMS 12.2.3.5, TPMS_ECC_PARMS
12.2.3.6, TPMA_OBJECT 8.3, algorithm ids 6.3, curve ids 6.4. Offsets in bytes:

0 type (2) | 2 nameAlg (2) | 4 objectAttributes (4) | 8 authPolicy (TPM2B) | parameters | unique
RSA parameters: symmetric | scheme | keyBits (2) | exponent (4); unique: the modulus (TPM2B)
ECC parameters: symmetric | scheme | curveID (2) | kdf; unique: x and y (TPM2B each)
symmetric: algorithm (2), and unless NULL: keyBits (2), mode (2)
scheme: algorithm (2), and unless NULL: hash (2); kdf likewise

The name is nameAlg and the digest of all these bytes by it (Part 1, section on names).
"""

import hashlib
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lotabots.evidence.schemes.tpm.codes import refuse
from lotabots.evidence.schemes.tpm.reader import Reader
from lotabots.kernel import LotaError, sha256_hex

MAX_PUBLIC = 1_024
RSA_EXPONENT = 65_537
RSA_BITS = (2048, 3072, 4096)

Key: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


class Alg(IntEnum):
    """Algorithm ids (Part 2, section 6.3), as far as this version knows them."""

    RSA = 0x0001
    AES = 0x0006
    SHA256 = 0x000B
    SHA384 = 0x000C
    NULL = 0x0010
    RSASSA = 0x0014
    RSAES = 0x0015
    RSAPSS = 0x0016
    OAEP = 0x0017
    ECDSA = 0x0018
    ECC = 0x0023
    CFB = 0x0043


class Attribute(IntFlag):
    """TPMA_OBJECT (Part 2, section 8.3). Bits that are not here are reserved and zero."""

    FIXED_TPM = 1 << 1
    ST_CLEAR = 1 << 2
    FIXED_PARENT = 1 << 4
    SENSITIVE_DATA_ORIGIN = 1 << 5
    USER_WITH_AUTH = 1 << 6
    ADMIN_WITH_POLICY = 1 << 7
    FIRMWARE_LIMITED = 1 << 8
    SVN_LIMITED = 1 << 9
    NO_DA = 1 << 10
    ENCRYPTED_DUPLICATION = 1 << 11
    RESTRICTED = 1 << 16
    DECRYPT = 1 << 17
    SIGN = 1 << 18
    X509_SIGN = 1 << 19


HASHES = {Alg.SHA256: "sha256", Alg.SHA384: "sha384"}
CURVES: dict[int, ec.EllipticCurve] = {0x0003: ec.SECP256R1(), 0x0004: ec.SECP384R1()}
_SCHEMES = {
    Alg.RSA: (Alg.RSASSA, Alg.RSAPSS, Alg.OAEP),
    Alg.ECC: (Alg.ECDSA,),
}
# A sum of plain numbers: the complement of an IntFlag has no reserved bits.
_ALL = sum(one.value for one in Attribute)


@dataclass(frozen=True, slots=True, eq=False)
class Public:
    """A public area taken apart. What its attributes promise holds for keys in a TPM only."""

    data: bytes
    """The TPMT_PUBLIC."""
    key: Key
    name_alg: Alg
    attributes: Attribute
    policy: bytes
    symmetric_bits: int
    """Of AES in CFB mode, for keys that protect others; 0 where there is none."""
    scheme: Alg
    """RSASSA, RSAPSS, ECDSA or OAEP; NULL where any may be used."""
    scheme_hash: Alg
    """NULL where the scheme is."""
    spki: bytes
    """SubjectPublicKeyInfo, DER."""
    name: bytes
    """nameAlg (2 bytes) and the digest by it."""

    @property
    def device_id(self) -> str:
        """Lowercase hex SHA-256 of the SubjectPublicKeyInfo."""
        return sha256_hex(self.spki)


def read_public(data: bytes) -> Public:
    """The public area in exactly these bytes. LotaError TPM-PUBLIC-MALFORMED or -UNSUPPORTED."""
    reader = Reader(data, "TPM-PUBLIC-MALFORMED", MAX_PUBLIC)
    kind = _known(reader.number(2), (Alg.RSA, Alg.ECC), "RSA or ECC")
    name_alg = _known(reader.number(2), tuple(HASHES), "a name by SHA-256 or SHA-384")
    attributes = reader.number(4)
    if attributes & ~_ALL:
        raise reader.misfit("reserved attributes of zero", f"{attributes:#010x}")
    policy = reader.sized(64)
    symmetric_bits = _symmetric(reader)
    scheme, scheme_hash = _scheme(reader, kind)
    key: Key = _rsa(reader) if kind is Alg.RSA else _ecc(reader)
    reader.end()
    digest = hashlib.new(HASHES[name_alg], data).digest()
    return Public(
        data=data,
        key=key,
        name_alg=name_alg,
        attributes=Attribute(attributes),
        policy=policy,
        symmetric_bits=symmetric_bits,
        scheme=scheme,
        scheme_hash=scheme_hash,
        spki=key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        name=name_alg.to_bytes(2) + digest,
    )


def without_size(data: bytes) -> bytes:
    """What a TPM2B of exactly these bytes holds (tpm2-tools write them). TPM-PUBLIC-MALFORMED."""
    reader = Reader(data, "TPM-PUBLIC-MALFORMED", MAX_PUBLIC + 2)
    content = reader.sized(MAX_PUBLIC)
    reader.end()
    return content


def _symmetric(reader: Reader) -> int:
    algorithm = _known(reader.number(2), (Alg.AES, Alg.NULL), "AES or no symmetric algorithm")
    if algorithm is Alg.NULL:
        return 0
    bits = reader.number(2)
    if bits not in (128, 256):
        raise _unsupported("AES with 128 or 256 bits", f"{bits}")
    _known(reader.number(2), (Alg.CFB,), "AES in CFB mode")
    return bits


def _scheme(reader: Reader, kind: Alg) -> tuple[Alg, Alg]:
    scheme = _known(reader.number(2), (*_SCHEMES[kind], Alg.NULL), f"a scheme for {kind.name}")
    if scheme is Alg.NULL:
        return scheme, Alg.NULL
    return scheme, _known(reader.number(2), tuple(HASHES), "a scheme with SHA-256 or SHA-384")


def _rsa(reader: Reader) -> rsa.RSAPublicKey:
    bits, exponent = reader.number(2), reader.number(4)
    if bits not in RSA_BITS:
        raise _unsupported(f"RSA with {RSA_BITS} bits", f"{bits}")
    # Zero stands for the usual exponent (section 12.2.3.5).
    if exponent not in (0, RSA_EXPONENT):
        raise _unsupported(f"the exponent {RSA_EXPONENT}", f"{exponent}")
    modulus = reader.sized(bits // 8)
    number = int.from_bytes(modulus)
    if len(modulus) * 8 != bits or number.bit_length() != bits or not number & 1:
        raise reader.misfit(f"an odd modulus of {bits} bits", f"{number.bit_length()} bits")
    return rsa.RSAPublicNumbers(RSA_EXPONENT, number).public_key()


def _ecc(reader: Reader) -> ec.EllipticCurvePublicKey:
    curve = CURVES.get(identifier := reader.number(2))
    if curve is None:
        raise _unsupported("the curve P-256 or P-384", f"{identifier:#06x}")
    _known(reader.number(2), (Alg.NULL,), "no KDF")
    size = curve.key_size // 8
    # A TPM may cut leading zeros of a coordinate.
    x, y = (int.from_bytes(reader.sized(size)) for _ in range(2))
    try:
        return ec.EllipticCurvePublicNumbers(x, y, curve).public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise reader.misfit("a point on the curve", "another") from error


def _known(number: int, known: tuple[Alg, ...], expected: str) -> Alg:
    if number not in known:
        raise _unsupported(expected, f"{number:#06x}")
    return Alg(number)


def _unsupported(expected: str, measured: str) -> LotaError:
    return refuse("TPM-PUBLIC-UNSUPPORTED", expected=expected, measured=measured)

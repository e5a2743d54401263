"""What a TPM's maker wrote into it: the endorsement key's certificate, and those above it.

TCG EK Credential Profile 2.6, section 2.2.1.4: NV index 0x01c00002 for RSA 2048, 0x01c0000a for ECC
P-256; 0x01c00100 to 0x01c001ff hold certificates of the issuers, one after the other in DER. Makers
fill an index up with what they like, so a certificate's own length counts.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lotabots.evidence.schemes.tpm.collect.tools import Session, ToolFailed
from lotabots.kernel import sha256_hex

Algorithm = Literal["rsa", "ecc"]
INDEX: dict[Algorithm, int] = {"rsa": 0x01C0_0002, "ecc": 0x01C0_000A}
_CHAIN = range(0x01C0_0100, 0x01C0_0200)
_SEQUENCE = b"\x30"
_MOST = 16
_HANDLE = re.compile(r"^- (0x[0-9A-Fa-f]{1,8})$", re.MULTILINE)


class Endorsed(NamedTuple):
    """Which endorsement key a TPM has, and who vouches for it."""

    algorithm: Algorithm
    device_id: str
    """Hex SHA-256 of the key in the certificate; empty where there is none."""
    certificates: bytes
    """PEM, the key's own first; empty where there is none."""


def endorsed(session: Session) -> Endorsed:
    """What the TPM says: RSA before ECC, and RSA where it has no certificate at all."""
    present = _handles(session)
    for algorithm, index in INDEX.items():
        if index not in present:
            continue
        if chain := [*_certificates(session, index)[:1]]:
            for one in sorted(present.intersection(_CHAIN)):
                chain += _certificates(session, one)
            key = (
                chain[0].public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            )
            pem = b"".join(one.public_bytes(Encoding.PEM) for one in chain)
            return Endorsed(algorithm, sha256_hex(key), pem)
    return Endorsed("rsa", "", b"")


def _handles(session: Session) -> frozenset[int]:
    return frozenset(numbers(session.run("tpm2_getcap", "handles-nv-index")))


def numbers(printed: str) -> Iterator[int]:
    """The handles in what tpm2_getcap prints: one hexadecimal number a line."""
    return (int(one, 16) for one in _HANDLE.findall(printed))


def _certificates(session: Session, index: int) -> Sequence[x509.Certificate]:
    """Those in this index; none where it cannot be read, and the server says what is missing."""
    name = f"{index:#x}.der"
    try:
        session.run("tpm2_nvread", f"{index:#x}", "-o", name)
        return read_certificates(session.read(name))
    except ToolFailed:
        return ()


def read_certificates(data: bytes) -> list[x509.Certificate]:
    """The certificates at the front of these bytes, one after the other in DER."""
    found: list[x509.Certificate] = []
    while data[:1] == _SEQUENCE and len(found) < _MOST:
        size = _length(data)
        try:
            certificate = x509.load_der_x509_certificate(data[:size])
            certificate.public_key()  # read only now, and asked for later
        except (ValueError, UnsupportedAlgorithm):
            break
        found.append(certificate)
        data = data[size:]
    return found


def _length(data: bytes) -> int:
    """Bytes of the DER element at the front, its tag and length included (X.690, 8.1.3)."""
    first = data[1] if len(data) > 1 else 0
    if first < 0x80:
        return 2 + first
    count = first & 0x7F
    return 2 + count + int.from_bytes(data[2 : 2 + count])

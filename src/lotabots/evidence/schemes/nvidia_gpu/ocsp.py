"""OCSP responses as supplied data (RFC 6960): who signed them, and what they say of a certificate.

NVIDIA's responders are delegated: each issuer has its own, certified by that issuer for OCSP alone.
The responses carry no nonce, so freshness is their age, which `revocation` judges. The responder's
certificate must have been valid when the response was produced, not now: an older response that is
still within the age allowed stays good after its responder's certificate was renewed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import new, sha1
from types import MappingProxyType
from typing import TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, SignatureAlgorithmOID

from lotabots.evidence import Caches, Slot
from lotabots.evidence.schemes.nvidia_gpu.certs import Certificate, load_certificate, verify_link
from lotabots.evidence.schemes.nvidia_gpu.codes import refuse
from lotabots.evidence.schemes.nvidia_gpu.signature import ECDSA_SHA384
from lotabots.evidence.schemes.nvidia_gpu.standing import Standing, Statement
from lotabots.kernel import LotaError, sha256

MAX_SINGLE_RESPONSES = 64
MAX_CERTIFICATES = 4
_HASHES = frozenset({"sha384", "sha256", "sha1"})
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, UserWarning, x509.DuplicateExtension)


@dataclass(frozen=True, slots=True)
class CertificateId:
    """CertID of RFC 6960, section 4.1.1: which certificate of which issuer."""

    hash: str
    issuer_name: bytes
    issuer_key: bytes
    serial: int


@dataclass(frozen=True, slots=True)
class OcspResponse:
    """One parsed response. Parsed is not trusted."""

    sha256: bytes
    signed: bytes
    """The DER that the signature is made over (tbsResponseData)."""
    signature: bytes
    produced_at: datetime
    responder_key: bytes | None
    """SHA-1 of the responder's key (RFC 6960, section 4.2.1), or None: named by subject."""
    responder_name: x509.Name | None
    certificates: tuple[bytes, ...]
    """DER. They are not signed: each is believed only as far as its issuer vouches for it."""
    statements: tuple[tuple[CertificateId, Statement], ...]


Words: TypeAlias = Mapping[int, tuple[Statement, ...]]
"""What a proven response says of certificates of one issuer, by serial number."""

PROVEN: Slot[tuple[bytes, bytes], Words] = Slot("nvidia_gpu.ocsp", 16_384)
"""Proven: (SHA-256 of response, SHA-256 of issuer) whose signature and responder hold."""


def read_ocsp(der: bytes) -> OcspResponse:
    """The response in this DER, to its last byte. Raises NV-REV-INVALID."""
    try:
        parsed = ocsp.load_der_ocsp_response(der)
        if parsed.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise _unusable(f"a response that says {parsed.response_status.name.lower()}")
        if parsed.signature_algorithm_oid != SignatureAlgorithmOID.ECDSA_WITH_SHA384:
            raise _unusable("a response that is not signed with ECDSA and SHA-384")
        if any(extension.critical for extension in parsed.extensions):
            raise _unusable("a critical extension that this verifier does not know")
        return OcspResponse(
            sha256=sha256(der),
            signed=parsed.tbs_response_bytes,
            signature=parsed.signature,
            produced_at=parsed.produced_at_utc,
            responder_key=parsed.responder_key_hash,
            responder_name=parsed.responder_name,
            certificates=_certificates(parsed),
            statements=_statements(parsed),
        )
    except _UNREADABLE as error:
        raise _unusable("not one well-formed OCSP response") from error


def prove_ocsp(response: OcspResponse, issuer: Certificate, caches: Caches) -> Words | str:
    """What the issuer or its responder validly says of the issuer's certificates, or why nothing.

    Empty when the response speaks of another issuer's certificates only.
    """
    memory = caches.of(PROVEN)
    key = (response.sha256, issuer.sha256)
    known = memory.get(key)
    if known is not None:
        return known
    words: dict[int, tuple[Statement, ...]] = {}
    for identifier, statement in response.statements:
        if _names(identifier, issuer):
            words[identifier.serial] = (*words.get(identifier.serial, ()), statement)
    if not words:
        return {}
    responder = _responder(response, issuer, caches)
    if isinstance(responder, str):
        return responder
    try:
        responder.key.verify(response.signature, response.signed, ECDSA_SHA384)
    except InvalidSignature:
        return "the response is not signed by its responder"
    return memory.put(key, MappingProxyType(words))


def _responder(response: OcspResponse, issuer: Certificate, caches: Caches) -> Certificate | str:
    """The certificate that may sign for the issuer (RFC 6960, section 4.2.2.2), or why none."""
    if _is(response, issuer):
        return issuer
    for der in response.certificates:
        try:
            candidate = load_certificate(der, caches)
        except LotaError:
            continue
        if not _is(response, candidate):
            continue
        if verify_link(candidate, issuer, caches) is not None:
            return "the responder is not certified by the certificate's issuer"
        if not _signs_ocsp(candidate):
            return "the responder is not certified to sign OCSP responses"
        if not candidate.valid_at(response.produced_at):
            return "the responder's certificate was not valid when the response was made"
        return candidate
    return "the response carries no certificate of its responder"


def _is(response: OcspResponse, candidate: Certificate) -> bool:
    if response.responder_key is not None:
        return response.responder_key == sha1(_key_bits(candidate)).digest()  # noqa: S324
    return response.responder_name == candidate.subject


def _signs_ocsp(candidate: Certificate) -> bool:
    return any(
        isinstance(extension.value, x509.ExtendedKeyUsage)
        and ExtendedKeyUsageOID.OCSP_SIGNING in extension.value
        for extension in candidate.extensions
    )


def _names(identifier: CertificateId, issuer: Certificate) -> bool:
    name = new(identifier.hash, issuer.subject.public_bytes(), usedforsecurity=False)
    key = new(identifier.hash, _key_bits(issuer), usedforsecurity=False)
    return identifier.issuer_name == name.digest() and identifier.issuer_key == key.digest()


def _key_bits(certificate: Certificate) -> bytes:
    """What RFC 6960 hashes of a key: the BIT STRING's content, for P-384 the uncompressed point."""
    return certificate.key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _certificates(parsed: ocsp.OCSPResponse) -> tuple[bytes, ...]:
    if len(parsed.certificates) > MAX_CERTIFICATES:
        raise _unusable(f"more than {MAX_CERTIFICATES} certificates")
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in parsed.certificates)


def _statements(parsed: ocsp.OCSPResponse) -> tuple[tuple[CertificateId, Statement], ...]:
    statements: list[tuple[CertificateId, Statement]] = []
    for single in parsed.responses:
        if len(statements) == MAX_SINGLE_RESPONSES:
            raise _unusable(f"more than {MAX_SINGLE_RESPONSES} single responses")
        algorithm = single.hash_algorithm.name
        if algorithm not in _HASHES:
            raise _unusable("a CertID hash other than SHA-384, SHA-256 or SHA-1")
        identifier = CertificateId(
            algorithm, single.issuer_name_hash, single.issuer_key_hash, single.serial_number
        )
        statement = Statement(
            _standing(single), "ocsp", single.this_update_utc, single.next_update_utc
        )
        statements.append((identifier, statement))
    return tuple(statements)


def _standing(single: ocsp.OCSPSingleResponse) -> Standing:
    match single.certificate_status:
        case ocsp.OCSPCertStatus.GOOD:
            return Standing.GOOD
        case ocsp.OCSPCertStatus.UNKNOWN:
            return Standing.UNKNOWN
        case ocsp.OCSPCertStatus.REVOKED:
            hold = single.revocation_reason is x509.ReasonFlags.certificate_hold
            return Standing.HOLD if hold else Standing.REVOKED


def _unusable(reason: str) -> LotaError:
    return refuse("NV-REV-INVALID", expected="a signed OCSP response", measured=reason)

"""Revocation data as NVIDIA's responders give it: OCSP responses of delegated responders, and CRLs.

RFC 6960 with a SHA-384 CertID, the responder named by the SHA-1 of its key, one answer a response,
valid for a day, no extensions; RFC 5280 for CRLs, which live for weeks.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from hashlib import sha1, sha384

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from lotabots.simulator import der
from lotabots.simulator.authorities import SEED
from lotabots.simulator.certificates import (
    ORGANIZATION,
    Authority,
    Extensions,
    Validity,
    day_of,
    key_ids,
    name,
    usage,
)
from lotabots.simulator.seeds import ECDSA, private_key, serial_number

OCSP_LIFETIME = timedelta(days=1)
CRL_LIFETIME = timedelta(days=60)
_RESPONDER_LIFETIME = timedelta(days=1095)

_BASIC_RESPONSE = der.oid("1.3.6.1.5.5.7.48.1.1")
_SHA384 = der.sequence(der.oid("2.16.840.1.101.3.4.2.2"), der.tlv(der.NULL))
_ECDSA_SHA384 = der.sequence(der.oid("1.2.840.10045.4.3.3"))
# Device-side responders carry id-pkix-ocsp-nocheck as a key purpose, not as an extension.
_NO_CHECK = x509.ObjectIdentifier("1.3.6.1.5.5.7.48.1.5")


class Status(StrEnum):
    """What a responder says of a certificate."""

    GOOD = "good"
    REVOKED = "revoked"
    HOLD = "hold"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Subject:
    """A certificate whose standing is asked for, and who issued it."""

    certificate: x509.Certificate
    issuer: Authority


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One OCSP response before it is signed."""

    subject: Subject
    this_update: datetime
    status: Status = Status.GOOD
    lifetime: timedelta = OCSP_LIFETIME
    serial: int | None = None
    """Another serial number than the subject's."""
    responder: Authority | None = None
    """Another responder than the issuer's."""


def ocsp_response(answer: Answer) -> bytes:
    """The signed response, DER."""
    return response_of(*ocsp_parts(answer))


def ocsp_parts(answer: Answer) -> tuple[bytes, bytes, x509.Certificate]:
    """What is signed, the signature, and the responder's certificate."""
    responder = answer.responder or responder_of(answer.subject.issuer, day_of(answer.this_update))
    signed = _response_data(answer, responder)
    return signed, responder.key.sign(signed, ECDSA), responder.certificate


def response_of(signed: bytes, signature: bytes, certificate: x509.Certificate) -> bytes:
    """An OCSPResponse that says `successful`, around these parts (RFC 6960, section 4.2.1)."""
    basic = der.sequence(
        signed,
        _ECDSA_SHA384,
        der.bits(signature),
        der.explicit(0, der.sequence(certificate.public_bytes(Encoding.DER))),
    )
    return der.sequence(
        der.tlv(der.ENUMERATED, b"\x00"),
        der.explicit(0, der.sequence(_BASIC_RESPONSE, der.octets(basic))),
    )


def _response_data(answer: Answer, responder: Authority) -> bytes:
    this_update = der.generalized_time(answer.this_update)
    next_update = der.generalized_time(answer.this_update + answer.lifetime)
    single = der.sequence(
        _certificate_id(answer),
        _certificate_status(answer),
        this_update,
        der.explicit(0, next_update),
    )
    key_hash = sha1(_key_bits(responder), usedforsecurity=False).digest()
    return der.sequence(
        der.explicit(2, der.octets(key_hash)),
        this_update,
        der.sequence(single),
    )


def _certificate_id(answer: Answer) -> bytes:
    certificate, issuer = answer.subject.certificate, answer.subject.issuer
    serial = certificate.serial_number if answer.serial is None else answer.serial
    return der.sequence(
        _SHA384,
        der.octets(sha384(issuer.certificate.subject.public_bytes()).digest()),
        der.octets(sha384(_key_bits(issuer)).digest()),
        der.integer(serial),
    )


def _certificate_status(answer: Answer) -> bytes:
    since = der.generalized_time(answer.this_update - timedelta(days=1))
    match answer.status:
        case Status.GOOD:
            return der.implicit(0, b"")
        case Status.REVOKED:
            reason = der.tlv(der.ENUMERATED, b"\x01")  # keyCompromise
            return der.explicit(1, since, der.explicit(0, reason))
        case Status.HOLD:
            reason = der.tlv(der.ENUMERATED, b"\x06")  # certificateHold
            return der.explicit(1, since, der.explicit(0, reason))
        case Status.UNKNOWN:
            return der.implicit(2, b"")


def _key_bits(authority: Authority) -> bytes:
    """The public key as a responder hashes it: the point, without the DER around it."""
    return authority.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@lru_cache(maxsize=512)
def responder_of(issuer: Authority, day: datetime, *, signs_ocsp: bool = True) -> Authority:
    """The responder that an issuer delegates to, certified around that day.

    One that may not sign OCSP is certified for nothing but data.
    """
    label = f"responder/{issuer.name}"
    key = private_key(SEED, label)
    purposes = (
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING, _NO_CHECK])
        if signs_ocsp
        else x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
    )
    extensions: Extensions = (
        (x509.BasicConstraints(ca=False, path_length=None), False),
        (usage(sign_data=True), True),
        (purposes, True),
        *key_ids(key.public_key(), issuer.key.public_key()),
    )
    certificate = issuer.issue(
        name(
            CN=f"LotaBots Simulated OCSP of{issuer.name.removeprefix('LotaBots Simulated')}",
            O=ORGANIZATION,
            C="US",
        ),
        key.public_key(),
        serial_number(SEED, label),
        _around(day),
        extensions,
    )
    return Authority(certificate, key)


def _around(day: datetime) -> Validity:
    return day - _RESPONDER_LIFETIME / 3, day + _RESPONDER_LIFETIME * 2 / 3


def crl(
    issuer: Authority,
    this_update: datetime,
    revoked: tuple[tuple[int, Status], ...] = (),
    *,
    signed_by: Authority | None = None,
) -> bytes:
    """A CRL of this issuer, DER: `revoked` are serial numbers and why."""
    draft = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(this_update)
        .next_update(this_update + CRL_LIFETIME)
        .add_extension(x509.CRLNumber(int(this_update.timestamp())), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()),
            critical=False,
        )
    )
    for serial, status in revoked:
        flag = x509.ReasonFlags.key_compromise
        if status is Status.HOLD:
            flag = x509.ReasonFlags.certificate_hold
        entry = x509.RevokedCertificateBuilder().serial_number(serial)
        entry = entry.revocation_date(this_update).add_extension(
            x509.CRLReason(flag), critical=False
        )
        draft = draft.add_revoked_certificate(entry.build())
    signer = signed_by or issuer
    return draft.sign(signer.key, SHA384(), ecdsa_deterministic=True).public_bytes(Encoding.DER)

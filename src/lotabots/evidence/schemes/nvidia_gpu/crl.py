"""Certificate revocation lists as supplied data (RFC 5280, section 5): one issuer's full list.

A list says of every certificate of its issuer whether it is revoked, so absence means good. That
holds only for a full, direct list without scope: delta, indirect and partitioned lists are refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import SignatureAlgorithmOID

from lotabots.evidence import Caches, Slot
from lotabots.evidence.schemes.nvidia_gpu.certs import Certificate
from lotabots.evidence.schemes.nvidia_gpu.codes import refuse
from lotabots.evidence.schemes.nvidia_gpu.signature import ECDSA_SHA384
from lotabots.evidence.schemes.nvidia_gpu.standing import Standing, Statement
from lotabots.kernel import LotaError, sha256

MAX_ENTRIES = 32_768
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, UserWarning, x509.DuplicateExtension)

Revoked: TypeAlias = Mapping[int, Standing]


@dataclass(frozen=True, slots=True, eq=False)
class Crl:
    """One parsed list. Parsed is not trusted."""

    parsed: x509.CertificateRevocationList
    sha256: bytes
    issuer: bytes
    """DER of the issuer's name."""
    authority_key_id: bytes | None
    this_update: datetime
    next_update: datetime | None


PROVEN: Slot[tuple[bytes, bytes], Revoked] = Slot("nvidia_gpu.crls", 1_024)
"""Proven: (SHA-256 of list, SHA-256 of issuer) -> serial numbers that are revoked or on hold."""


def read_crl(der: bytes) -> Crl:
    """The list in this DER, to its last byte. Raises NV-REV-INVALID."""
    try:
        parsed = x509.load_der_x509_crl(der)
        authority_key_id = None
        for extension in parsed.extensions:
            if isinstance(extension.value, x509.AuthorityKeyIdentifier):
                authority_key_id = extension.value.key_identifier
            elif not _keeps_scope(extension):
                raise _unusable("a list with a scope or extension that this verifier does not know")
        if parsed.signature_algorithm_oid != SignatureAlgorithmOID.ECDSA_WITH_SHA384:
            raise _unusable("a list that is not signed with ECDSA and SHA-384")
        if len(parsed) > MAX_ENTRIES:
            raise _unusable(f"more than {MAX_ENTRIES} entries")
        return Crl(
            parsed=parsed,
            sha256=sha256(der),
            issuer=parsed.issuer.public_bytes(),
            authority_key_id=authority_key_id,
            this_update=parsed.last_update_utc,
            next_update=parsed.next_update_utc,
        )
    except _UNREADABLE as error:
        raise _unusable("not one well-formed certificate revocation list") from error


def is_of(crl: Crl, issuer: Certificate) -> bool:
    """Whether the list, found under the issuer's name, is for the issuer's key."""
    return crl.authority_key_id is None or crl.authority_key_id == issuer.subject_key_id


def prove_crl(crl: Crl, issuer: Certificate, caches: Caches) -> Revoked | str:
    """The serial numbers that the issuer revoked; or why the list is worth nothing."""
    memory = caches.of(PROVEN)
    key = (crl.sha256, issuer.sha256)
    revoked = memory.get(key)
    if revoked is not None:
        return revoked
    if not _signs_lists(issuer):
        return "the issuer is not certified to sign revocation lists"
    try:
        issuer.key.verify(crl.parsed.signature, crl.parsed.tbs_certlist_bytes, ECDSA_SHA384)
    except InvalidSignature:
        return "the list is not signed by the certificate's issuer"
    try:
        entries = _entries(crl.parsed)
    except (LotaError, *_UNREADABLE):
        return "the list has an entry that this verifier does not know how to read"
    return memory.put(key, MappingProxyType(entries))


def statement_of(crl: Crl, revoked: Revoked, serial: int) -> Statement:
    """What a proven list says of the certificate of its issuer with this serial number."""
    return Statement(revoked.get(serial, Standing.GOOD), "crl", crl.this_update, crl.next_update)


def _keeps_scope(extension: x509.Extension[x509.ExtensionType]) -> bool:
    """Whether the list still speaks of every certificate of its issuer (RFC 5280, section 5.2)."""
    value = extension.value
    if isinstance(value, x509.IssuingDistributionPoint):
        return not (
            value.only_contains_user_certs
            or value.only_contains_ca_certs
            or value.only_contains_attribute_certs
            or value.indirect_crl
            or value.only_some_reasons
        )
    return not extension.critical and not isinstance(value, x509.DeltaCRLIndicator)


def _signs_lists(issuer: Certificate) -> bool:
    return any(
        isinstance(extension.value, x509.KeyUsage) and extension.value.crl_sign
        for extension in issuer.extensions
    )


def _entries(parsed: x509.CertificateRevocationList) -> dict[int, Standing]:
    entries: dict[int, Standing] = {}
    for entry in parsed:
        standing = Standing.REVOKED
        for extension in entry.extensions:
            value = extension.value
            if isinstance(value, x509.CRLReason):
                standing = _standing(value.reason)
            elif extension.critical:
                raise _unusable("an entry with a critical extension")
        if entries.get(entry.serial_number) is not Standing.REVOKED:
            entries[entry.serial_number] = standing
    return entries


def _standing(reason: x509.ReasonFlags) -> Standing:
    if reason is x509.ReasonFlags.remove_from_crl:
        raise _unusable("removeFromCRL, which only a delta list may say")
    return Standing.HOLD if reason is x509.ReasonFlags.certificate_hold else Standing.REVOKED


def _unusable(reason: str) -> LotaError:
    return refuse("NV-REV-INVALID", expected="a full certificate revocation list", measured=reason)

"""Sigstore signatures checked without a network: identity, certificate, log, all at the log's time.

Steps, in the order of Sigstore's client specification: 1 the log's entries hold and give a time;
2 the certificate leads to an authority in use at that time; 3 a log of certificates has promised to
take it (RFC 6962, section 3.2); 4 it names the expected identity and issuer. RFC 3161 timestamps
are not read here: a signature whose time only they prove is inconclusive.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.certificate_transparency import SignedCertificateTimestamp

from lotabots.kernel import LotaError, format_time, sha256
from lotabots.models.bundle import Bundle, KeylessMaterial
from lotabots.models.chains import (
    Certificate,
    Path,
    certificate_signer,
    leaf_key,
    load_certificate,
    verify_path,
)
from lotabots.models.findings import Finding, finding
from lotabots.models.rekor import read_entry, verify_entry
from lotabots.models.signers import ModelKey, Signer
from lotabots.models.statement import as_finding
from lotabots.models.trusted_roots import TrustedLog, TrustedRoot

_ISSUER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_ISSUER_OLD = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
"""Fulcio's issuer, as a UTF8String in DER; and as bare bytes, deprecated."""


class Identity(msgspec.Struct, frozen=True):
    """Whom a signature is expected of: an e-mail address or a URI, and who vouches for it."""

    identity: str
    issuer: str


class SigstoreTrust(msgspec.Struct, frozen=True, eq=False):
    """What Sigstore signatures are checked against."""

    root: TrustedRoot
    identities: tuple[Identity, ...]


class Keyless(msgspec.Struct, frozen=True, eq=False):
    """Who signed and with which key, if that could be read; and everything that is wrong."""

    signer: Signer | None
    key: ModelKey | None
    findings: tuple[Finding, ...]


def verify_keyless(bundle: Bundle, material: KeylessMaterial, trust: SigstoreTrust) -> Keyless:
    """Whether certificate, log and identity hold; the signature itself is not checked."""
    try:
        certificates = [load_certificate(der) for der in material.certificates]
        entries = [read_entry(entry) for entry in material.entries]
    except LotaError as error:
        unread = as_finding(error) if "-" in error.code else finding("CHAIN-PARSE")
        return Keyless(None, None, (unread,))
    leaf = certificates[0]
    key = leaf_key(leaf)
    if not entries:
        return Keyless(None, key, (finding("SIGSTORE-TLOG-MISSING", expected="an entry of a log"),))
    pem = leaf.parsed.public_bytes(Encoding.PEM)
    signature = bundle.signatures[0]
    logged = [
        verify_entry(entry, trust.root.logs, bundle.payload, signature, pem) for entry in entries
    ]
    found = [one for entry in logged for one in entry.findings]
    at = next((entry.at for entry in logged if entry.at is not None), None)
    if at is None:
        found.append(finding("SIGSTORE-TIME", expected="a time that the log has signed"))
        return Keyless(None, key, tuple(found))
    path = _path(certificates, trust.root, at)
    found.extend(path.findings)
    found.extend(_promise_findings(path, trust.root.certificate_logs))
    found.extend(_identity_findings(leaf, trust.identities))
    signer = _signer(path, key, leaf, at) if key is not None else None
    return Keyless(signer, key, tuple(found))


def _path(certificates: Sequence[Certificate], root: TrustedRoot, at: datetime) -> Path:
    in_use = [authority for authority in root.authorities if authority.period.holds(at)]
    given = [*certificates, *(one for authority in in_use for one in authority.certificates[:-1])]
    anchors = [authority.certificates[-1] for authority in in_use]
    return verify_path(given, anchors, at)


def _promise_findings(path: Path, logs: Sequence[TrustedLog]) -> tuple[Finding, ...]:
    """Nothing where a log of certificates promised to take the leaf, or where the root has none."""
    leaf = path.certificates[0].parsed
    if not logs or len(path.certificates) < 2:
        return ()
    held = [e.value for e in leaf.extensions if isinstance(e.value, _Promises)]
    promises = list(held[0]) if held else []
    issuer = path.certificates[1].parsed.public_key()
    spki = issuer.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for promise in promises[:8]:
        log = next((one for one in logs if one.id == promise.log_id), None)
        moment = promise.timestamp.replace(tzinfo=UTC)
        if log is None or not log.period.holds(moment):
            continue
        signed = _promised(promise, moment, sha256(spki), leaf.tbs_precertificate_bytes)
        if log.key.signed(signed, promise.signature):
            return ()
    return (finding("SIGSTORE-SCT", expected="a promise of a trusted log of certificates"),)


_Promises = x509.PrecertificateSignedCertificateTimestamps


def _promised(
    promise: SignedCertificateTimestamp, moment: datetime, issuer: bytes, certificate: bytes
) -> bytes:
    """What a log of certificates signs (RFC 6962, section 3.2), of a precertificate."""
    milliseconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // _MILLISECOND
    head = b"\x00\x00" + milliseconds.to_bytes(8, "big") + b"\x00\x01" + issuer
    extensions = promise.extension_bytes
    body = len(certificate).to_bytes(3, "big") + certificate
    return head + body + len(extensions).to_bytes(2, "big") + extensions


_MILLISECOND = timedelta(milliseconds=1)


def _identity_findings(leaf: Certificate, expected: Sequence[Identity]) -> tuple[Finding, ...]:
    names, issuers = _names(leaf), _issuers(leaf)
    if any({one.identity} <= names and issuers == {one.issuer} for one in expected):
        return ()
    wanted = " or ".join(f"{one.identity} by {one.issuer}" for one in expected) or "nobody"
    measured = f"{', '.join(sorted(names))} by {', '.join(sorted(issuers))}"
    return (finding("SIGSTORE-IDENTITY", expected=wanted, measured=measured),)


def _names(leaf: Certificate) -> set[str]:
    for extension in leaf.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            kinds = x509.RFC822Name | x509.UniformResourceIdentifier
            return {name.value for name in extension.value if isinstance(name, kinds)}
    return set()


def _issuers(leaf: Certificate) -> set[str]:
    """Every issuer that the certificate names; both extensions must agree."""
    found = set()
    for extension in leaf.extensions:
        value = extension.value
        if isinstance(value, x509.UnrecognizedExtension):
            if value.oid == _ISSUER_OLD:
                found.add(value.value.decode("utf-8", "replace"))
            elif value.oid == _ISSUER:
                # UTF8String with a short length: tag 0x0c, one byte of length.
                whole = value.value[:2] == bytes((0x0C, len(value.value) - 2 & 0x7F))
                found.add(value.value[2:].decode("utf-8", "replace") if whole else "(malformed)")
    return found


def _signer(path: Path, key: ModelKey, leaf: Certificate, at: datetime) -> Signer:
    return msgspec.structs.replace(
        certificate_signer(path, key),
        kind="sigstore",
        id=", ".join(sorted(_names(leaf))),
        issuer=", ".join(sorted(_issuers(leaf))),
        signed_at=format_time(at),
    )

"""X.509 chains of those who sign models: from a leaf to a certificate that is trusted here.

Sources: RFC 5280, section 6; OpenSSF Model Signing v1.0, section 4.1. The library's own path
verification is not used: it refuses leaves that say CA:TRUE without the right to sign certificates,
which the published test certificates are, and chains that end at a trusted intermediate.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from lotabots.kernel import LotaError, format_time, invalid, sha256_hex
from lotabots.models.findings import Finding, finding
from lotabots.models.signers import ModelKey, Signer

_T = TypeVar("_T", bound=x509.ExtensionType)

MAX_CERTIFICATE = 16 * 1024
MAX_PEM = 1024 * 1024
MAX_LENGTH = 6
"""Certificates between the leaf and the one that is trusted."""
MIN_RSA_BITS = 2048

_HASHES = frozenset(("sha256", "sha384", "sha512"))
_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    UserWarning,  # the library warns of encodings that it means to refuse one day
)
_UNDERSTOOD = frozenset(
    (
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    )
)
_CODE_SIGNING = frozenset(
    (ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
)


class Certificate(msgspec.Struct, frozen=True, eq=False):
    """One parsed certificate. Parsed is not trusted."""

    parsed: x509.Certificate
    extensions: x509.Extensions
    sha256: str
    name: str
    """The subject as RFC 4514 writes it, cut."""
    ca: bool | None
    path_length: int | None
    usage: x509.KeyUsage | None
    purposes: frozenset[x509.ObjectIdentifier] | None

    @property
    def der(self) -> bytes:
        """The certificate as it is signed and sent."""
        return self.parsed.public_bytes(Encoding.DER)

    @property
    def signs_certificates(self) -> bool:
        """Whether it may issue others: CA, and keyCertSign where its usage is told."""
        return bool(self.ca) and (self.usage is None or self.usage.key_cert_sign)

    @property
    def validity(self) -> str:
        """From when to when."""
        start, end = self.parsed.not_valid_before_utc, self.parsed.not_valid_after_utc
        return f"{format_time(start)} to {format_time(end)}"


class Path(msgspec.Struct, frozen=True):
    """A chain, leaf first, the trusted certificate last; and everything that is wrong with it."""

    certificates: tuple[Certificate, ...]
    findings: tuple[Finding, ...]


def load_certificate(der: bytes) -> Certificate:
    """The certificate in this DER. Raises `MODEL_CERTIFICATE`."""
    if len(der) > MAX_CERTIFICATE:
        raise _unreadable(f"it is longer than {MAX_CERTIFICATE} bytes")
    try:
        parsed = x509.load_der_x509_certificate(der)
        extensions = parsed.extensions
        # What is read only when it is asked for is asked for here, where errors are expected.
        name = parsed.subject.rfc4514_string()
        _ = (parsed.issuer, parsed.not_valid_before_utc, parsed.not_valid_after_utc)
        parsed.public_key()
        _ = parsed.signature_hash_algorithm
    except _UNREADABLE as error:
        raise _unreadable(type(error).__name__) from error
    basic = _value(extensions, x509.BasicConstraints)
    purposes = _value(extensions, x509.ExtendedKeyUsage)
    return Certificate(
        parsed=parsed,
        extensions=extensions,
        sha256=sha256_hex(der),
        name=name[:1000] or "(no subject)",
        ca=basic.ca if basic else None,
        path_length=basic.path_length if basic else None,
        usage=_value(extensions, x509.KeyUsage),
        purposes=frozenset(purposes) if purposes else None,
    )


def load_certificates(pem: bytes) -> tuple[Certificate, ...]:
    """The certificates of a PEM text, in order. Raises `MODEL_CERTIFICATE`."""
    if len(pem) > MAX_PEM:
        raise _unreadable(f"the text is longer than {MAX_PEM} bytes")
    try:
        parsed = x509.load_pem_x509_certificates(pem)
    except _UNREADABLE as error:
        raise _unreadable(type(error).__name__) from error
    return tuple(load_certificate(one.public_bytes(Encoding.DER)) for one in parsed)


def verify_path(given: Sequence[Certificate], anchors: Sequence[Certificate], at: datetime) -> Path:
    """The path from the first of these to an anchor, with every finding; `at` is when it must hold.

    Of several paths the first without findings is taken, else the first. Where no path leads to an
    anchor it is the leaf alone, with CHAIN-UNTRUSTED.
    """
    leaf = given[0]
    of_leaf = _leaf_findings(leaf, at)
    best: Path | None = None
    for path in _paths((leaf,), given[1:], anchors, [64]):
        found = of_leaf + _issuer_findings(path[1:], at)
        if best is None or len(found) < len(best.findings):
            best = Path(path, found)
        if found == of_leaf:
            break
    if best is not None:
        return best
    expected = ", ".join(anchor.name for anchor in anchors[:4])
    untrusted = finding("CHAIN-UNTRUSTED", expected=expected, measured=_issuer_name(leaf))
    return Path((leaf,), (*of_leaf, untrusted))


def _paths(
    path: tuple[Certificate, ...],
    given: Sequence[Certificate],
    anchors: Sequence[Certificate],
    budget: list[int],
) -> Iterator[tuple[Certificate, ...]]:
    """Every path upwards whose signatures hold; `budget` is how many may still be checked."""
    last = path[-1]
    if any(last.sha256 == anchor.sha256 for anchor in anchors):
        yield path
        return
    if len(path) > MAX_LENGTH + 1:
        return
    for issuer in (*anchors, *given):
        if any(issuer.sha256 == one.sha256 for one in path) or not _names(issuer, last):
            continue
        if budget[0] == 0:
            return
        budget[0] -= 1
        if _issued(last, issuer):
            yield from _paths((*path, issuer), given, anchors, budget)


def _names(issuer: Certificate, child: Certificate) -> bool:
    """Whether the child says that this issued it; key ids are compared where both give one."""
    if issuer.parsed.subject != child.parsed.issuer:
        return False
    own = _value(issuer.extensions, x509.SubjectKeyIdentifier)
    named = _value(child.extensions, x509.AuthorityKeyIdentifier)
    if own is None or named is None or named.key_identifier is None:
        return True
    return own.digest == named.key_identifier


def _issued(child: Certificate, issuer: Certificate) -> bool:
    try:
        child.parsed.verify_directly_issued_by(issuer.parsed)
    except (*_UNREADABLE, InvalidSignature):
        return False
    return True


def _leaf_findings(leaf: Certificate, at: datetime) -> tuple[Finding, ...]:
    found = [*_any_findings(leaf, at)]
    if not isinstance(leaf.parsed.public_key(), EllipticCurvePublicKey):
        found.append(_about(leaf, "CHAIN-ALGORITHM", "a leaf with an EC key", "another key"))
    # A leaf that may issue certificates may make others of its name: it is refused as a leaf.
    if leaf.ca and (leaf.usage is None or leaf.usage.key_cert_sign):
        found.append(_about(leaf, "CHAIN-LEAF", "a leaf that signs data only", "keyCertSign"))
    signs = leaf.usage is not None and leaf.usage.digital_signature
    codes = leaf.purposes is not None and bool(leaf.purposes & _CODE_SIGNING)
    if (leaf.usage is not None and not signs) or (leaf.purposes is not None and not codes):
        found.append(_about(leaf, "CHAIN-USAGE", "digitalSignature, codeSigning", "another use"))
    elif not (signs or codes):
        found.append(_about(leaf, "CHAIN-USAGE", "digitalSignature or codeSigning", "no use told"))
    return tuple(found)


def _issuer_findings(issuers: Sequence[Certificate], at: datetime) -> tuple[Finding, ...]:
    found: list[Finding] = []
    for below, issuer in enumerate(issuers):
        found.extend(_any_findings(issuer, at))
        if not issuer.signs_certificates:
            found.append(_about(issuer, "CHAIN-CA", "CA:TRUE and keyCertSign", "not both"))
        if issuer.path_length is not None and below > issuer.path_length:
            limit = f"at most {issuer.path_length} below it"
            found.append(_about(issuer, "CHAIN-CA", limit, f"{below}"))
    return tuple(found)


def _any_findings(one: Certificate, at: datetime) -> Iterator[Finding]:
    if not one.parsed.not_valid_before_utc <= at <= one.parsed.not_valid_after_utc:
        yield _about(one, "CHAIN-TIME", f"valid at {format_time(at)}", one.validity)
    algorithm = one.parsed.signature_hash_algorithm
    if algorithm is not None and algorithm.name not in _HASHES:
        yield _about(one, "CHAIN-ALGORITHM", "SHA-256 or longer", algorithm.name)
    key = one.parsed.public_key()
    if isinstance(key, RSAPublicKey) and key.key_size < MIN_RSA_BITS:
        yield _about(one, "CHAIN-ALGORITHM", f"RSA of {MIN_RSA_BITS} bits", f"{key.key_size}")
    unknown = [
        e.oid.dotted_string for e in one.extensions if e.critical and e.oid not in _UNDERSTOOD
    ]
    if unknown:
        yield _about(one, "CHAIN-EXTENSION", "critical ones known here", ", ".join(unknown[:4]))


def leaf_key(leaf: Certificate) -> ModelKey | None:
    """The leaf's key, if it is one that signs models."""
    key = leaf.parsed.public_key()
    try:
        return ModelKey(key) if isinstance(key, EllipticCurvePublicKey) else None
    except LotaError:
        return None


def certificate_signer(path: Path, key: ModelKey) -> Signer:
    """The signer whom this chain names."""
    leaf = path.certificates[0]
    return Signer(
        kind="certificate",
        id=leaf.name,
        key_sha256=key.fingerprint,
        certificate_sha256=leaf.sha256,
        root_sha256=path.certificates[-1].sha256,
        issuer=_issuer_name(leaf),
        not_before=format_time(leaf.parsed.not_valid_before_utc),
        not_after=format_time(leaf.parsed.not_valid_after_utc),
    )


def _issuer_name(one: Certificate) -> str:
    return one.parsed.issuer.rfc4514_string()[:200]


def _about(one: Certificate, code: str, expected: str, measured: str) -> Finding:
    return finding(code, expected=expected, measured=f"{one.name[:80]}: {measured}")


def _value(extensions: x509.Extensions, kind: type[_T]) -> _T | None:
    return next((e.value for e in extensions if isinstance(e.value, kind)), None)


def _unreadable(why: str) -> LotaError:
    return invalid("MODEL_CERTIFICATE", f"This is no X.509 certificate as used here: {why}.")

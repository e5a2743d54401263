"""X.509 certificates of endorsement keys and of those who issue them, parsed within limits.

RFC 5280 and the TCG EK Credential Profile 2.5: the subject may be empty and the subjectAltName
critical, the key is RSA or EC, and extendedKeyUsage names tcg-kp-EKCertificate. Makers sign with
RSA or ECDSA; SHA-1 is refused.
"""

import base64
import binascii
from datetime import datetime

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtensionOID, NameOID

from lotabots.evidence.schemes.tpm.codes import refuse
from lotabots.evidence.schemes.tpm.public import Key
from lotabots.kernel import LotaError, sha256

MAX_CERTIFICATE = 8_192
MAX_PEM = 64 * 1_024
MAX_CERTIFICATES = 8

EK_CERTIFICATE = x509.ObjectIdentifier("2.23.133.8.1")
"""tcg-kp-EKCertificate."""

_BEGIN = b"-----BEGIN CERTIFICATE-----"
_END = b"-----END CERTIFICATE-----"
_CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})
_HASHES = frozenset({"sha256", "sha384", "sha512"})
_MAX_RSA_BITS = 8_192
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
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        # Any policy will do (RFC 5280, section 6.1.1 c), so there is nothing to hold against it.
        ExtensionOID.CERTIFICATE_POLICIES,
    }
)


class Certificate(msgspec.Struct, frozen=True, eq=False):
    """One parsed certificate. Parsed is not trusted."""

    parsed: x509.Certificate
    sha256: bytes
    """SHA-256 of the DER."""
    subject: x509.Name
    issuer: x509.Name
    name: str
    """The subject's common name, or empty."""
    issued_by: str
    """The issuer for a message, cut: an attacker may have written it."""
    spki_sha256: bytes
    not_before: datetime
    not_after: datetime
    signs_certificates: bool
    """It is a CA's, and its key may sign certificates."""
    path_length: int | None
    for_endorsement_key: bool
    """Its key is an endorsement key's: it protects other keys, and signs nothing."""
    subject_key_id: bytes | None
    authority_key_id: bytes | None

    def may_have_issued(self, child: "Certificate") -> bool:
        """Whether the names fit; nothing is proven by it."""
        named = child.authority_key_id is None or self.subject_key_id is None
        return (
            self.signs_certificates
            and self.subject == child.issuer
            and (named or child.authority_key_id == self.subject_key_id)
        )

    def has_signed(self, child: "Certificate") -> bool:
        """Whether this certificate's key signed the other."""
        try:
            child.parsed.verify_directly_issued_by(self.parsed)
        except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
            return False
        return True


def read_certificates(text: bytes) -> tuple[Certificate, ...]:
    """The certificates of a PEM text, in order: certificates and white space, nothing else.

    LotaError TPM-CHAIN-MALFORMED.
    """
    if len(text) > MAX_PEM:
        raise _malformed(f"at most {MAX_PEM} bytes", f"{len(text)} bytes")
    found: list[Certificate] = []
    rest = text.strip()
    while rest:
        end = rest.find(_END)
        if not rest.startswith(_BEGIN) or end < 0:
            raise _malformed("PEM blocks of type CERTIFICATE", f"other text after {len(found)}")
        if len(found) == MAX_CERTIFICATES:
            raise _malformed(f"at most {MAX_CERTIFICATES} certificates", "more")
        try:
            der = base64.b64decode(b"".join(rest[len(_BEGIN) : end].split()), validate=True)
        except binascii.Error as error:
            raise _malformed("base64", _short(error)) from error
        found.append(read_certificate(der))
        rest = rest[end + len(_END) :].lstrip()
    return tuple(found)


def read_certificate(der: bytes) -> Certificate:
    """The certificate in this DER. LotaError TPM-CHAIN-MALFORMED."""
    if len(der) > MAX_CERTIFICATE:
        raise _malformed(f"certificates of at most {MAX_CERTIFICATE} bytes", f"{len(der)} bytes")
    try:
        parsed = x509.load_der_x509_certificate(der)
        key, extensions = parsed.public_key(), parsed.extensions
        # Names are read only when asked for, so both are asked for here, where errors are expected.
        subject, issuer = parsed.subject, parsed.issuer
        names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        issued_by = issuer.rfc4514_string()[:120]
        digest = parsed.signature_hash_algorithm
        before, after = parsed.not_valid_before_utc, parsed.not_valid_after_utc
    except _UNREADABLE as error:
        raise _malformed("an X.509 certificate", _short(error)) from error
    if digest is None or digest.name not in _HASHES:
        raise _malformed("a signature with SHA-256, -384 or -512", str(digest and digest.name))
    unknown = [e.oid.dotted_string for e in extensions if e.critical and e.oid not in _UNDERSTOOD]
    if unknown:
        raise _malformed("no critical extension that is not known here", ", ".join(unknown))
    rights = _Rights(extensions)
    return Certificate(
        parsed=parsed,
        sha256=sha256(der),
        subject=subject,
        issuer=issuer,
        name=str(names[0].value) if len(names) == 1 else "",
        issued_by=issued_by,
        spki_sha256=sha256(
            _usable(key).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        ),
        not_before=before,
        not_after=after,
        signs_certificates=rights.ca and rights.signs_certificates,
        path_length=rights.path_length,
        for_endorsement_key=rights.endorsement and not (rights.ca or rights.signs_certificates),
        subject_key_id=rights.subject_key_id,
        authority_key_id=rights.authority_key_id,
    )


def _usable(key: object) -> Key:
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return key
    if isinstance(key, rsa.RSAPublicKey) and 2048 <= key.key_size <= _MAX_RSA_BITS:
        return key
    raise _malformed("an RSA key of 2048 bits or more, or one on P-256, P-384 or P-521", "another")


class _Rights:
    """What the extensions allow; an absent extension allows nothing."""

    def __init__(self, extensions: x509.Extensions) -> None:
        self.ca = False
        self.path_length: int | None = None
        self.signs_certificates = False
        self.endorsement = False
        self.subject_key_id: bytes | None = None
        self.authority_key_id: bytes | None = None
        for extension in extensions:
            value = extension.value
            if isinstance(value, x509.BasicConstraints):
                self.ca, self.path_length = value.ca, value.path_length
            elif isinstance(value, x509.KeyUsage):
                self.signs_certificates = value.key_cert_sign
            elif isinstance(value, x509.ExtendedKeyUsage):
                self.endorsement = EK_CERTIFICATE in value
            elif isinstance(value, x509.SubjectKeyIdentifier):
                self.subject_key_id = value.digest
            elif isinstance(value, x509.AuthorityKeyIdentifier):
                self.authority_key_id = value.key_identifier


def _malformed(expected: str, measured: str) -> LotaError:
    return refuse("TPM-CHAIN-MALFORMED", expected=expected, measured=measured)


def _short(error: Exception) -> str:
    """The library's reason, cut: it may quote what an attacker wrote."""
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__

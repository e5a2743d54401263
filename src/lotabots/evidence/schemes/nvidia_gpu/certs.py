"""X.509 certificates: parsed within limits, and a link between two of them proven once.

Formats: RFC 5280; every certificate of NVIDIA's device, RIM and OCSP chains is P-384, signed with
ECDSA and SHA-384, so nothing else is accepted.
"""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtensionOID, NameOID, SignatureAlgorithmOID

from lotabots.evidence import Anchor, Caches, Slot
from lotabots.evidence.schemes.nvidia_gpu.anchors import KNOWN_ROOTS
from lotabots.evidence.schemes.nvidia_gpu.codes import refuse
from lotabots.evidence.schemes.nvidia_gpu.signature import ECDSA_SHA384
from lotabots.kernel import sha256

MAX_CERTIFICATE = 4_096
MAX_PEM = 16_384
MAX_CERTIFICATES = 8

_BEGIN = b"-----BEGIN CERTIFICATE-----"
_END = b"-----END CERTIFICATE-----"
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
    }
)


class Certificate(msgspec.Struct, frozen=True, eq=False, dict=True):
    """One parsed certificate. Parsed is not trusted."""

    parsed: x509.Certificate
    extensions: x509.Extensions
    der: bytes
    sha256: bytes
    """SHA-256 of the DER."""
    key: ec.EllipticCurvePublicKey
    subject: x509.Name
    issuer: x509.Name
    name: str
    """The subject's common name, or empty."""
    not_before: datetime
    not_after: datetime
    ca: bool
    path_length: int | None
    signs_certificates: bool
    """keyUsage has keyCertSign."""
    signs_data: bool
    """keyUsage has digitalSignature."""
    subject_key_id: bytes | None
    authority_key_id: bytes | None

    @cached_property
    def spki_sha256(self) -> bytes:
        """SHA-256 of the SubjectPublicKeyInfo: by it a root is pinned, and any key revoked."""
        return sha256(self.key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    def valid_at(self, now: datetime) -> bool:
        """Whether `now` lies within its validity, both ends included."""
        return self.not_before <= now <= self.not_after


CERTIFICATES: Slot[bytes, Certificate] = Slot("nvidia_gpu.certificates", 16_384)
"""Parsed, not trusted: SHA-256 of the DER -> certificate."""

LINKS: Slot[tuple[bytes, bytes], bool] = Slot("nvidia_gpu.links", 32_768)
"""Proven: (SHA-256 of child, SHA-256 of issuer) whose names, rights and signature hold."""


def load_certificate(der: bytes, caches: Caches) -> Certificate:
    """The certificate in this DER. LotaError NV-CHAIN-PARSE, NV-CHAIN-ALGORITHM, NV-LIMIT-CHAIN."""
    if len(der) > MAX_CERTIFICATE:
        raise refuse(
            "NV-LIMIT-CHAIN",
            expected=f"certificates of at most {MAX_CERTIFICATE} bytes",
            measured=f"{len(der)} bytes",
        )
    digest = sha256(der)
    memory = caches.of(CERTIFICATES)
    return memory.get(digest) or memory.put(digest, _parse(der, digest))


def _parse(der: bytes, digest: bytes) -> Certificate:
    try:
        parsed = x509.load_der_x509_certificate(der)
        key = parsed.public_key()
        extensions = parsed.extensions
        # Names are read only when asked for, so both are asked for here, where errors are expected.
        subject, issuer = parsed.subject, parsed.issuer
        names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        before, after = parsed.not_valid_before_utc, parsed.not_valid_after_utc
    except _UNREADABLE as error:
        raise refuse(
            "NV-CHAIN-PARSE", expected="an X.509 certificate", measured=_short(error)
        ) from error
    if (
        not isinstance(key, ec.EllipticCurvePublicKey)
        or key.curve.name != "secp384r1"
        or parsed.signature_algorithm_oid != SignatureAlgorithmOID.ECDSA_WITH_SHA384
    ):
        raise refuse(
            "NV-CHAIN-ALGORITHM",
            expected="P-384, ecdsa-with-SHA384",
            measured=parsed.signature_algorithm_oid.dotted_string,
        )
    unknown = [e.oid.dotted_string for e in extensions if e.critical and e.oid not in _UNDERSTOOD]
    if unknown:
        raise refuse(
            "NV-CHAIN-PARSE",
            expected="no critical extension that this verifier does not know",
            measured=", ".join(unknown),
        )
    rights = _Rights(extensions)
    return Certificate(
        parsed=parsed,
        extensions=extensions,
        der=der,
        sha256=digest,
        key=key,
        subject=subject,
        issuer=issuer,
        name=str(names[0].value) if len(names) == 1 else "",
        not_before=before,
        not_after=after,
        ca=rights.ca,
        path_length=rights.path_length,
        signs_certificates=rights.signs_certificates,
        signs_data=rights.signs_data,
        subject_key_id=rights.subject_key_id,
        authority_key_id=rights.authority_key_id,
    )


class _Rights:
    """What the extensions allow; an absent extension allows nothing."""

    def __init__(self, extensions: x509.Extensions) -> None:
        self.ca = False
        self.path_length: int | None = None
        self.signs_certificates = False
        self.signs_data = False
        self.subject_key_id: bytes | None = None
        self.authority_key_id: bytes | None = None
        for extension in extensions:
            value = extension.value
            if isinstance(value, x509.BasicConstraints):
                self.ca, self.path_length = value.ca, value.path_length
            elif isinstance(value, x509.KeyUsage):
                self.signs_certificates = value.key_cert_sign
                self.signs_data = value.digital_signature
            elif isinstance(value, x509.SubjectKeyIdentifier):
                self.subject_key_id = value.digest
            elif isinstance(value, x509.AuthorityKeyIdentifier):
                self.authority_key_id = value.key_identifier


def load_pem(text: bytes, caches: Caches) -> tuple[Certificate, ...]:
    """The certificates of a PEM text, in order: certificates and white space, nothing else.

    Raises LotaError NV-CHAIN-PARSE, NV-CHAIN-ALGORITHM, NV-LIMIT-CHAIN.
    """
    if len(text) > MAX_PEM:
        raise refuse(
            "NV-LIMIT-CHAIN", expected=f"at most {MAX_PEM} bytes", measured=f"{len(text)} bytes"
        )
    found: list[Certificate] = []
    rest = text.strip()
    while rest:
        end = rest.find(_END)
        if not rest.startswith(_BEGIN) or end < 0:
            raise refuse(
                "NV-CHAIN-PARSE",
                expected="PEM blocks of type CERTIFICATE and nothing between them",
                measured=f"other text after certificate {len(found)}",
            )
        if len(found) == MAX_CERTIFICATES:
            raise refuse(
                "NV-LIMIT-CHAIN",
                expected=f"at most {MAX_CERTIFICATES} certificates",
                measured="more",
            )
        try:
            body = b"".join(rest[len(_BEGIN) : end].split())
            der = base64.b64decode(body, validate=True)
        except binascii.Error as error:
            raise refuse("NV-CHAIN-PARSE", expected="base64", measured=_short(error)) from error
        found.append(load_certificate(der, caches))
        rest = rest[end + len(_END) :].lstrip()
    return tuple(found)


def verify_link(child: Certificate, issuer: Certificate, caches: Caches) -> str | None:
    """None when `issuer` named, may sign and did sign `child`; else the NV-CHAIN-* code of why.

    Time and path length depend on more than these two and are checked apart; so a yes is cached.
    """
    link = (child.sha256, issuer.sha256)
    memory = caches.of(LINKS)
    if memory.get(link) or (child is issuer and child.sha256 in KNOWN_ROOTS):
        return None
    if (
        child.issuer != issuer.subject
        or child.authority_key_id is None
        or child.authority_key_id != issuer.subject_key_id
    ):
        return "NV-CHAIN-ISSUER"
    if not (issuer.ca and issuer.signs_certificates):
        return "NV-CHAIN-CA"
    try:
        issuer.key.verify(child.parsed.signature, child.parsed.tbs_certificate_bytes, ECDSA_SHA384)
    except InvalidSignature:
        return "NV-CHAIN-SIGNATURE"
    memory.put(link, True)
    return None


def verify_path(chain: Sequence[Certificate], caches: Caches) -> tuple[tuple[str, int], ...]:
    """Every (code, place of the child) that fails in a chain, leaf first, self-signed root last.

    Links, path lengths (RFC 5280, section 6.1.4, l and m), a leaf that signs data and nothing else.
    """
    failed: list[tuple[str, int]] = []
    leaf, root = chain[0], len(chain) - 1
    if leaf.ca or leaf.signs_certificates or not leaf.signs_data:
        failed.append(("NV-CHAIN-CA", 0))
    for place, child in enumerate(chain):
        code = verify_link(child, chain[min(place + 1, root)], caches)
        if code is not None:
            failed.append((code, place))
        if child.path_length is not None and place - 1 > child.path_length:
            failed.append(("NV-CHAIN-CA", place))
    return tuple(failed)


def anchor_of(root: Certificate, anchors: Sequence[Anchor]) -> Anchor | None:
    """The anchor with this root's key and name, or None: a name alone is never enough."""
    for anchor in anchors:
        if anchor.spki_sha256 == root.spki_sha256 and anchor.name == root.name:
            return anchor
    return None


def _short(error: Exception) -> str:
    """The library's reason, cut: it may quote what an attacker wrote."""
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__

"""Certificates, RIMs and OCSP responses made for one test run, genuine or forged at will."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import sha384

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from lxml import etree

from lotabots.evidence import Anchor
from lotabots.evidence.caches import Caches
from lotabots.evidence.schemes.nvidia_gpu.certs import Certificate, load_certificate

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
DS = "http://www.w3.org/2000/09/xmldsig#"
SWID = "http://standards.iso.org/iso/19770/-2/2015/schema.xsd"
SHA384_NAMES = "http://www.w3.org/2001/04/xmlenc#sha384"


@dataclass(frozen=True)
class Holder:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @cached_property
    def der(self) -> bytes:
        """The certificate in DER."""
        return self.certificate.public_bytes(Encoding.DER)

    def parsed(self, caches: Caches) -> Certificate:
        """The certificate as the verifier sees it."""
        return load_certificate(self.der, caches)


def issue(
    name: str,
    issuer: Holder | None = None,
    *,
    ca: bool = True,
    not_before: datetime = NOW - 100 * DAY,
    not_after: datetime = NOW + 9000 * DAY,
    purposes: Sequence[x509.ObjectIdentifier] = (),
    crl_sign: bool = True,
    serial: int | None = None,
) -> Holder:
    """A P-384 certificate of that common name; self-signed without an issuer."""
    key = ec.generate_private_key(ec.SECP384R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(_usage(ca=ca, crl_sign=crl_sign), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    return Holder(builder.sign(signer, SHA384()), key)


def _usage(*, ca: bool, crl_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca and crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def responder(issuer: Holder, **changes: object) -> Holder:
    """A delegated OCSP responder of that issuer."""
    options = {"ca": False, "purposes": [ExtendedKeyUsageOID.OCSP_SIGNING], **changes}
    return issue("responder", issuer, **options)  # type: ignore[arg-type]


def ocsp_response(
    child: Holder,
    issuer: Holder,
    signer: Holder,
    *,
    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
    reason: x509.ReasonFlags | None = None,
    this_update: datetime = NOW - DAY,
    next_update: datetime | None = NOW,
    certificates: Sequence[Holder] | None = None,
    hashed: HashAlgorithm | None = None,
    by_name: bool = False,
) -> bytes:
    """A response about `child` in DER.

    `cryptography` takes producedAt from the clock, so responders here are valid for years.
    """
    revoked = status is ocsp.OCSPCertStatus.REVOKED
    named = ocsp.OCSPResponderEncoding.NAME if by_name else ocsp.OCSPResponderEncoding.HASH
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=child.certificate,
            issuer=issuer.certificate,
            algorithm=hashed or SHA256(),
            cert_status=status,
            this_update=this_update,
            next_update=next_update,
            revocation_time=this_update if revoked else None,
            revocation_reason=reason,
        )
        .responder_id(named, signer.certificate)
    )
    sent = [signer] if certificates is None else certificates
    if sent:
        builder = builder.certificates([holder.certificate for holder in sent])
    return builder.sign(signer.key, SHA384()).public_bytes(Encoding.DER)


def resource(place: int, /, *values: bytes, active: bool | str = True, **changes: str) -> str:
    """One Resource element; `changes` overwrite attributes after they are right."""
    attributes = {
        "type": "Measurement",
        "index": str(place),
        "active": str(active),
        "alternatives": str(len(values)),
        **{f"h:Hash{number}": value.hex() for number, value in enumerate(values)},
        "name": f"Measurement_{place}",
        "size": "48",
        **changes,
    }
    written = " ".join(f'{name}="{value}"' for name, value in attributes.items() if value != "-")
    return f"<Resource {written}/>"


def tag(
    *resources: str, version: str = "550.90.07", product: str = "GH100", edition: str = "GPU"
) -> str:
    """A SWID tag without a signature."""
    return (
        f'<SoftwareIdentity xmlns="{SWID}" xmlns:h="{SHA384_NAMES}" name="{product}">'
        f'<Entity name="Test"/><Meta colloquialVersion="{version}" edition="{edition}" '
        f'product="{product}"/><Payload>{"".join(resources)}</Payload></SoftwareIdentity>'
    )


def sign_tag(unsigned: str, chain: Sequence[Holder], key: ec.EllipticCurvePrivateKey) -> bytes:
    """The tag with an enveloped signature of this key over it, as NVIDIA makes one."""
    root = etree.fromstring(unsigned)
    digest = sha384(etree.tostring(root, method="c14n")).digest()
    certificates = "".join(
        f"<ds:X509Certificate>{b64encode(holder.der).decode()}</ds:X509Certificate>"
        for holder in chain
    )
    c14n = "http://www.w3.org/2006/12/xml-c14n11"
    signature = etree.fromstring(
        f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo>'
        f'<ds:CanonicalizationMethod Algorithm="{c14n}"/>'
        '<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"/>'
        '<ds:Reference URI=""><ds:Transforms>'
        f'<ds:Transform Algorithm="{DS}enveloped-signature"/>'
        f'<ds:Transform Algorithm="{c14n}"/></ds:Transforms>'
        '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#sha384"/>'
        f"<ds:DigestValue>{b64encode(digest).decode()}</ds:DigestValue></ds:Reference>"
        "</ds:SignedInfo><ds:SignatureValue/>"
        f"<ds:KeyInfo><ds:X509Data>{certificates}</ds:X509Data></ds:KeyInfo></ds:Signature>"
    )
    root.append(signature)
    made = key.sign(etree.tostring(signature[0], method="c14n"), ec.ECDSA(SHA384()))
    r, s = decode_dss_signature(made)
    signature[1].text = b64encode(r.to_bytes(48) + s.to_bytes(48)).decode()
    return etree.tostring(root)


@dataclass(frozen=True)
class Authority:
    """A RIM chain of four under a root of our own, and what it signs."""

    chain: tuple[Holder, ...]

    @property
    def anchors(self) -> tuple[Anchor, ...]:
        """The root, as the anchor for reference values."""
        root = self.chain[-1].parsed(Caches())
        return (Anchor(spki_sha256=root.spki_sha256, name=root.name, simulated=True),)

    def sign(self, unsigned: str) -> bytes:
        """The tag signed by the leaf, with the whole chain."""
        return sign_tag(unsigned, self.chain, self.chain[0].key)


def make_authority(name: str = "Test RIM root", **leaf: object) -> Authority:
    """A fresh chain of signer, level 3, level 2 and root; `leaf` changes the signer."""
    root = issue(name)
    second = issue("Test RIM CA 2", root)
    third = issue("Test RIM CA 3", second)
    options = {"ca": False, **leaf}
    return Authority((issue("Test signer", third, **options), third, second, root))  # type: ignore[arg-type]

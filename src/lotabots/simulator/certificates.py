"""X.509 certificates with exactly the names and extensions that NVIDIA's have, in their order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

ORGANIZATION = "LotaBots Simulator"
RESPONDER_URL = "http://ocsp.lotabots.invalid"
CRL_URL = "http://crl.lotabots.invalid/crl"

Extensions = Sequence[tuple[x509.ExtensionType, bool]]
"""Each extension and whether it is critical."""
Validity = tuple[datetime, datetime]
"""notBefore and notAfter, aware."""
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

_ATTRIBUTES = {
    "CN": NameOID.COMMON_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "C": NameOID.COUNTRY_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "L": NameOID.LOCALITY_NAME,
    "serialNumber": NameOID.SERIAL_NUMBER,
}


@dataclass(frozen=True, slots=True, eq=False)
class Authority:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def name(self) -> str:
        """Its common name."""
        value = self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        return value if isinstance(value, str) else value.decode()

    def issue(
        self,
        subject: x509.Name,
        key: PublicKey,
        serial: int,
        validity: Validity,
        extensions: Extensions,
    ) -> x509.Certificate:
        """A certificate for this key, with exactly these extensions in this order."""
        issuer = self.certificate.subject
        return build(subject, key, serial, validity, extensions, issuer, self.key)


def name(**attributes: str) -> x509.Name:
    """A distinguished name with its attributes in the order given."""
    return x509.Name([x509.NameAttribute(_ATTRIBUTES[k], v) for k, v in attributes.items()])


def build(
    subject: x509.Name,
    key: PublicKey,
    serial: int,
    validity: Validity,
    extensions: Extensions,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    """A certificate signed with ECDSA and SHA-384."""
    draft = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(validity[0])
        .not_valid_after(validity[1])
    )
    for extension, critical in extensions:
        draft = draft.add_extension(extension, critical)
    return draft.sign(issuer_key, SHA384(), ecdsa_deterministic=True)


def usage(*, sign_data: bool = False, sign_crls: bool = False) -> x509.KeyUsage:
    """Of an end entity that signs data; else of a CA, which may sign CRLs as well."""
    return x509.KeyUsage(
        digital_signature=sign_data,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not sign_data,
        crl_sign=sign_crls,
        encipher_only=False,
        decipher_only=False,
    )


def ca(path_length: int | None = None) -> x509.BasicConstraints:
    """Basic constraints of a certificate that may issue others."""
    return x509.BasicConstraints(ca=True, path_length=path_length)


def responder() -> x509.AuthorityInformationAccess:
    """Where revocation would be asked; the name does not resolve (RFC 2606, section 2)."""
    location = x509.UniformResourceIdentifier(RESPONDER_URL)
    return x509.AuthorityInformationAccess(
        [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, location)]
    )


def crl_at(file: str) -> x509.CRLDistributionPoints:
    """Where the CRL would be fetched."""
    location = x509.UniformResourceIdentifier(f"{CRL_URL}/{file}")
    return x509.CRLDistributionPoints([x509.DistributionPoint([location], None, None, None)])


def key_ids(
    key: PublicKey, issuer: PublicKey
) -> tuple[tuple[x509.ExtensionType, bool], tuple[x509.ExtensionType, bool]]:
    """Subject and authority key identifiers, both SHA-1 of the key as RFC 5280 has it."""
    return (
        (x509.SubjectKeyIdentifier.from_public_key(key), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), False),
    )


def day_of(moment: datetime) -> datetime:
    """Midnight of its day."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)

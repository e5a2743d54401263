"""Reference manifests as NVIDIA writes them: a SWID tag with one enveloped XML signature.

ISO/IEC 19770-2:2015, and XML-DSig with Canonical XML 1.1, ecdsa-sha384 (raw r then s) and a
SHA-384 digest. The signature's canonical form is written down here, so that it is not computed by
the same library calls as those of the verifier.
"""

from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha384
from re import sub

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from lotabots.simulator.authorities import rim_signer
from lotabots.simulator.certificates import Validity, day_of
from lotabots.simulator.golden import Entry, Manifest
from lotabots.simulator.seeds import raw_signature

SWID = "http://standards.iso.org/iso/19770/-2/2015/schema.xsd"
SHA384_NAMES = "http://www.w3.org/2001/04/xmlenc#sha384"
DS = "http://www.w3.org/2000/09/xmldsig#"
C14N = "http://www.w3.org/2006/12/xml-c14n11"
RIM_INFORMATION = "https://trustedcomputinggroup.org/resource/tcg-reference-integrity-manifest-rim-information-model/"
LIFETIME = timedelta(days=730)
"""How long a signer's certificate is valid; NVIDIA renews its own every two years."""
_HALF_YEAR = timedelta(days=182)

SIGNED_INFO = (
    f'<ds:CanonicalizationMethod Algorithm="{C14N}"></ds:CanonicalizationMethod>'
    '<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384">'
    "</ds:SignatureMethod>"
    '<ds:Reference URI=""><ds:Transforms>'
    f'<ds:Transform Algorithm="{DS}enveloped-signature"></ds:Transform>'
    f'<ds:Transform Algorithm="{C14N}"></ds:Transform></ds:Transforms>'
    '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#sha384"></ds:DigestMethod>'
    "<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>"
)
"""The inside of SignedInfo in canonical form, for one digest in base64."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Whose key signs a manifest, and the certificates that go with it."""

    key: ec.EllipticCurvePrivateKey
    chain: tuple[x509.Certificate, ...]


def current(now: datetime) -> Validity:
    """Two years around `now`, counted from midnight so that files stay the same for a day."""
    start = day_of(now) - _HALF_YEAR
    return start, start + LIFETIME


@lru_cache(maxsize=256)
def signer(product: str, validity: Validity, root_label: str = "rim-root") -> Signer:
    """The signer of a product's manifests with a certificate of this validity."""
    authority, chain = rim_signer(product, validity, root_label)
    return Signer(authority.key, chain)


@lru_cache(maxsize=256)
def rim_file(manifest: Manifest, validity: Validity) -> bytes:
    """The signed manifest, by a signer whose certificate has this validity."""
    return sign(document(manifest), signer(manifest.product, validity))


def document(manifest: Manifest) -> str:
    """The manifest as XML without a signature: exactly what will be signed."""
    tag_id = sha384(manifest.id.encode()).hexdigest()
    resources = "\n".join(f"        {resource(entry)}" for entry in manifest.entries)
    return (
        f'<SoftwareIdentity xmlns="{SWID}" xmlns:ns0="{SWID}" xmlns:ns2="{SHA384_NAMES}" '
        f'corpus="false" name="{manifest.product}" patch="false" supplemental="false" '
        f'tagId="{tag_id}" version="1.0" tagVersion="0">\n'
        '    <ns0:Entity name="LotaBots Simulator" role="softwareCreator tagCreator"/>\n'
        f"    {meta(manifest)}\n"
        f'    <ns0:Payload xmlns:SHA384="{SHA384_NAMES}">\n'
        f"{resources}\n"
        "    </ns0:Payload>\n"
        "</SoftwareIdentity>"
    )


def meta(manifest: Manifest) -> str:
    """The element that says which product and version the manifest is for."""
    return (
        f'<ns0:Meta xmlns:ns1="{RIM_INFORMATION}" colloquialVersion="{manifest.version}" '
        f'edition="{manifest.edition}" product="{manifest.product}" revision="r1" '
        'PayloadType="direct" ns1:BindingSpec="RIMIM" ns1:BindingSpecVersion="1.01" '
        'ns1:PlatformManufacturerId="5703" ns1:PlatformManufacturerStr="LotaBots Simulator" '
        f'ns1:PlatformModel="{manifest.product}" ns1:FirmwareManufacturer="LotaBots Simulator" '
        'ns1:FirmwareManufacturerId="5703"/>'
    )


def resource(entry: Entry) -> str:
    """One measurement: its index, whether it is compared, and every good value."""
    hashes = " ".join(
        f'ns2:Hash{number}="{value.hex()}"' for number, value in enumerate(entry.hashes)
    )
    return (
        f'<ns0:Resource type="Measurement" index="{entry.index}" active="{entry.active}" '
        f'alternatives="{len(entry.hashes)}" {hashes} name="Measurement_{entry.index}" size="48"/>'
    )


def sign(unsigned: str, by: Signer, signed_info: str = SIGNED_INFO) -> bytes:
    """The document with its signature before the closing tag, in UTF-8."""
    canonical = etree.tostring(etree.fromstring(unsigned.encode()), method="c14n")
    body = signed_info.format(digest=b64encode(sha384(canonical).digest()).decode())
    # The apex of a canonical subtree declares every prefix in scope (Canonical XML 1.1, 2.3).
    apex = (
        f'<ds:SignedInfo xmlns="{SWID}" xmlns:ds="{DS}" xmlns:ns0="{SWID}" '
        f'xmlns:ns2="{SHA384_NAMES}">{body}</ds:SignedInfo>'
    )
    value = b64encode(raw_signature(by.key, apex.encode())).decode()
    head, end = unsigned.rsplit("</SoftwareIdentity>", 1)
    return f"{head}{signature(body, value, by.chain)}</SoftwareIdentity>{end}".encode()


def signature(body: str, value: str, chain: tuple[x509.Certificate, ...]) -> str:
    """The ds:Signature element; `body` is the inside of SignedInfo, `value` is base64."""
    certificates = "".join(
        f"<ds:X509Certificate>{_base64_lines(certificate)}</ds:X509Certificate>"
        for certificate in chain
    )
    return (
        f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo>{_short(body)}</ds:SignedInfo>'
        f"<ds:SignatureValue>{value}</ds:SignatureValue>"
        f"<ds:KeyInfo><ds:X509Data>{certificates}</ds:X509Data></ds:KeyInfo></ds:Signature>"
    )


def _short(canonical: str) -> str:
    """Empty elements as files have them, `<a/>`; their canonical form is `<a></a>`."""
    return sub(r"<(ds:\w+)([^<>]*)></\1>", r"<\1\2/>", canonical)


def _base64_lines(certificate: x509.Certificate) -> str:
    """The certificate as the body of a PEM file: lines of 64 characters."""
    pem = certificate.public_bytes(Encoding.PEM).decode().splitlines()
    return "\n".join(pem[1:-1]) + "\n"

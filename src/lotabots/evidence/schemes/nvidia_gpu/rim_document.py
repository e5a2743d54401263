"""A RIM file taken apart: what is signed, by what, and what it calls itself; nothing believed yet.

NVIDIA's reference integrity manifests are ISO/IEC 19770-2:2015 SWID tags in XML with one enveloped
XML signature (XML-DSig, always in the one shape written down in `_SIGNED_INFO`).

The order that keeps XML signatures honest: this module reduces the file to the canonical bytes that
the signature covers; `rim` verifies those bytes; `read_golden` then reads values from those bytes
and from nothing else. An element that was moved into the signature, duplicated or hidden in a
comment is therefore either refused here or simply not there when values are read.
"""

import binascii
import re
from base64 import b64decode
from typing import TypeAlias

import msgspec
from lxml import etree

from lotabots.evidence.schemes.nvidia_gpu.rim_values import (
    DIGEST_BYTES,
    SWID,
    Golden,
    RimIdentity,
    read_identity,
    read_values,
    refuse,
)
from lotabots.kernel import sha256_hex

MAX_BYTES = 256 * 1024
"""Largest RIM file read. Genuine ones are about 20 KiB."""
MAX_CHILDREN = 256
"""Most elements in a Payload: one for each index. Genuine files have 64."""
MAX_CERTIFICATES = 8

_DS = "{http://www.w3.org/2000/09/xmldsig#}"
_SIGNATURE = _DS + "Signature"
_C14N = "http://www.w3.org/2006/12/xml-c14n11"
_MARKUP = re.compile(rb"<[!?]")
_XML_PREFIX = re.compile(rb"xml:")
_DECLARATION = re.compile(rb"<\?xml [^<>?]{0,100}\?>")

Shape: TypeAlias = "tuple[str, tuple[tuple[str, str], ...], tuple[Shape, ...]]"


def _algorithm(tag: str, uri: str) -> Shape:
    return (_DS + tag, (("Algorithm", uri),), ())


# XML-DSig sections 4.4 to 4.5 allow much more; NVIDIA writes exactly this, so nothing else is read.
_SIGNED_INFO: Shape = (
    _DS + "SignedInfo",
    (),
    (
        _algorithm("CanonicalizationMethod", _C14N),
        _algorithm("SignatureMethod", "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"),
        (
            _DS + "Reference",
            (("URI", ""),),
            (
                (
                    _DS + "Transforms",
                    (),
                    (
                        _algorithm(
                            "Transform", "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
                        ),
                        _algorithm("Transform", _C14N),
                    ),
                ),
                _algorithm("DigestMethod", "http://www.w3.org/2001/04/xmldsig-more#sha384"),
                (_DS + "DigestValue", (), ()),
            ),
        ),
    ),
)
_SIGNATURE_VALUE: Shape = (_DS + "SignatureValue", (), ())
_CERTIFICATE: Shape = (_DS + "X509Certificate", (), ())


class RimDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One well-formed RIM file, unverified."""

    sha256: str
    """Hex digest of the whole file."""
    signed: bytes
    """The canonical bytes that the reference in the signature covers: the tag without signature."""
    digest: bytes
    """48 bytes: what SignedInfo says the SHA-384 of `signed` is."""
    signed_info: bytes
    """Canonical SignedInfo: what the signature value is made over."""
    signature: bytes
    """Raw ECDSA r then s, as found."""
    certificates: tuple[bytes, ...]
    """DER, in the order of the file: leaf first."""
    claimed: RimIdentity
    """Read from `signed` before verification: good for an index, never for a decision."""


def read_rim(data: bytes) -> RimDocument:
    """The parts of one RIM file. Raises NV-RIM-SCHEMA for anything but the one known shape."""
    root = _parse(data)
    _check_tree(root)
    signatures = list(root.iter(_SIGNATURE))
    if len(signatures) != 1 or signatures[0].getparent() is not root:
        raise refuse(f"{len(signatures)} signatures in the document; exactly one is expected")
    signature = signatures[0]
    digest, value, certificates = _read_signature(signature)
    signed_info = _canonical(signature[0])
    _remove_keeping_tail(root, signature)
    return RimDocument(
        sha256=sha256_hex(data),
        signed=_canonical(root),
        digest=digest,
        signed_info=signed_info,
        signature=value,
        certificates=certificates,
        claimed=read_identity(root),
    )


def read_golden(signed: bytes) -> tuple[RimIdentity, Golden]:
    """What verified canonical bytes say: identity, and the active golden digests by index.

    Any alternative of an index may match. Raises NV-RIM-SCHEMA.
    """
    root = _parse(signed)
    return read_identity(root), read_values(root)


def _parse(data: bytes) -> etree._Element:
    """The root element. No DTD, comment, CDATA section or processing instruction gets this far."""
    if len(data) > MAX_BYTES:
        raise refuse(f"the file has {len(data)} bytes; at most {MAX_BYTES} are read")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refuse("the file is not UTF-8") from error
    declaration = _DECLARATION.match(data)
    body = data[declaration.end() :] if declaration else data
    # In well-formed XML "<!" opens only a DTD, a comment or a CDATA section, and "<?" only a
    # processing instruction. Refusing the bytes keeps all of them away from the parser.
    if _MARKUP.search(body):
        raise refuse("DOCTYPE, comments, CDATA and processing instructions are not accepted")
    # C14N 1.0 (what libxml2 computes) and 1.1 (what is signed) differ only in xml:* attributes, and
    # no other prefix can stand for their namespace (Namespaces in XML 1.0, section 3).
    if _XML_PREFIX.search(body):
        raise refuse("xml:* attributes are not accepted")
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        collect_ids=False,
    )
    try:
        # The declaration is cut off, so its `encoding` cannot disagree with the bytes checked.
        return etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise refuse("not well-formed XML") from error


def _check_tree(root: etree._Element) -> None:
    """Refuses what the fixed schema has no place for, before anything is looked up by name."""
    if root.tag != SWID + "SoftwareIdentity":
        raise refuse("the root element is not a SWID SoftwareIdentity")
    for child in root:
        if child.tag == _SIGNATURE:
            continue  # held to its one shape
        if len(child) > MAX_CHILDREN or any(len(inner) for inner in child):
            raise refuse(f"elements nested deeper than a Payload's, or more than {MAX_CHILDREN}")


def _has_shape(element: etree._Element, shape: Shape) -> bool:
    """Whether the element is exactly this: names, attributes, order, no text between elements."""
    tag, attributes, children = shape
    if element.tag != tag or element.items() != list(attributes) or len(element) != len(children):
        return False
    if children and (element.text or "").strip():
        return False
    return all(
        not (child.tail or "").strip() and _has_shape(child, inner)
        for child, inner in zip(element, children, strict=True)
    )


def _read_signature(signature: etree._Element) -> tuple[bytes, bytes, tuple[bytes, ...]]:
    """Digest, signature value and certificates of a signature that has the one known shape."""
    certificates = list(signature.iter(_DS + "X509Certificate"))
    if not 1 <= len(certificates) <= MAX_CERTIFICATES:
        raise refuse(f"{len(certificates)} certificates in the signature")
    x509_data: Shape = (_DS + "X509Data", (), (_CERTIFICATE,) * len(certificates))
    key_info: Shape = (_DS + "KeyInfo", (), (x509_data,))
    if not _has_shape(signature, (_SIGNATURE, (), (_SIGNED_INFO, _SIGNATURE_VALUE, key_info))):
        raise refuse(
            "a signature that is not C14N 1.1, ecdsa-sha384, the whole document, X509Data alone"
        )
    digest = _base64(signature[0][2][2])
    if len(digest) != DIGEST_BYTES:
        raise refuse(f"the digest value has {len(digest)} bytes; SHA-384 has {DIGEST_BYTES}")
    return digest, _base64(signature[1]), tuple(_base64(item) for item in certificates)


def _base64(element: etree._Element) -> bytes:
    try:
        return b64decode("".join((element.text or "").split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise refuse(f"{etree.QName(element).localname} is not base64") from error


def _canonical(element: etree._Element) -> bytes:
    try:
        return etree.tostring(element, method="c14n", with_comments=False)
    except (etree.LxmlError, ValueError) as error:
        raise refuse("the document has no canonical form") from error


def _remove_keeping_tail(root: etree._Element, signature: etree._Element) -> None:
    """Removes the signature as the enveloped transform does: text that follows it stays signed."""
    tail, before = signature.tail or "", signature.getprevious()
    if before is None:
        root.text = (root.text or "") + tail
    else:
        before.tail = (before.tail or "") + tail
    root.remove(signature)

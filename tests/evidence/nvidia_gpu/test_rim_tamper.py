"""Tampered RIMs: groups 22 to 27, 29 and 30 of the published tamper cases, each with its code."""

import re
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path

import pytest
from evidence.nvidia_gpu.forge import NOW, Authority, make_authority, resource, sign_tag, tag

from lotabots.evidence.caches import Caches
from lotabots.evidence.schemes.nvidia_gpu.anchors import NVIDIA_ANCHORS
from lotabots.evidence.schemes.nvidia_gpu.certs import load_pem
from lotabots.evidence.schemes.nvidia_gpu.rim import Rim, RimStatus, verify_rim
from lotabots.evidence.schemes.nvidia_gpu.rim_document import read_rim
from lotabots.evidence.types import Anchor
from lotabots.kernel import LotaError

THEN = datetime(2025, 10, 24, 12, tzinfo=UTC)
DIGEST = bytes(range(48))
KEY_VALUE = '<ds:KeyValue xmlns:ds="http://www.w3.org/2000/09/xmldsig#">x</ds:KeyValue>'
OBJECT = "<ds:Object>{}</ds:Object></ds:Signature>"
META = '<ns0:Meta colloquialVersion="1.2.3" edition="GPU" product="GH100"/>'
RESOURCE = '<ns0:Resource type="Measurement" index="63" active="True" name="x" size="48"/>'
TRANSFORM = '<ds:Transform Algorithm="http://www.w3.org/2006/12/xml-c14n11"'
ENTITIES = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.fixture(scope="module")
def genuine(nvidia: Path) -> str:
    """The text of a genuine driver RIM."""
    path = nvidia / "google-go-nvattest-tools/rim/NV_GPU_DRIVER_GH100_550.90.07.xml"
    return path.read_text()


def judge(data: bytes, anchors: tuple[Anchor, ...], now: datetime) -> Rim:
    """The RIM with fresh memories."""
    return verify_rim(read_rim(data), subject="gpu0", anchors=anchors, now=now, caches=Caches())


def judge_nvidia(text: str) -> Rim:
    """The text as a RIM under NVIDIA's root, when the genuine one was valid."""
    return judge(text.encode(), NVIDIA_ANCHORS.rim, THEN)


def codes(rim: Rim) -> set[str]:
    """The codes of its findings."""
    return {finding.code for finding in rim.findings}


def refusal(data: bytes) -> str:
    """The code with which the reader refuses the file."""
    with pytest.raises(LotaError) as refused:
        read_rim(data)
    return refused.value.code


def test_the_genuine_text_gets_through(genuine: str) -> None:
    assert judge_nvidia(genuine).status is RimStatus.VALID


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("80161aac5e75", "80161aac5e76"),
        ('index="7" active="True"', 'index="7" active="False"'),
        ('colloquialVersion="550.90.07"', 'colloquialVersion="550.90.08"'),
        ('product="GH100"', 'product="GB100"'),
        ('name="Measurement_0"', 'name="Measurement_00"'),
        ("<ns0:Payload", " <ns0:Payload"),
    ],
)
def test_a_change_of_what_is_signed_is_refused(genuine: str, old: str, new: str) -> None:
    assert old in genuine
    rim = judge_nvidia(genuine.replace(old, new, 1))
    assert (rim.status, codes(rim)) == (RimStatus.INVALID, {"NV-RIM-SIG"})
    assert not rim.golden


def test_a_changed_signature_value_is_refused(genuine: str) -> None:
    value = re.search(r"<ds:SignatureValue>(.)", genuine)
    assert value is not None
    other = "A" if value[1] != "A" else "B"
    changed = genuine.replace(value[0], f"<ds:SignatureValue>{other}", 1)
    assert codes(judge_nvidia(changed)) == {"NV-RIM-SIG"}


@pytest.mark.parametrize(
    "value", [b"", bytes(96), b"\xff" * 96, bytes(95), bytes(97), b"0\x06\x02\x01\x01\x02\x01\x01"]
)
def test_a_signature_value_that_is_no_pair_of_numbers_is_refused(
    genuine: str, value: bytes
) -> None:
    written = f"<ds:SignatureValue>{b64encode(value).decode()}</ds:SignatureValue>"
    changed = re.sub(
        r"<ds:SignatureValue>.*?</ds:SignatureValue>", written, genuine, flags=re.DOTALL
    )
    assert codes(judge_nvidia(changed)) == {"NV-RIM-SIG"}


def test_a_rim_with_the_chain_of_a_genuine_device_is_refused(genuine: str, nvidia: Path) -> None:
    pem = (nvidia / "nvtrust-local-verifier/hopperCertChain.txt").read_bytes()
    device = load_pem(pem, Caches())
    written = "".join(
        f"<ds:X509Certificate>{b64encode(held.der).decode()}</ds:X509Certificate>"
        for held in device[1:]
    )
    changed = re.sub(
        r"<ds:X509Data>.*</ds:X509Data>",
        f"<ds:X509Data>{written}</ds:X509Data>",
        genuine,
        flags=re.DOTALL,
    )
    rim = judge_nvidia(changed)
    assert not rim.golden
    assert codes(rim) == {"NV-RIM-CHAIN", "NV-RIM-SIG"}


def test_a_rim_of_a_foreign_root_is_refused_even_if_the_root_has_nvidias_name() -> None:
    forged = make_authority("NVIDIA CoRIM signing Root CA")
    rim = judge(forged.sign(tag(resource(0, DIGEST))), NVIDIA_ANCHORS.rim, NOW)
    assert (rim.status, codes(rim)) == (RimStatus.UNTRUSTED, {"NV-RIM-CHAIN"})
    assert not rim.golden


def test_a_rim_signed_with_another_key_than_its_leafs_is_refused(authority: Authority) -> None:
    stranger = make_authority().chain[0].key
    signed = sign_tag(tag(resource(0, DIGEST)), authority.chain, stranger)
    assert codes(judge(signed, authority.anchors, NOW)) == {"NV-RIM-SIG"}


@pytest.mark.parametrize(
    "places", [(0, 1, 2), (0, 2, 1, 3), (0, 1, 1, 2, 3), (1, 2, 3), (0,), (3,)]
)
def test_a_chain_that_is_not_the_four_in_order_is_refused(
    authority: Authority, places: tuple[int, ...]
) -> None:
    chain = [authority.chain[place] for place in places]
    signed = sign_tag(tag(resource(0, DIGEST)), chain, chain[0].key)
    rim = judge(signed, authority.anchors, NOW)
    assert (rim.status, codes(rim)) == (RimStatus.UNTRUSTED, {"NV-RIM-CHAIN"})


def test_a_rim_signed_by_a_certificate_that_may_sign_certificates_is_refused() -> None:
    forged = make_authority(ca=True)
    rim = judge(forged.sign(tag(resource(0, DIGEST))), forged.anchors, NOW)
    assert codes(rim) == {"NV-RIM-CHAIN"}


def test_a_certificate_that_cannot_be_read_is_refused(genuine: str) -> None:
    first = re.search(r"<ds:X509Certificate>.*?</ds:X509Certificate>", genuine, flags=re.DOTALL)
    assert first is not None
    changed = genuine.replace(first[0], "<ds:X509Certificate>AAAA</ds:X509Certificate>")
    assert codes(judge_nvidia(changed)) == {"NV-RIM-CHAIN"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<ds:X509Data>", KEY_VALUE + "<ds:X509Data>"),
        ("<ds:X509Data>", "<ds:X509Data><ds:X509SubjectName>x</ds:X509SubjectName>"),
        ("</ds:X509Data>", "</ds:X509Data><ds:X509Data/>"),
        ("</ds:Signature>", OBJECT.format(META)),
        ("</ds:Signature>", OBJECT.format(f"<ns0:Payload>{RESOURCE}</ns0:Payload>")),
        ("</ds:Signature>", OBJECT.format("")),
        ("</ds:KeyInfo>", META + "</ds:KeyInfo>"),
        ("</SoftwareIdentity>", '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/>'
         "</SoftwareIdentity>"),
        ('URI=""', 'URI="#x"'),
        ('<ds:Reference URI=""', "<ds:Reference"),
        ('<ds:Reference URI=""', '<ds:Reference Id="x" URI=""'),
        (TRANSFORM, TRANSFORM + "/>" + TRANSFORM),
        ("#enveloped-signature", "#base64"),
        ("xmldsig-more#sha384", "xmlenc#sha256"),
        ("xmldsig-more#ecdsa-sha384", "xmldsig-more#ecdsa-sha256"),
        ("xmldsig-more#ecdsa-sha384", "xmldsig-more#hmac-sha384"),
        ("2006/12/xml-c14n11", "2001/10/xml-exc-c14n#"),
        ("<ds:KeyInfo>", "<ds:KeyInfo>text"),
        ("<ds:DigestValue>", "<ds:DigestValue>!"),
        ("<ds:DigestValue>", "<ds:DigestValue>AAAA"),
    ],
)  # fmt: skip
def test_any_other_signature_than_the_one_nvidia_makes_is_refused(
    genuine: str, old: str, new: str
) -> None:
    assert old in genuine
    assert refusal(genuine.replace(old, new, 1).encode()) == "NV-RIM-SCHEMA"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<SoftwareIdentity", "<!DOCTYPE SoftwareIdentity><SoftwareIdentity"),
        ("<SoftwareIdentity", ENTITIES + "<SoftwareIdentity"),
        ("<SoftwareIdentity", '<!DOCTYPE x SYSTEM "file:///etc/passwd"><SoftwareIdentity'),
        ("</ns0:Payload>", "<!-- comment --></ns0:Payload>"),
        ("</ns0:Payload>", "<?php x?></ns0:Payload>"),
        ("</ns0:Payload>", "<![CDATA[x]]></ns0:Payload>"),
        ("</ns0:Payload>", "&unknown;</ns0:Payload>"),
        ("</SoftwareIdentity>", "</SoftwareIdentity><!-- after -->"),
        ("</ns0:Payload>", "</ns0:Payload>" + META),
        ("</ns0:Payload>", META + "</ns0:Payload>"),
        ("<ns0:Payload", '<ns0:Payload xml:base="x"'),
        ("</ns0:Payload>", "<ns0:x>" * 9 + "</ns0:x>" * 9 + "</ns0:Payload>"),
        ("</ns0:Payload>", "<ns0:x/>" * 1100 + "</ns0:Payload>"),
        ("</ns0:Payload>", "a" * 300_000 + "</ns0:Payload>"),
        ("550.90.07", "\0"),
        ("550.90.07", "latest"),
        ('edition="GPU"', 'edition="SWITCH"'),
        ('edition="GPU"', ""),
        ('product="GH100"', 'product="../GH100"'),
        ("19770/-2/2015", "19770/-2/2014"),
    ],
)  # fmt: skip
def test_any_other_document_than_a_plain_tag_is_refused(genuine: str, old: str, new: str) -> None:
    assert old in genuine
    assert refusal(genuine.replace(old, new).encode()) == "NV-RIM-SCHEMA"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "latin-1"])
def test_a_tag_in_another_encoding_is_refused(genuine: str, encoding: str) -> None:
    text = genuine.replace("NVIDIA Corporation", "NVIDIÄ", 1)
    assert refusal(text.encode(encoding)) == "NV-RIM-SCHEMA"


def test_a_declared_encoding_does_not_change_how_the_bytes_are_read(genuine: str) -> None:
    declared = '<?xml version="1.0" encoding="UTF-7"?>' + genuine
    assert judge_nvidia(declared).status is RimStatus.VALID


def test_nesting_far_beyond_the_limit_is_refused() -> None:
    deep = "<SoftwareIdentity>" + "<a>" * 20_000 + "</a>" * 20_000 + "</SoftwareIdentity>"
    assert refusal(deep.encode()) == "NV-RIM-SCHEMA"


@pytest.mark.parametrize(
    "resources",
    [
        (),
        (resource(0, DIGEST, active=False),),
        (resource(0, DIGEST), resource(0, DIGEST)),
        (resource(0, DIGEST), resource(0, DIGEST, active=False)),
        (resource(0, DIGEST, alternatives="2"),),
        (resource(0, DIGEST, DIGEST, alternatives="1"),),
        (resource(0, DIGEST, alternatives="0"),),
        (resource(0, DIGEST, alternatives="xyz"),),
        (resource(0, DIGEST, alternatives="-"),),
        (resource(0, DIGEST, alternatives="99999999999"),),
        (resource(0, DIGEST, alternatives="٣"),),
        (resource(0, DIGEST, index="255"),),
        (resource(0, DIGEST, index="-1"),),
        (resource(0, DIGEST, index="00"),),
        (resource(0, DIGEST, index="abc"),),
        (resource(0, DIGEST, index="-"),),
        (resource(0, DIGEST, size="32"),),
        (resource(0, DIGEST, size="-"),),
        (resource(0, DIGEST, active="true"),),
        (resource(0, DIGEST, type="File"),),
        (resource(0, DIGEST[:47]),),
        (resource(0, DIGEST + b"\0"),),
        (resource(0, DIGEST, **{"h:Hash0": "a" * 95}),),
        (resource(0, DIGEST, **{"h:Hash0": "g" * 96}),),
        (resource(0, DIGEST, **{"h:Hash0": "-", "Hash0": DIGEST.hex()}),),
        (resource(0, DIGEST, **{"h:Hash0": "-", "h:Hash1": DIGEST.hex()}),),
        (resource(0, DIGEST, exempt="yes"),),
        (resource(0, DIGEST), "<Directory/>"),
    ],
    ids=lambda resources: "".join(resources)[-90:],
)
def test_measurements_of_another_form_are_refused_even_when_validly_signed(
    authority: Authority, resources: tuple[str, ...]
) -> None:
    rim = judge(authority.sign(tag(*resources)), authority.anchors, NOW)
    assert (rim.status, codes(rim)) == (RimStatus.INVALID, {"NV-RIM-SCHEMA"})
    assert not rim.golden


def test_measurements_nested_deeper_are_refused_even_when_validly_signed(
    authority: Authority,
) -> None:
    for nested in (
        f"<Directory>{resource(1, DIGEST)}</Directory>",
        resource(1, DIGEST).replace("/>", "><Hash/></Resource>"),
    ):
        assert refusal(authority.sign(tag(resource(0, DIGEST), nested))) == "NV-RIM-SCHEMA"


@pytest.mark.parametrize("second", ["<Payload/>", f"<Link>{resource(1, DIGEST)}</Link>"])
def test_measurements_outside_the_one_payload_are_refused_even_when_validly_signed(
    authority: Authority, second: str
) -> None:
    unsigned = tag(resource(0, DIGEST)).replace("<Payload>", f"{second}<Payload>")
    rim = judge(authority.sign(unsigned), authority.anchors, NOW)
    assert (rim.status, codes(rim)) == (RimStatus.INVALID, {"NV-RIM-SCHEMA"})


def test_text_after_the_signature_stays_signed(authority: Authority) -> None:
    signed = authority.sign(tag(resource(0, DIGEST))).decode()
    changed = signed.replace("</SoftwareIdentity>", "text</SoftwareIdentity>")
    assert codes(judge(changed.encode(), authority.anchors, NOW)) == {"NV-RIM-SIG"}


def test_one_run_reports_signature_chain_and_expiry_together(genuine: str) -> None:
    last = genuine.rindex("<ds:X509Certificate>")
    cut = genuine[:last] + genuine[genuine.index("</ds:X509Data>") :]
    changed = cut.replace("80161aac5e75", "80161aac5e76", 1)
    rim = judge(changed.encode(), NVIDIA_ANCHORS.rim, datetime(2028, 1, 1, tzinfo=UTC))
    assert codes(rim) == {"NV-RIM-SIG", "NV-RIM-CHAIN", "NV-RIM-EXPIRED"}

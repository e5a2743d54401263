"""Simulated bytes have the shape of NVIDIA's own, read here without the verifier's parsers."""

import base64
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from lxml import etree

from lotabots.simulator import Node, Revocation, make_node, reference_files

FWID = {"2.23.133.5.4.1", "2.23.133.5.4.1.1"}
SAME_VALUE = {"2.5.29.15", "2.5.29.19"}  # keyUsage, basicConstraints
DRIVER = 3


class Layout(NamedTuple):
    """What a report looks like, values aside."""

    request: str
    header: str
    blocks: list[str]
    opaque: list[tuple[int, int]]
    size: int


def layout(report: bytes, *, without_driver: bool = False) -> Layout:
    """Read by hand after research section 1.1; `size` is that of what was not named."""
    request, response = report[:37], report[37:]
    end = 8 + int.from_bytes(response[5:8], "little")
    blocks, at = [], 8
    while at < end:
        size = int.from_bytes(response[at + 2 : at + 4], "little")
        blocks.append(response[at : at + 7].hex())
        at += 4 + size
    opaque_end = at + 34 + int.from_bytes(response[at + 32 : at + 34], "little")
    at += 34
    fields, driver = [], 0
    while at < opaque_end:
        field = int.from_bytes(response[at : at + 2], "little")
        size = int.from_bytes(response[at + 2 : at + 4], "little")
        if field == DRIVER and without_driver:
            driver = size
        fields.append((field, 0 if field == DRIVER and without_driver else size))
        at += 4 + size
    assert len(response) - at == 96
    header = request[:4].hex() + request[36:].hex()
    return Layout(header, response[:8].hex(), blocks, fields, len(report) - driver)


def opaque(report: bytes) -> dict[int, bytes]:
    response = report[37:]
    at = 8 + int.from_bytes(response[5:8], "little") + 34
    found = {}
    while at < len(response) - 96:
        size = int.from_bytes(response[at + 2 : at + 4], "little")
        found[int.from_bytes(response[at : at + 2], "little")] = response[at + 4 : at + 4 + size]
        at += 4 + size
    return found


def skeleton(der: bytes, *, one_time: bool = False) -> list[object]:
    """The tags of a DER value, nested; UTCTime and GeneralizedTime the same if `one_time`."""
    tags: list[object] = []
    at = 0
    while at < len(der):
        tag, length = der[at], der[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(der[at : at + size], "big")
            at += size
        content = der[at : at + length]
        at += length
        if one_time and tag == 0x18:
            tag = 0x17
        tags.append((tag, skeleton(content, one_time=one_time)) if tag & 0x20 else tag)
    return tags


def hex_file(path: Path) -> bytes:
    return bytes.fromhex(path.read_text().strip())


def listed(path: Path) -> list[tuple[bytes, bytes]]:
    """Report and chain of each device in NVIDIA's JSON."""
    entries = json.loads(path.read_text())
    return [
        (base64.b64decode(entry["evidence"]), base64.b64decode(entry["certificate"]))
        for entry in entries
    ]


def first(node: Node, kind: str, nonce: bytes) -> tuple[bytes, bytes]:
    evidence = next(item for item in node.attest_to(nonce) if item.subject == f"{kind}0")
    return evidence.data, evidence.certificates


def test_a_gpu_of_a_whole_hopper_node_reports_in_the_layout_of_a_real_one(
    vectors: Path, nonce: bytes
) -> None:
    real, _ = listed(vectors / "nvidia/nvtrust-ppcie/gpu_evidence.json")[0]
    simulated, _ = first(make_node("hopper"), "gpu", nonce)
    assert layout(simulated) == layout(real)
    for field in (16, 19, 21, 34, 36):
        assert opaque(simulated)[field] == opaque(real)[field]


def test_a_single_hopper_gpu_reports_in_the_layout_of_a_real_one(
    vectors: Path, nonce: bytes
) -> None:
    real = hex_file(vectors / "nvidia/attestation-sdk/unit/hopperAttestationReport.txt")
    simulated, _ = first(make_node("alone", gpus=1), "gpu", nonce)
    assert layout(simulated, without_driver=True) == layout(real, without_driver=True)


def test_a_blackwell_gpu_reports_in_the_layout_of_a_real_one_and_two_newer_fields(
    vectors: Path, nonce: bytes
) -> None:
    real = hex_file(vectors / "nvidia/attestation-sdk/sample_gpu/blackwellAttestationReport.txt")
    simulated, _ = first(make_node("blackwell", chip="GB100"), "gpu", nonce)
    expected = layout(real, without_driver=True)
    found = layout(simulated, without_driver=True)
    assert found.opaque == [*expected.opaque, (35, 6), (36, 2)]
    assert found.blocks == expected.blocks
    assert len(simulated) == 4140  # that of the 8 public multi-GPU reports of driver 590.48.01


def test_a_switch_reports_in_the_layout_of_a_real_one(vectors: Path, nonce: bytes) -> None:
    real, _ = listed(vectors / "nvidia/nvtrust-ppcie/switch_evidence.json")[0]
    simulated, _ = first(make_node("hopper"), "switch", nonce)
    assert layout(simulated) == layout(real)


@pytest.mark.parametrize(
    ("file", "kind", "chip"),
    [
        ("nvtrust-local-verifier/hopperCertChain.txt", "gpu", "GH100"),
        ("attestation-sdk/sample_gpu/blackwellCertChain.txt", "gpu", "GB100"),
        ("attestation-sdk/unit/switchCertChain.txt", "switch", "GH100"),
    ],
    ids=["hopper", "blackwell", "switch"],
)
def test_a_chain_has_the_encoding_extensions_and_rights_of_a_real_one(
    vectors: Path, nonce: bytes, file: str, kind: str, chip: str
) -> None:
    real = x509.load_pem_x509_certificates((vectors / "nvidia" / file).read_bytes())
    _, pem = first(make_node("chains", chip=chip), kind, nonce)
    simulated = x509.load_pem_x509_certificates(pem)
    assert len(simulated) == len(real) == 5
    for ours, theirs in zip(simulated, real, strict=True):
        assert skeleton(ours.public_bytes(Encoding.DER)) == skeleton(
            theirs.public_bytes(Encoding.DER)
        )
        assert ours.not_valid_after_utc == theirs.not_valid_after_utc
        assert ours.not_valid_after_utc == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
        shapes = [
            [(e.oid.dotted_string, e.critical) for e in certificate.extensions]
            for certificate in (ours, theirs)
        ]
        assert shapes[0] == shapes[1]
        for mine, other in zip(ours.extensions, theirs.extensions, strict=True):
            if mine.oid.dotted_string in SAME_VALUE:
                assert mine.value == other.value
            if mine.oid.dotted_string in FWID:
                assert isinstance(mine.value, x509.UnrecognizedExtension)
                assert isinstance(other.value, x509.UnrecognizedExtension)
                assert skeleton(mine.value.value) == skeleton(other.value.value)
                assert len(mine.value.value) == len(other.value.value)
    assert len(pem) <= 0x1400  # the room that the driver's interface has for a chain


@pytest.mark.parametrize("chip", ["GH100", "GB100"])
def test_serial_numbers_follow_the_rules_of_real_ones(chip: str, nonce: bytes) -> None:
    for evidence in make_node("serials", chip=chip).attest_to(nonce):
        leaf, brom = x509.load_pem_x509_certificates(evidence.certificates)[:2]
        key_id = x509.SubjectKeyIdentifier.from_public_key(leaf.public_key()).digest
        expected = bytes([key_id[0] & 0x7F | 0x40]) + key_id[1:]
        assert leaf.serial_number.to_bytes(20, "big") == expected
        prefix = 0x50 if evidence.subject.startswith("switch") else 0x41
        assert brom.serial_number.to_bytes(9, "big")[0] == prefix


def test_the_fabric_closes_in_the_bytes_as_it_does_in_a_real_node(
    vectors: Path, nonce: bytes
) -> None:
    real = [
        pair
        for name in ("gpu_evidence.json", "switch_evidence.json")
        for pair in listed(vectors / "nvidia/nvtrust-ppcie" / name)
    ]
    simulated = [(e.data, e.certificates) for e in make_node("fabric").attest_to(nonce)]
    for node in (real, simulated):
        pdis = [
            x509.load_pem_x509_certificates(chain)[1].serial_number.to_bytes(9, "big")
            for _, chain in node
        ]
        gpus = {pdi[1:] for pdi in pdis if pdi[0] == 0x41}
        switches = {pdi[1:] for pdi in pdis if pdi[0] == 0x50}
        assert (len(gpus), len(switches)) == (8, 4)
        for (report, _), pdi in zip(node, pdis, strict=True):
            fields = opaque(report)
            if pdi[0] == 0x41:
                links = {fields[22][at : at + 8][::-1] for at in range(0, 144, 8)}
                assert links == switches
            else:
                assert fields[22] == pdi[1:]
                assert {fields[26][at : at + 8] for at in range(0, 64, 8)} == gpus


def rim_shape(file: bytes) -> tuple[object, ...]:
    """Everything but values: elements, attributes but hashes, white space, algorithms."""
    root = etree.fromstring(file)
    elements = [
        (element.tag, [name for name in element.attrib if "Hash" not in name], element.tail)
        for element in root.iter()
    ]
    algorithms = [element.get("Algorithm") for element in root.iter() if element.get("Algorithm")]
    text = file.decode()
    opening = re.sub(r'"[^"]*"', '""', text[: text.index("<ns0:Meta")])
    signature = text[text.index("<ds:Signature ") : text.index("<ds:KeyInfo>")]
    signature = re.sub(r"Value>[A-Za-z0-9+/=]+<", "Value><", signature)
    return elements, algorithms, opening, signature


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (
            "google-go-nvattest-tools/rim/NV_GPU_DRIVER_GH100_550.90.07.xml",
            "rim/NV_GPU_DRIVER_GH100_990.12.xml",
        ),
        (
            "google-go-nvattest-tools/rim/NV_GPU_VBIOS_1010_0200_882_96009F0001.xml",
            "rim/NV_GPU_VBIOS_G520_0200_885_9600F50001.xml",
        ),
        (
            "attestation-sdk/unit/switchVBIOSRim_NV_SWITCH_BIOS_5612_0002_890_9610550001.xml",
            "rim/NV_SWITCH_BIOS_5612_0002_890_9610F30001.xml",
        ),
    ],
    ids=["driver", "vbios", "switch"],
)
def test_a_manifest_has_the_elements_attributes_and_chain_of_a_real_one(
    vectors: Path, now: datetime, file: str, name: str
) -> None:
    real = (vectors / "nvidia" / file).read_bytes()
    simulated = dict(reference_files(now, [make_node("rims")]).files)[name]
    assert rim_shape(simulated) == rim_shape(real.rstrip())
    chains = [_rim_chain(rim) for rim in (simulated, real)]
    for ours, theirs in zip(*chains, strict=True):
        assert skeleton(ours.public_bytes(Encoding.DER), one_time=True) == skeleton(
            theirs.public_bytes(Encoding.DER), one_time=True
        )
        mine = {e.oid.dotted_string: e for e in ours.extensions}
        assert list(mine) == [e.oid.dotted_string for e in theirs.extensions]
        for other in theirs.extensions:
            if other.oid.dotted_string in SAME_VALUE:
                assert mine[other.oid.dotted_string].value == other.value


def _rim_chain(file: bytes) -> list[x509.Certificate]:
    encoded = re.findall(rb"<ds:X509Certificate>([^<]+)<", file)
    return [x509.load_der_x509_certificate(base64.b64decode(item)) for item in encoded]


def test_an_ocsp_response_has_the_encoding_of_a_real_one(vectors: Path, now: datetime) -> None:
    folder = vectors / "nvidia/google-go-nvattest-tools/ocsp"
    encoded = folder / "test_gpu_certificate_l4_base64encoded_ocsp_response.dat"
    real = ocsp.load_der_ocsp_response(base64.b64decode(encoded.read_text()))
    node = make_node("ocsp", gpus=1)
    brom = node.device("gpu0").identity.brom.certificate
    files = dict(reference_files(now, [node], revocation=Revocation.OCSP).files)
    simulated = ocsp.load_der_ocsp_response(files[f"ocsp/{brom.serial_number:x}.der"])
    assert skeleton(simulated.tbs_response_bytes) == skeleton(real.tbs_response_bytes)
    assert skeleton(simulated.certificates[0].public_bytes(Encoding.DER)) == skeleton(
        real.certificates[0].public_bytes(Encoding.DER)
    )
    assert simulated.hash_algorithm.name == real.hash_algorithm.name == "sha384"
    assert simulated.signature_hash_algorithm is not None
    assert simulated.signature_hash_algorithm.name == "sha384"
    responders = [list(r.certificates[0].extensions)[2].value for r in (simulated, real)]
    assert responders[0] == responders[1]  # purposes: OCSP signing and no-check

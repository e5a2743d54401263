"""Tamper groups that are sweeps: every bit, every cut, every index, versions, evidence files."""

import base64
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from lotabots.evidence import Caches, Context
from lotabots.evidence.schemes.nvidia_gpu import NVIDIA_ANCHORS, read_evidence_file, verify_node
from lotabots.kernel import LotaError
from lotabots.simulator import Fault, Node, make_node, nvidia_json, reference_files

Judge = Callable[..., Any]
ACCEPTED, NODE = "accepted", "node"


@pytest.fixture(scope="module")
def node() -> Node:
    """Small, and with every relation that a whole board has."""
    return make_node("tampered", gpus=3, switches=2)


def test_group_01_no_flipped_bit_of_a_report_gets_through(
    node: Node, nonce: bytes, judge: Judge
) -> None:
    good = node.attest_to(nonce)[0]
    for position in range(0, len(good.data), 23):
        flipped = bytearray(good.data)
        flipped[position] ^= 1 << position % 8
        judged = judge(node, [msgspec.structs.replace(good, data=bytes(flipped))])
        assert judged.claims.devices[0].level == "none", position


def test_group_02_no_report_cut_at_a_boundary_of_its_fields_gets_through(
    node: Node, nonce: bytes, judge: Judge
) -> None:
    good = node.attest_to(nonce)[0]
    report = node.device("gpu0").report(nonce)
    blocks = [45 + 55 * number + part for number in range(65) for part in (0, 1, 2, 4, 5, 7)]
    cuts = {0, 1, 2, 3, 4, 36, 37, 38, 39, 40, 41, 42, *blocks}
    at = 45 + 55 * 64 + 32
    cuts |= {at, at + 2}
    for _, value in report.opaque:
        cuts |= {at + 4, at + 6, at + 6 + len(value)}
        at += 4 + len(value)
    cuts |= {len(good.data) - 96, len(good.data) - 48, len(good.data) - 1}
    for cut in sorted(cuts):
        judged = judge(node, [msgspec.structs.replace(good, data=good.data[:cut])])
        assert judged.claims.devices[0].level == "none", cut
        assert any(code.startswith("NV-PARSE-") for code in judged.codes["gpu0"]), cut


@pytest.mark.parametrize("chip", ["GH100", "GB100"])
def test_group_31_a_deviation_is_found_at_each_index_that_a_manifest_demands(
    chip: str, judge: Judge, now: datetime
) -> None:
    node = make_node("indices", gpus=1, chip=chip)
    model = node.device("gpu0").identity.model
    reference = reference_files(now, [node])
    for index in sorted(model.driver_indices | model.vbios_indices):
        deviating = node.with_device(node.device("gpu0").with_deviation(index))
        judged = judge(deviating, reference=reference)
        measured = judged.claims.devices[0].facts["measurements"]
        skipped = index == 35  # the decoder is off
        assert measured["mismatched"] == ([] if skipped else [index])
        assert ("NV-MEAS-MISMATCH" in judged.codes.get("gpu0", set())) is not skipped


def test_group_31_a_deviation_is_found_at_each_index_of_a_switch(
    node: Node, nonce: bytes, judge: Judge, now: datetime
) -> None:
    reference = reference_files(now, [node])
    for index in range(31):
        changed = node.with_device(node.device("switch0").with_deviation(index))
        evidence = [item for item in changed.attest_to(nonce) if item.subject == "switch0"]
        judged = judge(changed, evidence, reference=reference)
        assert judged.claims.devices[0].facts["measurements"]["mismatched"] == [index]


def test_group_36_blackwell_gpus_in_different_modes_are_refused(judge: Judge) -> None:
    node = make_node("modes", gpus=2, chip="GB100").with_fault(Fault.MODES_MIXED, "gpu1")
    assert "NV-TOPO-MODE" in judge(node).codes[NODE]


def test_group_36_a_node_without_one_of_its_gpus_is_refused(
    node: Node, nonce: bytes, judge: Judge
) -> None:
    evidence = [item for item in node.attest_to(nonce) if item.subject != "gpu2"]
    judged = judge(node, evidence)
    assert judged.codes == {NODE: {"NV-TOPO-GPU-MISSING"}}


@pytest.mark.parametrize("version", ["990.9", "990.9.99", "989.99", "990.11.9999"])
def test_group_37_versions_are_compared_as_numbers(version: str, judge: Judge) -> None:
    good = make_node("versions", gpus=1)
    device = good.device("gpu0")
    older = device.with_firmware(device.firmware._replace(driver=version))
    judged = judge(good.with_device(older))
    assert judged.codes == {"gpu0": {"NV-VERSION-BELOW"}}
    assert judged.claims.devices[0].facts["versions"]["driver"] == "below"


@pytest.mark.parametrize("version", ["990.12", "990.12.1", "990.100", "1000.1"])
def test_group_37_a_newer_version_is_not_taken_for_an_older_one(version: str, judge: Judge) -> None:
    good = make_node("versions", gpus=1)
    device = good.device("gpu0")
    newer = device.with_firmware(device.firmware._replace(driver=version))
    assert judge(good.with_device(newer)).outcome == ACCEPTED


FILES = {
    "duplicate-keys": (
        lambda entry: b'[{"evidence": "AA==", "evidence": ' + entry[len(b'[{"evidence":') :],
        "NV-PARSE-JSON",
    ),
    "bad-base64": (lambda entry: entry.replace(b'"evidence":"', b'"evidence":"*'), "NV-PARSE-JSON"),
    "unpadded-base64": (lambda _: b'[{"evidence": "EeA", "certificate": ""}]', "NV-PARSE-JSON"),
    "evidence-missing": (lambda _: b'[{"certificate": ""}]', "NV-PARSE-JSON"),
    "unknown-field": (lambda _: b'[{"evidence": "AA==", "extra": 1}]', "NV-PARSE-JSON"),
    "wrong-type": (lambda _: b'[{"evidence": 7, "certificate": ""}]', "NV-PARSE-JSON"),
    "thousand-entries": (
        lambda entry: b"[" + b",".join([b'{"evidence":"AA=="}'] * 1000) + b"]",
        "NV-LIMIT-DEVICES",
    ),
    "ten-megabytes": (lambda _: b'["' + b"A" * 10_000_000 + b'"]', "NV-LIMIT-EVIDENCE"),
    "nested-deeply": (lambda _: b"[" * 100_000 + b"]" * 100_000, "NV-PARSE-JSON"),
    "no-entry": (lambda _: b"[]", "NV-PARSE-EMPTY"),
    "not-a-number": (lambda _: b'[{"evidence": NaN}]', "NV-PARSE-JSON"),
}


@pytest.mark.parametrize(("change", "code"), FILES.values(), ids=FILES)
def test_group_38_a_malformed_evidence_file_is_refused(
    change: Callable[[bytes], bytes], code: str, nonce: bytes
) -> None:
    evidence = make_node("files", gpus=1).attest_to(nonce)
    entries = [
        {
            "evidence": base64.b64encode(item.data).decode(),
            "certificate": base64.b64encode(item.certificates).decode(),
        }
        for item in evidence
    ]
    file = change(json.dumps(entries, separators=(",", ":")).encode())
    with pytest.raises(LotaError) as refused:
        read_evidence_file(file, b"", Caches())
    assert refused.value.code == code


@pytest.mark.parametrize("said", ["00" * 32, "AB" * 32, "ab", "", "not hex"])
def test_group_38_a_nonce_inside_an_evidence_file_is_never_read(
    said: str, node: Node, nonce: bytes, judge: Judge
) -> None:
    entries = json.loads(nvidia_json(node.attest_to(nonce), nonce))
    file = json.dumps([{**entry, "nonce": said} for entry in entries]).encode()
    assert judge(node, read_evidence_file(file, b"", Caches())).outcome == ACCEPTED


def test_group_40_simulated_evidence_is_refused_under_the_roots_of_nvidia(
    node: Node, nonce: bytes, now: datetime
) -> None:
    evidence = node.attest_to(nonce)
    context = Context(
        nonces={item.subject: nonce for item in evidence},
        reference=reference_files(now, [node]),
        anchors=NVIDIA_ANCHORS,
        now=now,
        max_revocation_age=timedelta(days=30),
        caches=Caches(),
    )
    for claims in verify_node(evidence, context).devices:
        assert claims.level == "none"
        assert "NV-CHAIN-ROOT" in {finding.code for finding in claims.findings}

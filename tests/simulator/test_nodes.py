"""Good nodes of each chip are accepted, and the same seed always gives the same node."""

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from lotabots.evidence import Caches, DerivedChallenge
from lotabots.evidence.schemes.nvidia_gpu import NVIDIA_ANCHORS, Collateral, read_evidence_file
from lotabots.simulator import (
    Chip,
    Fault,
    Node,
    Revocation,
    anchors,
    make_node,
    nvidia_json,
    reference_files,
    roots_pem,
)

Judge = Callable[..., Any]

FINGERPRINT = """\
import hashlib
from datetime import UTC, datetime
from lotabots.simulator import make_node, reference_files
nodes = [make_node("a", seed=b"one"), make_node("b", gpus=2, chip="GB100", seed=b"one")]
digest = hashlib.sha256()
for node in nodes:
    for evidence in node.attest_to(bytes(32)):
        digest.update(evidence.data + evidence.certificates)
for _, data in reference_files(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), nodes).files:
    digest.update(data)
print(digest.hexdigest())
"""


def every_kind() -> list[Node]:
    return [
        make_node("hopper"),
        make_node("hopper-single", gpus=1),
        make_node("hopper-pair", gpus=2, switches=1),
        make_node("blackwell", chip=Chip.GB100),
        make_node("blackwell-single", gpus=1, chip="GB100"),
    ]


@pytest.mark.parametrize("node", every_kind(), ids=lambda node: node.name)
@pytest.mark.parametrize(
    "revocation", [Revocation.PUBLISHED, Revocation.OCSP, Revocation.CRL], ids=str
)
def test_a_good_node_is_accepted_and_marked_as_simulated(
    node: Node, revocation: Revocation, judge: Judge
) -> None:
    judged = judge(node, revocation=revocation)
    assert judged.outcome == "accepted", judged.codes
    assert all(claims.simulated for claims in judged.claims.devices)
    assert {claims.facts["revocation"]["status"] for claims in judged.claims.devices} == {"good"}


def test_a_board_of_eight_gpus_and_four_switches_closes(judge: Judge) -> None:
    facts = judge(make_node("board")).claims.facts
    assert facts["topology"] == {"status": "closed", "gpus": 8, "switches": 4}


def test_without_revocation_data_nothing_is_accepted(judge: Judge) -> None:
    judged = judge(make_node("alone", gpus=1), revocation=Revocation.NONE)
    assert judged.outcome == "inconclusive"
    assert judged.codes == {"gpu0": {"NV-REV-MISSING"}}


@pytest.mark.parametrize("node", every_kind(), ids=lambda node: node.name)
def test_every_reference_file_is_one_that_the_verifier_can_use(node: Node, now: datetime) -> None:
    collateral = Collateral.load(reference_files(now, [node]))
    assert collateral.ignored == ()
    assert collateral.versions.unreadable == ()


def test_places_are_those_that_a_challenge_gives_to_the_inventory(now: datetime) -> None:
    node = make_node("places")
    challenge = DerivedChallenge(
        server="s",
        challenge="c",
        node="places",
        session_key_sha256="00" * 32,
        nonce=bytes(32),
        inventory=node.inventory,
    )
    expected = challenge.expected()
    assert set(expected) == set(node.subjects)
    for evidence in node.attest(expected):
        assert expected[evidence.subject] == evidence.data[4:36]
        item = challenge.device_for(evidence.subject)
        assert item == node.device(evidence.subject).item


def test_a_fault_leaves_the_inventory_and_the_good_node_as_they_were() -> None:
    node = make_node("unchanged")
    swapped = node.with_fault(Fault.GPU_SWAPPED, "gpu3")
    assert swapped.inventory == node.inventory
    assert swapped.device("gpu3").item not in node.inventory
    assert node.faults == ()
    assert node.device("gpu3").item in node.inventory


def test_the_swapped_gpu_is_genuine_where_it_belongs(judge: Judge) -> None:
    judged = judge(make_node("swapped").with_fault(Fault.GPU_SWAPPED, "gpu3"))
    claims = next(claims for claims in judged.claims.devices if claims.subject == "gpu3")
    assert claims.findings == ()
    assert judged.codes["gpu3"] == {"NV-TOPO-GPU-FOREIGN"}


def test_a_fleet_with_one_fault_in_each_node_is_judged_from_one_set_of_files(
    judge: Judge, now: datetime
) -> None:
    nodes = (
        make_node("good"),
        make_node("firmware").with_fault(Fault.FIRMWARE_MODIFIED),
        make_node("debug").with_fault(Fault.DEBUG_MODE),
        make_node("revoked").with_fault(Fault.OCSP_REVOKED),
        make_node("stale").with_fault(Fault.OCSP_STALE),
        make_node("swapped").with_fault(Fault.GPU_SWAPPED),
    )
    reference = reference_files(now, nodes)
    judged = {node.name: judge(node, reference=reference) for node in nodes}
    assert {name: item.outcome for name, item in judged.items()} == {
        "good": "accepted",
        "firmware": "rejected",
        "debug": "rejected",
        "revoked": "rejected",
        "stale": "inconclusive",
        "swapped": "rejected",
    }


def test_two_processes_make_the_same_bytes_from_the_same_seed() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", FINGERPRINT], check=True, capture_output=True, text=True
        ).stdout
        for _ in range(2)
    }
    assert len(digests) == 1
    assert len(digests.pop().strip()) == 64


def test_names_and_seeds_tell_devices_apart() -> None:
    nodes = [make_node("a", seed=b"1"), make_node("b", seed=b"1"), make_node("a", seed=b"2")]
    devices = [item.device_id for node in nodes for item in node.inventory]
    assert len(set(devices)) == len(devices) == 36
    pdis = {device.identity.pdi for node in nodes for device in node.devices}
    assert len(pdis) == 36


def test_the_same_evidence_answers_the_same_nonce_and_no_other() -> None:
    device = make_node("nonces", gpus=1).device("gpu0")
    first, second = device.attest(bytes(32)), device.attest(b"\x01" * 32)
    assert device.attest(bytes(32)) == first != second


def test_reference_files_stay_the_same_within_a_day_but_for_revocation(now: datetime) -> None:
    node = make_node("days", gpus=1)
    files = [dict(reference_files(now + timedelta(hours=h), [node]).files) for h in (0, 2)]
    assert files[0].keys() == files[1].keys()
    changed = {name for name in files[0] if files[0][name] != files[1][name]}
    assert {name.split("/")[0] for name in changed} == {"ocsp", "crl"}


def test_the_json_list_is_read_back_as_the_same_evidence(nonce: bytes) -> None:
    for node in every_kind():
        evidence = node.attest_to(nonce)
        assert read_evidence_file(nvidia_json(evidence, nonce), b"", Caches()) == evidence


def test_the_roots_are_marked_and_share_no_key_with_those_of_nvidia() -> None:
    simulated = anchors()
    marked = (*simulated.device, *simulated.rim, *simulated.tpm)
    assert all(anchor.simulated and "Simulated" in anchor.name for anchor in marked)
    real = (*NVIDIA_ANCHORS.device, *NVIDIA_ANCHORS.rim)
    assert not {a.spki_sha256 for a in marked} & {a.spki_sha256 for a in real}
    assert roots_pem().count(b"BEGIN CERTIFICATE") == 3


def test_nothing_simulated_calls_itself_of_nvidia() -> None:
    node = make_node("names")
    for device in node.devices:
        for certificate in device.identity.chain:
            assert "NVIDIA" not in certificate.subject.rfc4514_string()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"gpus": 0}, "1 to 8"),
        ({"gpus": 9}, "1 to 8"),
        ({"chip": "LS10"}, "is none"),
        ({"chip": "GB100", "switches": 4}, "LS10"),
        ({"chip": "AD102"}, "AD102"),
    ],
)
def test_a_node_that_cannot_be_is_refused(arguments: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        make_node("impossible", **arguments)


def test_a_device_has_one_fault_at_a_time() -> None:
    node = make_node("twice", gpus=1).with_fault(Fault.TRUNCATED)
    with pytest.raises(ValueError, match="already has a fault"):
        node.with_fault(Fault.DEBUG_MODE)
    with pytest.raises(KeyError):
        node.with_fault(Fault.DEBUG_MODE, "gpu7")

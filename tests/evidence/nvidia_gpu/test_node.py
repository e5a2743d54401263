"""Whole simulated nodes: the shape of good facts, worlds kept apart, memories, threads."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from evidence.nvidia_gpu.published import (
    H100,
    H100_RIMS,
    LS10,
    NOBODY,
    THEN,
    codes,
    judge,
    read,
    references,
)

from lotabots.evidence import Anchors, Caches, Context, Evidence, Fact, Facts, Level
from lotabots.evidence.schemes import SCHEMES
from lotabots.evidence.schemes.nvidia_gpu import NVIDIA_ANCHORS, NVIDIA_GPU, verify_node
from lotabots.evidence.schemes.nvidia_gpu.certs import LINKS
from lotabots.evidence.schemes.nvidia_gpu.verify import COLLATERAL
from lotabots.simulator import Fault, Node, anchors, make_node, reference_files

NONCE = bytes(range(32))


@pytest.fixture(scope="module")
def node() -> Node:
    return make_node("a")


@pytest.fixture(scope="module")
def evidence(node: Node) -> list[Evidence]:
    return node.attest_to(NONCE)


@pytest.fixture(scope="module")
def context(node: Node) -> Context:
    return replace(
        NOBODY,
        nonces=dict.fromkeys(node.subjects, NONCE),
        reference=reference_files(THEN, [node]),
        anchors=NVIDIA_ANCHORS.plus(anchors()),
        max_revocation_age=timedelta(days=30),
        caches=Caches(),
    )


def shape(fact: Fact) -> object:
    """Names and types, without the values."""
    if isinstance(fact, dict):
        return {name: shape(value) for name, value in fact.items()}
    return type(fact).__name__


def test_a_good_node_has_the_facts_that_policies_are_proved_against(
    evidence: list[Evidence], context: Context
) -> None:
    claims = verify_node(evidence, context)
    good = NVIDIA_GPU.good_facts
    assert claims.findings == ()
    for device in claims.devices:
        assert device.findings == ()
        assert (device.level, device.simulated) == (Level.ATTESTED, True)
        assert shape(device.facts) == shape(good[device.kind])
    assert claims.facts == good["node"]


def test_the_scheme_is_one_of_the_schemes_and_its_codes_are_its_own() -> None:
    assert NVIDIA_GPU in SCHEMES
    names = [code.name for code in NVIDIA_GPU.codes]
    assert len(set(names)) == len(names)
    assert all(name.startswith("NV-") for name in names)


def test_a_simulated_node_means_nothing_to_nvidias_anchors(
    evidence: list[Evidence], context: Context
) -> None:
    claims = verify_node(evidence, replace(context, anchors=NVIDIA_ANCHORS, caches=Caches()))
    for device in claims.devices:
        assert "NV-CHAIN-ROOT" in codes(device)
        assert device.level is Level.NONE
        assert not device.simulated


def test_links_proven_for_one_set_of_anchors_are_no_trust_for_another(
    evidence: list[Evidence], context: Context
) -> None:
    assert verify_node(evidence, context).devices[0].level is Level.ATTESTED
    strict = verify_node(evidence, replace(context, anchors=NVIDIA_ANCHORS))
    assert {device.level for device in strict.devices} == {Level.NONE}


def test_simulated_reference_values_never_judge_real_hardware(nvidia: Path) -> None:
    real = read(nvidia, *H100)
    swapped = Anchors(
        device=NVIDIA_ANCHORS.device,
        rim=tuple(
            type(anchor)(spki_sha256=anchor.spki_sha256, name=anchor.name, simulated=True)
            for anchor in NVIDIA_ANCHORS.rim
        ),
    )
    (device,) = judge(real, reference=references(nvidia, *H100_RIMS), anchors=swapped).devices
    assert "NV-RIM-CHAIN" in codes(device)
    assert "measurements" not in device.facts
    assert not device.simulated


def test_whatever_is_remembered_the_claims_are_the_same(
    evidence: list[Evidence], context: Context
) -> None:
    cold = replace(context, caches=Caches())
    first = verify_node(evidence, cold)
    assert len(cold.caches.of(LINKS)) > 0
    assert len(cold.caches.of(COLLATERAL)) == 1
    assert verify_node(evidence, cold) == first
    assert verify_node(list(reversed(evidence)), cold).facts == first.facts


def test_what_failed_once_is_found_again_and_never_remembered_as_good(
    node: Node, context: Context
) -> None:
    caches = Caches()
    for fault, code in (
        (Fault.RIM_SIGNATURE_FLIPPED, "NV-RIM-SIG"),
        (Fault.RIM_BY_FOREIGN_ROOT, "NV-RIM-CHAIN"),
        (Fault.LEAF_OF_ANOTHER, "NV-CHAIN-ISSUER"),
        (Fault.OCSP_SIGNATURE_BIT, "NV-REV-INVALID"),
    ):
        bad = node.with_fault(fault)
        held = replace(context, reference=reference_files(THEN, [bad]), caches=caches)
        for _ in range(2):
            claims = verify_node(bad.attest_to(NONCE), held)
            assert code in codes(claims.devices[0]), fault


def test_many_threads_share_the_memories(evidence: list[Evidence], context: Context) -> None:
    shared = replace(context, caches=Caches())
    expected = verify_node(evidence, context)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: verify_node(evidence, shared), range(16)))
    assert all(result == expected for result in results)


def test_a_switch_alone_is_judged_and_its_node_is_left_open(nvidia: Path) -> None:
    claims = judge(read(nvidia, *LS10))
    assert claims.facts["topology"] == {"status": "open", "gpus": 0, "switches": 1}


def test_a_duplicate_takes_the_level_of_the_second_and_not_of_the_first(
    node: Node, context: Context
) -> None:
    twice = node.with_fault(Fault.DEVICE_TWICE)
    claims = verify_node(twice.attest_to(NONCE), context)
    levels = {device.subject: device.level for device in claims.devices}
    assert (levels["gpu0"], levels["gpu1"]) == (Level.ATTESTED, Level.CLAIMED)
    by_name = {device.subject: device for device in claims.devices}
    facts: Facts = by_name["gpu1"].facts
    assert facts["level"] == "claimed"
    assert claims.facts["duplicates"] == 1

"""The 40 groups of tampering that a verifier of NVIDIA evidence must refuse, each with its code.

The groups are those of the research on NVIDIA GPU attestation, section 6. A row is one fault in one
device of a node that is good otherwise; whatever else is found, its code must be among it, and no
other device may be accused. Most faults are signed by the device that has them, so it is never just
the signature that catches them. Sweeps (every bit, cut, index, file) are in test_tamper_sweeps.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

import pytest

from lotabots.appraisal import Verdict
from lotabots.evidence.schemes.nvidia_gpu import Collateral
from lotabots.simulator import Fault, Node, Revocation, make_node, reference_files

Judge = Callable[..., Any]
REJECTED, INCONCLUSIVE, ACCEPTED = "rejected", "inconclusive", "accepted"


class Row(NamedTuple):
    group: int
    fault: Fault
    code: str
    place: str = "gpu1"
    outcome: str = REJECTED
    accused: str = ""
    """The subject of the finding, where that is not the place."""

    @property
    def name(self) -> str:
        return f"group-{self.group:02}-{self.fault}-{self.place}"


NODE = "node"
F = Fault

REPORTS = (
    Row(1, F.REQUEST_BIT, "NV-PARSE-REQUEST"),
    Row(1, F.MEASUREMENT_BIT, "NV-SIG-INVALID"),
    Row(1, F.RESPONDER_NONCE_BIT, "NV-SIG-INVALID"),
    Row(1, F.OPAQUE_BIT, "NV-SIG-INVALID"),
    Row(1, F.SIGNATURE_BIT, "NV-SIG-INVALID"),
    Row(1, F.MEASUREMENT_BIT, "NV-SIG-INVALID", "switch1"),
    Row(2, F.TRUNCATED, "NV-PARSE-TRUNCATED"),
    Row(3, F.TRAILING_BYTE, "NV-PARSE-TRAILING"),
    Row(4, F.NONCE_CHANGED, "NV-SIG-INVALID"),
    Row(4, F.NONCE_CHANGED, "NV-NONCE-MISMATCH"),
    Row(5, F.OTHER_NONCE, "NV-NONCE-MISMATCH"),
    Row(5, F.OTHER_NONCE, "NV-NONCE-MISMATCH", "switch1"),
    Row(7, F.SIGNATURE_SWAPPED, "NV-SIG-INVALID"),
    Row(7, F.SIGNATURE_R_ZERO, "NV-SIG-FORMAT"),
    Row(7, F.SIGNATURE_S_ZERO, "NV-SIG-FORMAT"),
    Row(7, F.SIGNATURE_R_ORDER, "NV-SIG-FORMAT"),
    Row(7, F.SIGNATURE_S_ORDER, "NV-SIG-FORMAT"),
    Row(7, F.SIGNATURE_ZERO, "NV-SIG-FORMAT"),
    Row(8, F.REPORT_TWICE_MALLEATED, "NV-DUP-DEVICE", accused="gpu2"),
    Row(9, F.SIGNATURE_DER, "NV-PARSE-TRAILING"),
    Row(10, F.VERSION_12, "NV-PARSE-REQUEST"),
    Row(11, F.UNSIGNED_REQUESTED, "NV-PARSE-REQUEST"),
    Row(11, F.PARTIAL_REQUESTED, "NV-PARSE-REQUEST"),
    Row(11, F.SLOT_1, "NV-PARSE-REQUEST"),
    Row(12, F.BLOCK_COUNT_LIES, "NV-PARSE-BLOCK"),
    Row(12, F.RECORD_LENGTH_LIES, "NV-PARSE-BLOCK"),
    Row(12, F.RECORD_LENGTH_HUGE, "NV-PARSE-BLOCK"),
    Row(12, F.BLOCK_LENGTH_LIES, "NV-PARSE-BLOCK"),
    Row(12, F.OPAQUE_LENGTH_LIES, "NV-PARSE-OPAQUE"),
    Row(13, F.BLOCK_TWICE, "NV-PARSE-BLOCK"),
    Row(14, F.OPAQUE_TWICE, "NV-PARSE-OPAQUE"),
    Row(14, F.OPAQUE_TWICE, "NV-PARSE-OPAQUE", "switch1"),
    Row(15, F.OPAQUE_VERSION_2, "NV-VERSION-OPAQUE"),
    Row(15, F.FEATURE_UNKNOWN, "NV-MODE-UNKNOWN"),
)

CHAINS = (
    Row(16, F.LEAF_OF_ANOTHER, "NV-CHAIN-ISSUER"),
    Row(16, F.CHAIN_OF_ANOTHER, "NV-SIG-INVALID"),
    Row(16, F.CHAIN_OF_ANOTHER, "NV-SIG-INVALID", "switch1"),
    Row(17, F.CHAIN_REORDERED, "NV-CHAIN-ISSUER"),
    Row(17, F.CHAIN_OF_FOUR, "NV-CHAIN-LENGTH"),
    Row(17, F.CHAIN_OF_SIX, "NV-CHAIN-LENGTH"),
    Row(17, F.CHAIN_WITHOUT_LEAF, "NV-CHAIN-LENGTH"),
    Row(17, F.CHAIN_ROOT_ONLY, "NV-CHAIN-LENGTH"),
    Row(17, F.CHAIN_EMPTY, "NV-CHAIN-LENGTH"),
    Row(18, F.CHAIN_FORGED_ROOT, "NV-CHAIN-ROOT"),
    Row(19, F.CHAIN_LEAF_BY_LEAF, "NV-CHAIN-LENGTH"),
    Row(19, F.CHAIN_BROM_NO_CA, "NV-CHAIN-CA"),
    Row(20, F.SWITCH_AS_GPU, "NV-CLASS-MISMATCH"),
    Row(20, F.GPU_AS_SWITCH, "NV-CLASS-MISMATCH", "switch1"),
    Row(20, F.LEAF_OF_ANOTHER_CHIP, "NV-CLASS-MISMATCH"),
    Row(20, F.ID_OF_ANOTHER_CHIP, "NV-CLASS-MISMATCH"),
    Row(21, F.FWID_DIFFERS, "NV-FWID-MISMATCH"),
)

# A manifest that cannot be used is as good as none: nothing is proven by it, nor against a device.
UNUSABLE = "NV-RIM-SCHEMA"
MANIFESTS = (
    Row(22, F.RIM_HASH_FLIPPED, "NV-RIM-SIG"),
    Row(22, F.RIM_HASH_FLIPPED, "NV-RIM-SIG", "switch1"),
    Row(23, F.RIM_SIGNATURE_FLIPPED, "NV-RIM-SIG"),
    Row(24, F.RIM_BY_DEVICE, "NV-RIM-CHAIN"),
    Row(24, F.RIM_BY_FOREIGN_ROOT, "NV-RIM-CHAIN"),
    Row(25, F.RIM_KEY_VALUE, UNUSABLE, outcome=INCONCLUSIVE),
    Row(26, F.RIM_RESOURCE_IN_OBJECT, UNUSABLE, outcome=INCONCLUSIVE),
    Row(26, F.RIM_META_IN_OBJECT, UNUSABLE, outcome=INCONCLUSIVE),
    Row(26, F.RIM_SIGNED_TWICE, UNUSABLE, outcome=INCONCLUSIVE),
    Row(26, F.RIM_REFERENCE_URI, UNUSABLE, outcome=INCONCLUSIVE),
    Row(26, F.RIM_EXTRA_TRANSFORM, UNUSABLE, outcome=INCONCLUSIVE),
    Row(26, F.RIM_SHA256, UNUSABLE, outcome=INCONCLUSIVE),
    Row(26, F.RIM_HMAC, UNUSABLE, outcome=INCONCLUSIVE),
    Row(27, F.RIM_DOCTYPE, UNUSABLE, outcome=INCONCLUSIVE),
    Row(27, F.RIM_ENTITY, UNUSABLE, outcome=INCONCLUSIVE),
    Row(27, F.RIM_COMMENT, UNUSABLE, outcome=INCONCLUSIVE),
    Row(27, F.RIM_INSTRUCTION, UNUSABLE, outcome=INCONCLUSIVE),
    Row(27, F.RIM_HUGE, UNUSABLE, outcome=INCONCLUSIVE),
    Row(27, F.RIM_DEEP, UNUSABLE, outcome=INCONCLUSIVE),
    Row(28, F.RIM_MISSING, "NV-RIM-MISSING", outcome=INCONCLUSIVE),
    Row(28, F.RIM_OTHER_VERSION, "NV-RIM-VERSION", outcome=INCONCLUSIVE),
    Row(28, F.RIM_OTHER_KIND, "NV-RIM-PRODUCT", outcome=INCONCLUSIVE),
    Row(28, F.RIM_OTHER_CHIP, "NV-RIM-PRODUCT", outcome=INCONCLUSIVE),
    Row(29, F.RIM_EXPIRED, "NV-RIM-EXPIRED", outcome=INCONCLUSIVE),
    Row(29, F.RIM_NOT_YET_VALID, "NV-RIM-NOT-YET-VALID", outcome=INCONCLUSIVE),
    Row(30, F.RIM_CONFLICT, "NV-RIM-CONFLICT"),
    Row(30, F.RIM_INDEX_TWICE, "NV-RIM-SCHEMA", outcome=INCONCLUSIVE),
    Row(30, F.RIM_ALTERNATIVES_LIE, "NV-RIM-SCHEMA", outcome=INCONCLUSIVE),
    Row(30, F.RIM_ODD_HEX, "NV-RIM-SCHEMA", outcome=INCONCLUSIVE),
)
UNREADABLE = [row for row in MANIFESTS if row.group in {25, 26, 27}]

DEVICES = (
    Row(31, F.FIRMWARE_MODIFIED, "NV-MEAS-MISMATCH"),
    Row(31, F.FIRMWARE_MODIFIED, "NV-MEAS-MISMATCH", "switch1"),
    Row(31, F.BLOCKS_MISSING, "NV-MEAS-MISSING"),
    Row(32, F.NVDEC0_ON_DEVIATING, "NV-MEAS-MISMATCH"),
    Row(32, F.NVDEC0_UNKNOWN, "NV-MEAS-NVDEC0"),
    Row(35, F.DEVICE_TWICE, "NV-DUP-DEVICE", accused="gpu2"),
    Row(35, F.REPORT_TWICE, "NV-DUP-DEVICE", accused="gpu2"),
    Row(35, F.SUBJECT_TWICE, "NV-DUP-SUBJECT"),
    Row(36, F.GPU_SWAPPED, "NV-TOPO-GPU-FOREIGN"),
    Row(36, F.GPU_SWAPPED, "NV-TOPO-GPU-MISSING", accused=NODE),
    Row(36, F.SWITCH_MISSING, "NV-TOPO-SWITCH-MISSING", "switch1", accused=NODE),
    Row(36, F.SWITCH_SWAPPED, "NV-TOPO-SWITCH-FOREIGN", "switch1"),
    Row(36, F.SWITCH_PDI_FALSE, "NV-TOPO-PDI", "switch1"),
    Row(36, F.SWITCHES_DIFFER, "NV-TOPO-SET-DIFFERS"),
    Row(36, F.OTHER_NONCE, "NV-TOPO-NONCE", accused=NODE),
    Row(36, F.MODES_MIXED, "NV-TOPO-MODE", accused=NODE),
    Row(37, F.DRIVER_BELOW_FLOOR, "NV-VERSION-BELOW"),
    Row(40, F.DEBUG_MODE, "NV-MEAS-MISMATCH"),
)

RESPONSES = (
    Row(33, F.OCSP_REVOKED, "NV-REV-REVOKED"),
    Row(33, F.OCSP_REVOKED, "NV-REV-REVOKED", "switch1"),
    Row(33, F.OCSP_HOLD, "NV-REV-HOLD"),
    Row(33, F.OCSP_UNKNOWN, "NV-REV-UNKNOWN", outcome=INCONCLUSIVE),
    Row(33, F.OCSP_MISSING, "NV-REV-MISSING", outcome=INCONCLUSIVE),
    Row(33, F.OCSP_STALE, "NV-REV-STALE", outcome=INCONCLUSIVE),
    Row(33, F.OCSP_FUTURE, "NV-REV-INVALID", outcome=INCONCLUSIVE),
    Row(33, F.OCSP_OTHER_SERIAL, "NV-REV-MISSING", outcome=INCONCLUSIVE),
    Row(33, F.OCSP_NO_PURPOSE, "NV-REV-INVALID", outcome=INCONCLUSIVE),
    Row(33, F.OCSP_OTHER_ISSUER, "NV-REV-INVALID", outcome=INCONCLUSIVE),
    Row(33, F.OCSP_SIGNATURE_BIT, "NV-REV-INVALID", outcome=INCONCLUSIVE),
    Row(33, F.OCSP_TAIL, "NV-REV-MISSING", outcome=INCONCLUSIVE),
)
# Of a certificate that devices share.
SHARED_RESPONSES = (
    Row(33, F.PROVISIONER_REVOKED, "NV-REV-REVOKED"),
    Row(33, F.RIM_SIGNER_REVOKED, "NV-REV-REVOKED"),
    Row(33, F.RIM_SIGNER_REVOKED, "NV-REV-REVOKED", "switch1"),
)

LISTS = (
    Row(34, F.CRL_REVOKED, "NV-REV-REVOKED"),
    Row(34, F.CRL_HOLD, "NV-REV-HOLD"),
    Row(34, F.CRL_MISSING, "NV-REV-MISSING", outcome=INCONCLUSIVE),
    Row(34, F.CRL_STALE, "NV-REV-STALE", outcome=INCONCLUSIVE),
    Row(34, F.CRL_OTHER_ISSUER, "NV-REV-MISSING", outcome=INCONCLUSIVE),
    Row(34, F.CRL_FORGED, "NV-REV-INVALID", outcome=INCONCLUSIVE),
)

TABLE = REPORTS + CHAINS + MANIFESTS + DEVICES + RESPONSES + SHARED_RESPONSES + LISTS

# These two need a server; the rest of 33 (a nonce in OCSP) does not exist in supplied collateral.
ELSEWHERE = {
    6: "a nonce used again: tests/attestation, where a challenge is spent once",
    39: "an older bundle of collateral: tests/reference/test_bundle.py",
}
SWEPT = {38}

# What is allowed, by verification; a policy may still ask for more.
HARMLESS = (F.FWID_ABSENT, F.NVDEC0_OFF_DEVIATING, F.SIGNATURE_MALLEATED)


@pytest.fixture(scope="module")
def node() -> Node:
    """Small, and with every relation that a whole board has."""
    return make_node("tampered", gpus=3, switches=2)


def by_name(row: object) -> str:
    return row.name if isinstance(row, Row) else str(row)


def test_the_node_is_accepted_before_anything_is_tampered_with(node: Node, judge: Judge) -> None:
    for revocation in (Revocation.PUBLISHED, Revocation.OCSP, Revocation.CRL):
        judged = judge(node, revocation=revocation)
        assert judged.outcome == ACCEPTED
        assert judged.codes == {}
        assert judged.claims.facts["topology"] == {"status": "closed", "gpus": 3, "switches": 2}


@pytest.mark.parametrize("row", TABLE, ids=by_name)
def test_a_fault_is_refused_with_its_code_and_no_other_device_is_accused(
    row: Row, node: Node, judge: Judge
) -> None:
    revocation = Revocation.CRL if row in LISTS else Revocation.PUBLISHED
    judged = judge(node.with_fault(row.fault, row.place), revocation=revocation)
    assert row.code in judged.codes.get(row.accused or row.place, set()), judged.codes
    assert judged.outcome == row.outcome
    # A manifest is of all devices of a chip, and a CRL of all of an issuer.
    shared = row in MANIFESTS + SHARED_RESPONSES + LISTS
    accused = {row.place, row.accused or row.place, NODE}
    assert shared or set(judged.codes) <= accused
    attested = {claims.subject for claims in judged.claims.devices if claims.level == "attested"}
    assert shared or {"gpu0", "switch0"} <= attested
    if row.accused != NODE:
        assert (row.accused or row.place) not in attested


@pytest.mark.parametrize("row", TABLE, ids=by_name)
def test_a_fault_decides_the_verdict_on_the_whole_node(
    row: Row, node: Node, verdict_on: Callable[[Node, Revocation], Verdict]
) -> None:
    revocation = Revocation.CRL if row in LISTS else Revocation.PUBLISHED
    verdict = verdict_on(node.with_fault(row.fault, row.place), revocation)
    assert verdict.outcome == row.outcome
    assert row.code in {finding.code for finding in verdict.findings}


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (F.FWID_ABSENT, REJECTED),  # group 21: no finding, and the policy requires a match
        (F.NVDEC0_OFF_DEVIATING, ACCEPTED),
        (F.SIGNATURE_MALLEATED, ACCEPTED),
    ],
)
def test_a_policy_decides_about_what_is_unusual_but_genuine(
    fault: Fault, outcome: str, node: Node, verdict_on: Callable[[Node, Revocation], Verdict]
) -> None:
    verdict = verdict_on(node.with_fault(fault, "gpu1"), Revocation.PUBLISHED)
    assert verdict.outcome == outcome


@pytest.mark.parametrize("fault", HARMLESS, ids=str)
def test_what_is_unusual_but_genuine_is_accepted(fault: Fault, node: Node, judge: Judge) -> None:
    judged = judge(node.with_fault(fault, "gpu1"))
    assert judged.outcome == ACCEPTED, judged.codes


def test_every_group_and_every_fault_has_a_row() -> None:
    groups = {row.group for row in TABLE} | ELSEWHERE.keys() | SWEPT
    assert groups == set(range(1, 41))
    assert {row.fault for row in TABLE} | set(HARMLESS) == set(Fault)


@pytest.mark.parametrize("row", UNREADABLE, ids=by_name)
def test_an_unusable_manifest_is_listed_with_the_reason(
    row: Row, node: Node, now: datetime
) -> None:
    collateral = Collateral.load(reference_files(now, [node.with_fault(row.fault, "gpu1")]))
    assert [name for name, reason in collateral.ignored if reason] == [
        "rim/NV_GPU_DRIVER_GH100_990.12.xml"
    ]

"""Every single fault of a TPM, its logs and what it covers is refused with its own code."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulator.whole import Whole

from lotabots.appraisal import Verdict
from lotabots.evidence import Evidence
from lotabots.simulator import Logs, Node, TpmFault, make_node

JudgeWhole = Callable[..., Verdict]
REJECTED, INCONCLUSIVE, ACCEPTED = "rejected", "inconclusive", "accepted"
F = TpmFault


class Row(NamedTuple):
    fault: TpmFault
    code: str
    outcome: str = REJECTED
    accused: str = "tpm0"


STATES = (
    Row(F.FIRMWARE_OTHER, "TPM-PCR-MISMATCH"),
    Row(F.SECURE_BOOT_OFF, "TPM-SECURE-BOOT"),
    Row(F.KERNEL_OTHER, "TPM-BOOT-APPLICATION"),
    Row(F.PCR_EXTENDED, "TPM-EVENTLOG-MISMATCH"),
    Row(F.KEYS_CHANGED, "TPM-PCR-MISMATCH"),
    Row(F.FILE_UNKNOWN, "POLICY-NOT-SATISFIED", INCONCLUSIVE),
    Row(F.FILE_CHANGED, "TPM-IMA-NOT-ALLOWED"),
    Row(F.FILE_DENIED, "TPM-IMA-DENIED"),
    Row(F.FILE_VIOLATION, "POLICY-RULE-FAILED"),
)
LOGS = (
    Row(F.LOG_DIGEST_CHANGED, "TPM-EVENTLOG-MISMATCH"),
    Row(F.LOG_EVENT_REMOVED, "TPM-EVENTLOG-MISMATCH"),
    Row(F.LOG_EVENT_ADDED, "TPM-EVENTLOG-MISMATCH"),
    Row(F.LOG_SECURE_BOOT_LIES, "TPM-EVENTLOG-FALSE"),
    Row(F.LOG_APPLICATION_LIES, "TPM-EVENTLOG-MISMATCH"),
    Row(F.LOG_TRUNCATED, "TPM-EVENTLOG-MALFORMED"),
    Row(F.LOG_LENGTH_HUGE, "TPM-EVENTLOG-MALFORMED"),
    Row(F.IMA_LINE_REMOVED, "TPM-IMA-MISMATCH"),
    Row(F.IMA_LINE_CHANGED, "TPM-IMA-FALSE"),
    Row(F.IMA_AHEAD, "TPM-IMA-OFFSET", INCONCLUSIVE),
    Row(F.IMA_MALFORMED, "TPM-IMA-MALFORMED"),
    Row(F.IMA_ABSENT, "POLICY-NOT-SATISFIED", INCONCLUSIVE),
)
QUOTES = (
    Row(F.QUOTE_OF_ANOTHER, "TPM-SIGNATURE-INVALID"),
    Row(F.NONCE_OTHER, "TPM-NONCE-MISMATCH"),
    Row(F.NOT_A_QUOTE, "TPM-ATTEST-MALFORMED"),
    Row(F.NOT_GENERATED, "TPM-ATTEST-MALFORMED"),
    Row(F.PCRS_FEWER, "TPM-PCR-SELECTION"),
    Row(F.PCR_VALUE_CHANGED, "TPM-PCR-DIGEST"),
    Row(F.PCR_VALUE_MISSING, "TPM-PCR-DIGEST"),
    Row(F.ATTEST_BIT, "TPM-SIGNATURE-INVALID"),
    Row(F.ATTEST_TRUNCATED, "TPM-ATTEST-MALFORMED"),
    Row(F.ATTEST_TRAILING, "TPM-ATTEST-MALFORMED"),
    Row(F.SIGNATURE_BIT, "TPM-SIGNATURE-INVALID"),
    Row(F.SIGNATURE_ZERO, "TPM-SIGNATURE-INVALID"),
    Row(F.SIGNATURE_TRUNCATED, "TPM-SIGNATURE-MALFORMED"),
)
FORMATS = (
    *(
        Row(fault, "TPM-EVIDENCE-MALFORMED")
        for fault in (F.FORMAT_OTHER, F.FIELD_UNKNOWN, F.FIELD_MISSING, F.FIELD_TWICE, F.TRUNCATED)
    ),
    Row(F.OVERSIZE, "TPM-LIMIT-EVIDENCE"),
)
MANIFESTS = (
    Row(F.MANIFEST_REPLAYED, "TPM-MANIFEST-REPLAYED"),
    Row(F.EVIDENCE_REPLAYED, "TPM-MANIFEST-REPLAYED"),
    Row(F.EVIDENCE_REPLAYED, "TPM-NONCE-MISMATCH"),
    Row(F.MANIFEST_CHANGED, "TPM-NONCE-MISMATCH"),
    Row(F.MANIFEST_COUNTERS, "TPM-MANIFEST-COUNTERS"),
    Row(F.MANIFEST_SPACED, "TPM-MANIFEST-MALFORMED"),
)
LEAVES = (
    Row(F.LEAF_REMOVED, "TPM-LEAF-REMOVED", accused="gpu0"),
    Row(F.LEAF_ADDED, "TPM-LEAF-ADDED", accused="host1"),
    Row(F.LEAF_REPLACED, "TPM-LEAF-REPLACED", accused="gpu0"),
    Row(F.LEAF_REORDERED, "TPM-LEAF-REORDERED", accused="gpu0"),
    Row(F.LEAF_REORDERED, "TPM-LEAF-REORDERED", accused="gpu1"),
    Row(F.LEAF_REPLAYED, "TPM-LEAF-REPLACED", accused="gpu0"),
    Row(F.LEAF_UNCOVERED, "TPM-LEAF-ADDED", accused="host0"),
)
ENROLMENTS = (
    Row(F.EK_WITHOUT_CERTIFICATE, "TPM-CHAIN-ABSENT", INCONCLUSIVE),
    Row(F.EK_FORGED_ROOT, "TPM-CHAIN-UNTRUSTED", INCONCLUSIVE),
    Row(F.EK_BY_DEVICE_ROOT, "TPM-CHAIN-UNTRUSTED", INCONCLUSIVE),
    Row(F.EK_OTHER_PURPOSE, "TPM-CHAIN-USE"),
    Row(F.EK_OF_ANOTHER, "TPM-CHAIN-KEY"),
    Row(F.AK_UNRESTRICTED, "TPM-AK-UNFIT"),
)
REFERENCES = (
    Row(F.PCR_UNJUDGED, "POLICY-NOT-SATISFIED", INCONCLUSIVE),
    Row(F.REFERENCE_MISSING, "POLICY-NOT-SATISFIED", INCONCLUSIVE),
)
TABLE = (*STATES, *LOGS, *QUOTES, *FORMATS, *MANIFESTS, *LEAVES, *ENROLMENTS, *REFERENCES)
BACKWARDS = (F.CLOCK_BACK, F.RESETS_BACK)
HARMLESS = (F.LOG_ABSENT, F.IMA_LINE_ADDED)


@pytest.fixture(scope="module")
def node() -> Node:
    return make_node("covered", gpus=2, chip="GB100", tpm=True)


def by_name(row: Row) -> str:
    return f"{row.fault}-{row.code}-{row.accused}"


def test_the_node_is_accepted_before_anything_is_wrong_with_it(
    node: Node, judge_whole: JudgeWhole
) -> None:
    verdict = judge_whole(node)
    assert verdict.outcome == ACCEPTED
    assert {found.code for found in verdict.findings} == {"NODE-BINDING-WEAK"}


@pytest.mark.parametrize("row", TABLE, ids=by_name)
def test_a_fault_is_refused_with_its_code(row: Row, node: Node, judge_whole: JudgeWhole) -> None:
    verdict = judge_whole(node.with_fault(row.fault))
    found = {(finding.code, finding.subject) for finding in verdict.findings}
    assert verdict.outcome == row.outcome, found
    assert (row.code, row.accused) in found


@pytest.mark.parametrize("row", [row for row in TABLE if row not in LEAVES], ids=by_name)
def test_a_fault_of_the_tpm_accuses_no_device(
    row: Row, node: Node, judge_whole: JudgeWhole
) -> None:
    verdict = judge_whole(node.with_fault(row.fault))
    accused = {finding.subject for finding in verdict.findings}
    assert accused <= {"tpm0", "node"}


@pytest.mark.parametrize("fault", BACKWARDS, ids=str)
def test_a_clock_or_counter_that_falls_is_refused(
    fault: TpmFault, node: Node, judge_whole: JudgeWhole, whole: Whole
) -> None:
    state = whole.next_state(None, judge_whole(node))
    verdict = judge_whole(node.with_fault(fault), previous=state)
    assert verdict.outcome == REJECTED
    assert "TPM-CLOCK-BACKWARDS" in {finding.code for finding in verdict.findings}


@pytest.mark.parametrize("fault", HARMLESS, ids=str)
def test_what_is_unusual_but_true_is_accepted(
    fault: TpmFault, node: Node, judge_whole: JudgeWhole
) -> None:
    assert judge_whole(node.with_fault(fault)).outcome == ACCEPTED


def test_every_fault_has_a_row() -> None:
    assert {row.fault for row in TABLE} | {*BACKWARDS, *HARMLESS} == set(TpmFault)


@pytest.fixture(scope="module")
def bare(whole: Whole) -> list[Evidence]:
    """A TPM's answer without an event log, whose words are not all measured."""
    host = make_node("bare", gpus=0, tpm=True)
    return host.attest_whole(whole.challenge(host), logs=Logs(event_log=False))


@given(place=st.integers(0, 10_000), change=st.integers(1, 255))
def test_no_byte_of_a_tpms_answer_can_be_changed(
    place: int, change: int, bare: list[Evidence], whole: Whole
) -> None:
    host, answer = make_node("bare", gpus=0, tpm=True), bare[-1]
    assert whole.judge(host, evidence=bare).outcome == ACCEPTED
    changed = bytearray(answer.data)
    changed[place % len(changed)] ^= change
    data = msgspec.structs.replace(answer, data=bytes(changed))
    assert whole.judge(host, evidence=[*bare[:-1], data]).outcome != ACCEPTED


@given(size=st.integers(0, 10_000))
def test_no_answer_that_was_cut_off_is_accepted(
    size: int, bare: list[Evidence], whole: Whole
) -> None:
    host, answer = make_node("bare", gpus=0, tpm=True), bare[-1]
    data = msgspec.structs.replace(answer, data=answer.data[: size % len(answer.data)])
    assert whole.judge(host, evidence=[*bare[:-1], data]).outcome == REJECTED

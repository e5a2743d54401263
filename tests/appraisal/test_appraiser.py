from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lotabots.appraisal import (
    Appraiser,
    Inputs,
    NodeState,
    Outcome,
    Strength,
    Verdict,
    appraise,
    builtin_policy,
)
from lotabots.evidence import Caches, Evidence, GivenNonce, Level, ReferenceFiles
from lotabots.evidence.schemes.nvidia_gpu import NVIDIA_ANCHORS, read_evidence_file
from lotabots.simulator import Fault, Node, make_node, reference_files


def judged(inputs: Inputs, appraiser: Appraiser) -> Verdict:
    return appraise(inputs, Caches(), appraiser)


def codes(verdict: Verdict) -> list[tuple[str, str]]:
    return [(found.code, found.subject) for found in verdict.findings]


def test_a_good_node_is_accepted_and_every_input_is_named(
    inputs_of: Any, appraiser: Appraiser
) -> None:
    inputs = inputs_of()
    verdict = judged(inputs, appraiser)
    assert (verdict.outcome, verdict.tier, verdict.findings) == (Outcome.ACCEPTED, 2, ())
    assert [(part.subject, part.level, part.simulated) for part in verdict.parts] == [
        ("gpu0", Level.ATTESTED, True),
        ("gpu1", Level.ATTESTED, True),
    ]
    assert verdict.parts[0].vector == {
        "hardware": 2,
        "instance-identity": 2,
        "executables": 2,
        "configuration": 2,
    }
    assert verdict.policy_id == inputs.policy.id
    assert verdict.challenge == "challenge-1"
    assert verdict.node == "node-1"
    assert verdict.appraiser == appraiser
    assert [one.subject for one in verdict.evidence] == ["gpu0", "gpu1"]


@pytest.mark.parametrize("name", ["default", "strict"])
def test_simulated_hardware_is_refused_unless_a_policy_allows_it(
    inputs_of: Any, appraiser: Appraiser, name: str
) -> None:
    verdict = judged(inputs_of(policy=builtin_policy(name)), appraiser)
    assert (verdict.outcome, verdict.tier) == (Outcome.REJECTED, 97)
    assert {part.tier for part in verdict.parts} == {97}
    assert verdict.first_reason().code == "POLICY-SIMULATED"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("fault", "outcome", "code"),
    [
        (Fault.FIRMWARE_MODIFIED, Outcome.REJECTED, "NV-MEAS-MISMATCH"),
        (Fault.DEBUG_MODE, Outcome.REJECTED, "NV-MEAS-MISMATCH"),
        (Fault.SIGNATURE_BIT, Outcome.REJECTED, "NV-SIG-INVALID"),
        (Fault.OTHER_NONCE, Outcome.REJECTED, "NV-NONCE-MISMATCH"),
        (Fault.FWID_ABSENT, Outcome.REJECTED, "POLICY-RULE-FAILED"),
        (Fault.GPU_SWAPPED, Outcome.REJECTED, "NODE-DEVICE-SWAPPED"),
        (Fault.DEVICE_TWICE, Outcome.REJECTED, "NODE-DEVICE-SWAPPED"),
        (Fault.SUBJECT_TWICE, Outcome.REJECTED, "NODE-SUBJECT-REPEATED"),
        (Fault.OCSP_REVOKED, Outcome.REJECTED, "NV-REV-REVOKED"),
        (Fault.OCSP_STALE, Outcome.INCONCLUSIVE, "NV-REV-STALE"),
        (Fault.OCSP_MISSING, Outcome.INCONCLUSIVE, "NV-REV-MISSING"),
        (Fault.RIM_MISSING, Outcome.INCONCLUSIVE, "NV-RIM-MISSING"),
        (Fault.RIM_EXPIRED, Outcome.INCONCLUSIVE, "NV-RIM-EXPIRED"),
    ],
)
def test_a_fault_in_one_gpu_decides_the_node(
    inputs_of: Any, appraiser: Appraiser, node: Node, fault: Fault, outcome: Outcome, code: str
) -> None:
    faulty = node.with_fault(fault)
    reference = reference_files(datetime(2026, 11, 23, 12, tzinfo=UTC), [faulty])
    verdict = judged(inputs_of(faulty, reference=reference), appraiser)
    assert verdict.outcome is outcome
    assert code in {found.code for found in verdict.findings}


def test_no_evidence_is_never_a_pass(inputs_of: Any, appraiser: Appraiser) -> None:
    silent = judged(inputs_of(evidence=()), appraiser)
    assert (silent.outcome, silent.tier) == (Outcome.INCONCLUSIVE, 0)
    assert ("POLICY-EVIDENCE-REQUIRED", "node") in codes(silent)
    assert ("NODE-DEVICE-MISSING", "gpu1") in codes(silent)
    assert {part.level for part in silent.parts} == {Level.NONE}
    nothing = judged(inputs_of(evidence=(), challenge=GivenNonce(bytes(32))), appraiser)
    assert nothing.outcome is Outcome.INCONCLUSIVE


def test_a_silent_device_is_a_part_of_its_own(inputs_of: Any, appraiser: Appraiser) -> None:
    verdict = judged(inputs_of(evidence=inputs_of().evidence[:1]), appraiser)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    good, silent = verdict.parts
    assert (good.subject, good.outcome) == ("gpu0", Outcome.ACCEPTED)
    assert (silent.subject, silent.kind, silent.outcome) == ("gpu1", "gpu", Outcome.INCONCLUSIVE)
    assert silent.findings[0].code == "NODE-DEVICE-MISSING"


def test_evidence_that_nobody_declared_is_refused(
    inputs_of: Any, appraiser: Appraiser, node: Node
) -> None:
    inputs = inputs_of()
    stranger = msgspec.structs.replace(inputs.evidence[0], subject="gpu7")
    verdict = judged(inputs_of(evidence=(*inputs.evidence, stranger)), appraiser)
    assert verdict.outcome is Outcome.REJECTED
    assert ("NODE-DEVICE-UNDECLARED", "gpu7") in codes(verdict)


def test_evidence_of_an_unknown_scheme_is_refused(inputs_of: Any, appraiser: Appraiser) -> None:
    inputs = inputs_of()
    strange = Evidence(scheme="crystal_ball", subject="orb0", data=b"", certificates=b"")
    verdict = judged(inputs_of(evidence=(*inputs.evidence, strange)), appraiser)
    assert verdict.outcome is Outcome.REJECTED
    assert ("NODE-SCHEME-UNKNOWN", "orb0") in codes(verdict)


def test_more_evidence_than_a_node_can_have_is_refused_whole(
    inputs_of: Any, appraiser: Appraiser
) -> None:
    one = inputs_of().evidence[0]
    flood = tuple(msgspec.structs.replace(one, subject=f"gpu{at}") for at in range(1000))
    verdict = judged(inputs_of(evidence=flood, challenge=GivenNonce(bytes(32))), appraiser)
    assert verdict.outcome is not Outcome.ACCEPTED
    assert len(verdict.parts) == 1000


def test_a_kind_without_a_rule_is_not_judged(
    inputs_of: Any, appraiser: Appraiser, policy_of: Any
) -> None:
    board = make_node("board", gpus=8, switches=4)
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    policy = policy_of("gpu.nonce == 'match'", parameters={"allow_simulated": True})
    inputs = inputs_of(board, policy=policy, reference=reference_files(now, [board]))
    verdict = judged(inputs, appraiser)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert [found.subject for found in verdict.findings if found.code == "POLICY-NO-RULE"] == [
        "switch0",
        "switch1",
        "switch2",
        "switch3",
    ]


def test_a_policy_without_a_rule_about_the_node_can_accept(
    inputs_of: Any, appraiser: Appraiser, policy_of: Any
) -> None:
    policy = policy_of("gpu.nonce == 'match'", parameters={"allow_simulated": True})
    assert judged(inputs_of(policy=policy), appraiser).outcome is Outcome.ACCEPTED
    silent = judged(inputs_of(policy=policy, evidence=()), appraiser)
    assert silent.outcome is Outcome.INCONCLUSIVE


def test_fewer_devices_than_required_are_not_enough(
    inputs_of: Any, appraiser: Appraiser, policy_of: Any
) -> None:
    changes = {"require": {"gpu": {"min": 3}}, "parameters": {"allow_simulated": True}}
    verdict = judged(inputs_of(policy=policy_of("gpu.nonce == 'match'", **changes)), appraiser)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert [found.code for found in verdict.findings] == ["POLICY-EVIDENCE-REQUIRED"]


def test_a_verdict_before_the_previous_one_is_not_given(
    inputs_of: Any, appraiser: Appraiser
) -> None:
    first = judged(inputs_of(), appraiser)
    state = NodeState(evaluated_at=first.evaluated_at, outcome=first.outcome)
    later = inputs_of(previous=state)
    assert judged(later, appraiser).outcome is Outcome.ACCEPTED
    ahead = msgspec.structs.replace(state, evaluated_at=first.evaluated_at + timedelta(seconds=1))
    verdict = judged(inputs_of(previous=ahead), appraiser)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert codes(verdict) == [("NODE-CLOCK-BACKWARDS", "node")]


def test_bindings_are_graded_for_what_they_are(inputs_of: Any, appraiser: Appraiser) -> None:
    def strengths(inputs: Inputs) -> dict[str, Strength]:
        return {one.between: one.strength for one in judged(inputs, appraiser).bindings}

    strong, none = Strength.STRONG, Strength.NONE
    inputs = inputs_of()
    assert strengths(inputs) == {
        "session-key-root-of-trust": none,
        "nonce-session-key": strong,
        "gpu-host": none,
        "fabric": none,
        "policy-verdict": strong,
    }
    given = strengths(inputs_of(challenge=GivenNonce(bytes(32))))
    assert (given["nonce-session-key"], given["gpu-host"]) == (none, none)
    partial = strengths(inputs_of(evidence=inputs.evidence[:1]))
    assert (partial["nonce-session-key"], partial["gpu-host"]) == (strong, none)


def test_a_closed_fabric_is_a_strong_binding(inputs_of: Any, appraiser: Appraiser) -> None:
    board = make_node("board", gpus=8, switches=4)
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    verdict = judged(inputs_of(board, reference=reference_files(now, [board])), appraiser)
    assert verdict.outcome is Outcome.ACCEPTED, codes(verdict)
    fabric = next(one for one in verdict.bindings if one.between == "fabric")
    assert fabric.strength is Strength.STRONG


def test_caches_change_nothing(inputs_of: Any, appraiser: Appraiser) -> None:
    caches = Caches()
    digests = {appraise(inputs_of(), caches, appraiser).digest for _ in range(3)}
    assert digests == {judged(inputs_of(), appraiser).digest}


@pytest.fixture
def h100(vectors: Path) -> tuple[tuple[Evidence, ...], ReferenceFiles]:
    real = vectors / "nvidia"
    evidence = read_evidence_file(
        (real / "nvtrust-local-verifier" / "hopperAttestationReport.txt").read_bytes(),
        (real / "nvtrust-local-verifier" / "hopperCertChain.txt").read_bytes(),
        Caches(),
    )
    folders = [real / "google-go-nvattest-tools" / name for name in ("rim", "ocsp")]
    files = {path.name: path.read_bytes() for folder in folders for path in folder.iterdir()}
    return tuple(evidence), ReferenceFiles.of(files)


NONCE = bytes.fromhex("931d8dd0add203ac3d8b4fbde75e115278eefcdceac5b87671a748f32364dfcb")


@pytest.mark.parametrize(
    ("at", "days", "outcome", "first"),
    [
        ("2025-10-24T12:00:00+00:00", 120, Outcome.ACCEPTED, None),
        ("2025-10-24T12:00:00+00:00", 30, Outcome.INCONCLUSIVE, "NV-REV-STALE"),
        ("2026-11-23T12:00:00+00:00", 120, Outcome.INCONCLUSIVE, "NV-RIM-EXPIRED"),
    ],
)
def test_a_real_h100_is_judged_by_the_default_policy(
    h100: tuple[tuple[Evidence, ...], ReferenceFiles],
    appraiser: Appraiser,
    at: str,
    days: int,
    outcome: Outcome,
    first: str | None,
) -> None:
    evidence, reference = h100
    inputs = Inputs(
        evidence=evidence,
        challenge=GivenNonce(NONCE),
        reference=reference,
        policy=builtin_policy("default").with_max_revocation_age(timedelta(days=days)),
        anchors=NVIDIA_ANCHORS,
        now=datetime.fromisoformat(at),
        node="h100",
    )
    verdict = judged(inputs, appraiser)
    reason = verdict.first_reason()
    assert (verdict.outcome, reason and reason.code) == (outcome, first)
    without = judged(msgspec.structs.replace(inputs, reference=ReferenceFiles(())), appraiser)
    assert without.outcome is Outcome.INCONCLUSIVE
    assert {"NV-RIM-MISSING", "NV-REV-MISSING"} <= {found.code for found in without.findings}

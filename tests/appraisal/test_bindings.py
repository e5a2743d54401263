"""What is tied together is graded as it is, told where it is weak, and borne by name."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from lotabots.appraisal import (
    Accepted,
    Appraiser,
    Binding,
    Identity,
    Inputs,
    Outcome,
    Scope,
    Strength,
    Verdict,
    appraise,
    builtin_policy,
    load_policy,
)
from lotabots.evidence import Caches, DerivedChallenge, InventoryItem, Level
from lotabots.simulator import Node, TpmFault, anchors, make_node, reference_files

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
UNTIL = "2027-01-01T00:00:00Z"
OWNER = {"owner": "Ada", "until": UNTIL, "reason": "No TDISP before 2027."}
NODE = make_node("node-1", gpus=2, switches=0, tpm=True)
ALONE = make_node("node-2", gpus=0, tpm=True)
BARE = make_node("node-3", gpus=2, switches=0)
CACHES = Caches()
APPRAISER = Appraiser(version="1.2.3", digest="ab" * 32)


def inputs(node: Node = NODE, also: tuple[InventoryItem, ...] = (), **changes: Any) -> Inputs:
    challenge = DerivedChallenge(
        server="https://server.example",
        challenge="challenge-1",
        node="node-1",
        session_key_sha256="cd" * 32,
        nonce=bytes(range(32)),
        inventory=(*node.inventory, *also),
    )
    arguments: dict[str, Any] = {
        "evidence": tuple(node.attest_whole(challenge)),
        "challenge": challenge,
        "reference": reference_files(NOW, [node]),
        "policy": builtin_policy("demo"),
        "anchors": anchors(),
        "now": NOW,
        "node": "node-1",
        "identity": Identity.TPM if node.tpms else Identity.DECLARED,
        "tpms": node.tpms,
    }
    return Inputs(**(arguments | changes))


def judged(node: Node = NODE, also: tuple[InventoryItem, ...] = (), **changes: Any) -> Verdict:
    return appraise(inputs(node, also, **changes), CACHES, APPRAISER)


def strengths(verdict: Verdict) -> dict[str, str]:
    return {one.between: one.strength.value for one in verdict.bindings}


def codes(verdict: Verdict) -> list[tuple[str, str]]:
    return [(found.code, found.subject) for found in verdict.findings]


def policy_with(*rules: dict[str, object], name: str = "demo") -> Any:
    plain = msgspec.json.decode(builtin_policy(name).document)
    plain["rules"] = [*plain["rules"], *rules]
    return load_policy(msgspec.json.encode(plain))


def about_node(when: str, **changes: object) -> dict[str, object]:
    return {
        "id": "mine",
        "evidence": "node",
        "claim": "hardware",
        "when": when,
        "tier": 32,
        "severity": "low",
        "title": "It is so",
        "why": "Because.",
        "fix": "Make it so.",
        "accepted": OWNER,
    } | changes


def test_a_root_quote_ties_the_session_key_strongly_and_the_gpus_weakly() -> None:
    verdict = judged()
    assert strengths(verdict) == {
        "session-key-root-of-trust": "strong",
        "nonce-session-key": "strong",
        "gpu-host": "weak",
        "container-kernel": "none",
        "model-container": "none",
        "fabric": "none",
        "policy-verdict": "strong",
    }
    assert (verdict.outcome, verdict.tier) == (Outcome.ACCEPTED, 32)
    assert codes(verdict) == [("NODE-BINDING-WEAK", "node")]
    assert {part.tier for part in verdict.parts} == {2}


def test_a_node_of_a_tpm_alone_is_accepted_without_a_warning() -> None:
    verdict = judged(ALONE, policy=builtin_policy("demo-host"))
    assert (verdict.outcome, verdict.tier, verdict.findings) == (Outcome.ACCEPTED, 2, ())
    assert strengths(verdict)["gpu-host"] == "none"
    assert verdict.simulated
    real = judged(ALONE, policy=builtin_policy("host"))
    assert (real.outcome, real.tier) == (Outcome.REJECTED, 97)


@pytest.mark.parametrize("name", ["demo", "demo-host"])
def test_a_node_that_keeps_its_tpm_silent_is_not_accepted(name: str) -> None:
    node = NODE if name == "demo" else ALONE
    whole = inputs(node)
    gpus = tuple(one for one in whole.evidence if one.scheme != "tpm")
    verdict = judged(node, evidence=gpus, policy=builtin_policy(name))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert ("NODE-DEVICE-MISSING", "tpm0") in codes(verdict)
    assert strengths(verdict)["session-key-root-of-trust"] == "none"


def test_a_node_with_an_enrolled_tpm_is_not_judged_without_it() -> None:
    verdict = judged(BARE, identity=Identity.TPM, tpms=NODE.tpms)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert ("NODE-ROOT-UNASKED", "node") in codes(verdict)


@pytest.mark.parametrize(
    "fault",
    [
        TpmFault.LEAF_REMOVED,
        TpmFault.LEAF_ADDED,
        TpmFault.LEAF_REPLACED,
        TpmFault.LEAF_REORDERED,
        TpmFault.MANIFEST_REPLAYED,
        TpmFault.NONCE_OTHER,
        TpmFault.SIGNATURE_BIT,
        TpmFault.QUOTE_OF_ANOTHER,
        TpmFault.EK_FORGED_ROOT,
        TpmFault.AK_UNRESTRICTED,
        TpmFault.PCR_VALUE_CHANGED,
    ],
)
def test_a_root_that_does_not_hold_ties_nothing(fault: TpmFault) -> None:
    verdict = judged(NODE.with_fault(fault))
    assert verdict.outcome is not Outcome.ACCEPTED
    found = strengths(verdict)
    assert (found["session-key-root-of-trust"], found["gpu-host"]) == ("none", "none")
    assert Level.BOUND not in {part.level for part in verdict.parts}


def test_another_nodes_gpu_in_the_place_of_one_is_named() -> None:
    other = make_node("elsewhere", gpus=2, switches=0)
    node = NODE.with_device(other.device("gpu0"))
    verdict = judged(node)
    assert verdict.outcome is Outcome.REJECTED
    assert ("NODE-DEVICE-SWAPPED", "gpu0") in codes(verdict)
    assert strengths(verdict)["gpu-host"] == "none"


def test_a_declared_node_without_a_root_has_the_bindings_that_it_had() -> None:
    assert judged(BARE).bindings == (
        Binding(
            between="session-key-root-of-trust",
            strength=Strength.NONE,
            why="no TPM or TEE quote covers the session key yet",
        ),
        Binding(
            between="nonce-session-key",
            strength=Strength.STRONG,
            why="each device signed a nonce derived from the session key's digest",
        ),
        Binding(
            between="gpu-host",
            strength=Strength.NONE,
            why="every device is the one the inventory pins, but no host's quote covers their "
            "evidence",
        ),
        Binding(
            between="fabric",
            strength=Strength.NONE,
            why="these devices share no fabric",
        ),
        Binding(
            between="policy-verdict",
            strength=Strength.STRONG,
            why="the policy's content digest is part of the verdict",
        ),
    )
    verdict = judged(BARE)
    assert (verdict.tier, verdict.findings) == (2, ())
    assert b'accepted":{' not in verdict.canonical()
    assert verdict.facts.keys() == {"topology", "duplicates", "gpus", "switches"}


def test_a_key_that_no_tpm_vouches_for_is_told_and_never_more_than_a_warning() -> None:
    for identity in (Identity.SOFTWARE, Identity.TEE):
        verdict = judged(BARE, identity=identity)
        assert (verdict.outcome, verdict.tier) == (Outcome.ACCEPTED, 32)
        assert codes(verdict) == [("NODE-IDENTITY-SOFTWARE", "node")]
        assert strengths(verdict)["session-key-root-of-trust"] == "weak"
        assert strengths(verdict)["gpu-host"] == "none"


# Who bears a weakness puts a name and a date to it.


def test_a_rule_that_accepts_a_weak_binding_by_name_decides_and_is_named() -> None:
    policy = policy_with(about_node('node.bindings.gpu_host == "strong"'))
    verdict = judged(policy=policy)
    assert (verdict.outcome, verdict.tier) == (Outcome.ACCEPTED, 32)
    assert codes(verdict) == [("POLICY-WARNING", "node")]
    (owned,) = [one for one in verdict.bindings if one.accepted is not None]
    assert owned.between == "gpu-host"
    assert owned.accepted == Accepted(**OWNER)
    assert Verdict.read(verdict.canonical()) == verdict


def test_after_its_date_nobody_bears_it_any_more() -> None:
    policy = policy_with(
        about_node(
            'node.bindings.gpu_host == "strong"', accepted=OWNER | {"until": "2026-11-22T00:00:00Z"}
        )
    )
    verdict = judged(policy=policy)
    assert (verdict.outcome, verdict.tier) == (Outcome.REJECTED, 96)
    assert codes(verdict) == [("POLICY-ACCEPTANCE-EXPIRED", "node")]
    assert all(one.accepted is None for one in verdict.bindings)


def test_a_rule_that_wants_more_than_there_is_rejects() -> None:
    strict = about_node('node.bindings.gpu_host == "strong"', tier=96, accepted=None)
    verdict = judged(policy=policy_with(strict))
    assert codes(verdict) == [("POLICY-RULE-FAILED", "node")]
    assert verdict.outcome is Outcome.REJECTED


def test_a_rule_that_a_weak_binding_satisfies_does_not_silence_the_warning() -> None:
    lenient = about_node('node.bindings.gpu_host in ["strong", "weak"]', tier=96, accepted=None)
    assert codes(judged(policy=policy_with(lenient))) == [("NODE-BINDING-WEAK", "node")]
    # A declared node has no such binding at all, and is held to the rule.
    assert judged(BARE, policy=policy_with(lenient)).outcome is Outcome.REJECTED


def test_a_software_identity_is_borne_by_name_too() -> None:
    policy = policy_with(about_node('node.identity == "tpm"'))
    verdict = judged(BARE, identity=Identity.SOFTWARE, policy=policy)
    assert codes(verdict) == [("POLICY-WARNING", "node")]
    assert verdict.tier == 32
    assert judged(policy=policy).findings[0].code == "NODE-BINDING-WEAK"


def test_a_light_attestation_is_not_held_to_what_it_says_nothing_about() -> None:
    wanted = about_node('node.bindings.gpu_host in ["strong", "weak"]', tier=96, accepted=None)
    whole = inputs(ALONE)
    light = appraise(
        msgspec.structs.replace(whole, scope=Scope.LIGHT, policy=policy_with(wanted)),
        CACHES,
        APPRAISER,
    )
    assert strengths(light) == {
        "session-key-root-of-trust": "strong",
        "nonce-session-key": "strong",
        "policy-verdict": "strong",
    }
    assert "POLICY-RULE-FAILED" not in {code for code, _ in codes(light)}
    key = about_node('node.bindings.session_key_root_of_trust == "weak"', tier=96, accepted=None)
    good = {"node": {"bindings": {"session_key_root_of_trust": "weak"}}}
    plain = msgspec.json.decode(builtin_policy("demo").document)
    changed = load_policy(
        msgspec.json.encode(plain | {"rules": [*plain["rules"], key], "good": good})
    )
    held = appraise(
        msgspec.structs.replace(whole, scope=Scope.LIGHT, policy=changed), CACHES, APPRAISER
    )
    assert ("POLICY-RULE-FAILED", "node") in codes(held)

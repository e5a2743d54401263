from typing import Any

import pytest

from lotabots.appraisal import proofs
from lotabots.appraisal.policies import TEXTS
from lotabots.appraisal.policy import load_policy
from lotabots.kernel import LotaError

FAILS_OPEN = [
    "gpu.missing == 'x' || true",
    "gpu.nonce == 'match' || true",
    "true || gpu.nonce == 'match'",
    "!has(gpu.nonce) || gpu.nonce == 'match'",
    "!has(gpu.debug) || gpu.debug == 'off'",
    "has(gpu.debug) ? gpu.debug == 'off' : true",
    "has(gpu.nonce) ? gpu.nonce == 'match' : true",
    "[].all(i, gpu.nonce == 'match')",
    "[1].exists(i, i == 1 || gpu.nonce == 'match')",
    "gpu.nonce == 'match' || gpu.signature == 'valid'",
    "gpu.nonce == 'match' ? true : gpu.signature == 'valid'",
    "gpu.measurements.skipped.all(i, i == 35)",
    "gpu.measurements.mismatched.all(i, i == 35)",
    "gpu.measurements.skipped.filter(i, i != 35).all(i, i == 1)",
    "has(gpu.rim.driver) ? gpu.rim.driver.status == 'valid' : true",
    "!(has(gpu.rim) && has(gpu.rim.driver)) || gpu.rim.driver.status == 'valid'",
    "has(gpu.nonce) == has(gpu.signature)",
    "(!has(gpu.nonce) && !has(gpu.fwid)) || (gpu.nonce == 'match' && gpu.fwid == 'match')",
    "size(gpu.rim) >= 1 && size(gpu.rim.driver) >= 1",
    "(has(gpu.mode) && gpu.mode == 'spt') || !has(gpu.mode)",
]


@pytest.mark.parametrize("when", FAILS_OPEN)
def test_a_rule_that_passes_without_a_claim_does_not_load(policy_of: Any, when: str) -> None:
    with pytest.raises(LotaError) as refusal:
        policy_of(when)
    assert refusal.value.code == "POLICY_FAILS_OPEN"
    assert refusal.value.details["rule"] == "rule-0"
    assert refusal.value.details["claims"]


def test_a_bad_claim_that_passes_when_it_is_deleted_does_not_load(policy_of: Any) -> None:
    # On the good fixture this rule needs both claims. With an absent fwid it fails, and
    # deleting the mode then makes it pass: only the proof on bad fixtures sees that.
    when = "has(gpu.mode) ? gpu.mode == 'spt' && gpu.fwid == 'match' : gpu.fwid == 'absent'"
    with pytest.raises(LotaError) as refusal:
        policy_of(when)
    assert refusal.value.code == "POLICY_FAILS_OPEN"


def test_a_warning_cannot_be_deleted_away(policy_of: Any) -> None:
    warning = {
        "id": "debug",
        "evidence": "gpu",
        "claim": "configuration",
        "when": "!has(gpu.fwid)",
        "tier": 32,
        "severity": "low",
        "title": "t",
        "why": "w",
        "fix": "f",
        "accepted": {"owner": "Ada", "until": "2030-01-01T00:00:00Z", "reason": "Known."},
    }
    with pytest.raises(LotaError) as refusal:
        policy_of("gpu.nonce == 'match'", warning)
    assert refusal.value.code == "POLICY_FAILS_OPEN"


@pytest.mark.parametrize(
    "when",
    [
        "gpu.nonce == 'match'",
        "gpu.nonce == 'match' && gpu.signature == 'valid'",
        "has(gpu.nonce) && gpu.nonce == 'match'",
        "!(gpu.revocation.status in ['revoked', 'hold'])",
        "gpu.mode == 'spt' || gpu.mode == 'mpt'",
        "size(gpu.measurements.mismatched) == 0",
        "size(gpu.measurements.skipped) > 0 && gpu.measurements.skipped.all(i, i == 35)",
        "size(gpu.measurements.skipped.filter(i, i != 35)) == 0",
        "gpu.measurements.skipped.exists(i, i == 35)",
        "gpu.opaque_version <= 1 && gpu.driver.startsWith('550.')",
        "gpu.mode == 'ppcie' ? gpu.protected_pcie == 'on' : gpu.protected_pcie == 'off'",
    ],
)
def test_a_rule_that_needs_each_of_its_claims_loads(policy_of: Any, when: str) -> None:
    policy_of(when)


def test_a_policy_must_accept_its_own_good_fixture(policy_of: Any) -> None:
    with pytest.raises(LotaError) as refusal:
        policy_of("gpu.driver == '600.00'")
    assert refusal.value.code == "POLICY_REJECTS_GOOD"
    assert 'where gpu.driver = "550.90.07"' in refusal.value.detail
    policy_of("gpu.driver == '600.00'", good={"gpu": {"driver": "600.00"}})


def test_a_claim_that_no_device_has_is_named_as_missing(policy_of: Any) -> None:
    with pytest.raises(LotaError, match=r"where gpu\.drivr = missing"):
        policy_of("gpu.drivr == '550.90.07'")
    policy_of("gpu.rim.driver.id == 'A'", good={"gpu": {"rim": {"driver": {"id": "A"}}}})


def test_a_refusal_names_the_claim(policy_of: Any) -> None:
    with pytest.raises(LotaError, match=r"without gpu\.debug"):
        policy_of("!has(gpu.debug) || gpu.debug == 'off'")


def test_a_proof_that_would_take_too_long_is_refused(policy_of: Any) -> None:
    claims = ("nonce", "signature", "fwid", "driver", "vbios", "mode")
    long = " && ".join(f"gpu.{name} != 'bad'" for name in claims)
    literals = ", ".join(f"'{number}'" for number in range(12))
    with pytest.raises(LotaError) as refusal:
        policy_of(*[f"{long} && !(gpu.mode in [{literals}])"] * 128)
    assert refusal.value.code == "POLICY_TOO_LARGE"


def test_the_built_in_policies_are_proven_with_few_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proofs, "MAX_TRIALS", 1000)
    for text in TEXTS.values():
        load_policy(text.encode())

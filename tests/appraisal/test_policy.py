import json
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.appraisal import POLICY_TEXTS, builtin_policy, load_policy
from lotabots.kernel import LotaError, sha256_hex

ACCEPTED = {"owner": "Ada", "until": "2027-01-01T00:00:00Z", "reason": "Known and watched."}


def refused(policy_of: Any, *rules: Any, **changes: Any) -> str:
    with pytest.raises(LotaError) as refusal:
        policy_of(*rules, **changes)
    return refusal.value.code


@pytest.mark.parametrize("name", POLICY_TEXTS)
def test_a_built_in_policy_loads_and_its_id_is_the_digest_of_its_content(name: str) -> None:
    policy = builtin_policy(name)
    assert policy.id == f"urn:lotabots:policy:{name}@sha256:{sha256_hex(policy.document)}"
    assert load_policy(policy.document).id == policy.id
    assert builtin_policy(name) is policy


def test_there_is_no_other_built_in_policy() -> None:
    with pytest.raises(LotaError) as refusal:
        builtin_policy("lenient")
    assert refusal.value.code == "POLICY_UNKNOWN"


def test_only_those_for_demonstrations_allow_simulated_hardware(policy_of: Any) -> None:
    allowed = {name for name in POLICY_TEXTS if builtin_policy(name).allow_simulated}
    assert allowed == {"demo", "demo-host"}
    assert policy_of("gpu.nonce == 'match'").allow_simulated is False


def test_the_same_policy_in_yaml_and_json_has_one_id() -> None:
    text = POLICY_TEXTS["default"]
    policy = load_policy(text.encode())
    again = load_policy(json.dumps(json.loads(policy.document), indent=3).encode())
    assert again.id == policy.id
    commented = load_policy(f"# a comment\n{text}\n".encode())
    assert commented.id == policy.id


def test_any_change_of_content_changes_the_id(policy_of: Any) -> None:
    ids = {
        policy_of("gpu.nonce == 'match'").id,
        policy_of("gpu.nonce == 'match' ").id,
        policy_of("gpu.nonce == 'match'", description="mine").id,
        policy_of("gpu.nonce == 'match'", name="yours").id,
    }
    assert len(ids) == 4


def test_another_revocation_age_makes_another_policy() -> None:
    default = builtin_policy("default")
    longer = default.with_max_revocation_age(timedelta(days=120))
    assert longer.max_revocation_age == timedelta(days=120)
    assert longer.id != default.id
    assert load_policy(longer.document) == longer
    assert default.with_max_revocation_age(default.max_revocation_age).id == default.id


def test_a_required_kind_without_a_rule_does_not_load(policy_of: Any) -> None:
    code = refused(policy_of, "gpu.nonce == 'match'", require={"switch": {"min": 4}})
    assert code == "POLICY_RULE_MISSING"


def test_a_warning_needs_an_owner_a_date_and_a_reason(policy_of: Any) -> None:
    rule = {
        "id": "one",
        "evidence": "gpu",
        "claim": "configuration",
        "when": "gpu.mode == 'ppcie'",
        "tier": 32,
        "severity": "low",
        "title": "t",
        "why": "w",
        "fix": "f",
    }
    assert refused(policy_of, rule) == "POLICY_MALFORMED"
    for name in ACCEPTED:
        partial = {key: value for key, value in ACCEPTED.items() if key != name}
        assert refused(policy_of, rule | {"accepted": partial}) == "POLICY_MALFORMED"
    someday = ACCEPTED | {"until": "someday"}
    assert refused(policy_of, rule | {"accepted": someday}) == "TIME_MALFORMED"
    assert refused(policy_of, rule | {"tier": 96, "accepted": ACCEPTED}) == "POLICY_MALFORMED"
    policy_of(rule | {"accepted": ACCEPTED})


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Not A Name"},
        {"name": "mine\n"},
        {"require": {}},
        {"require": {"gpu": {"min": 0}}},
        {"require": {"gpu": {"min": True}}},
        {"require": {"node": {"min": 1}}},
        {"require": {"toaster": {"min": 1}}},
        {"rules": []},
        {"good": {"toaster": {}}},
        {"parameters": {"max_revocation_age": 30}},
        {"parameters": {"allow_simulated": "true"}},
        {"parameters": {"lenient": True}},
        {"extra": 1},
    ],
)
def test_a_policy_of_another_shape_is_refused(policy_of: Any, changes: dict[str, Any]) -> None:
    assert refused(policy_of, "gpu.nonce == 'match'", **changes) == "POLICY_MALFORMED"


@pytest.mark.parametrize(
    "change",
    [
        {"tier": 2},
        {"tier": 97},
        {"tier": "96"},
        {"severity": "terrible"},
        {"claim": "beauty"},
        {"evidence": "toaster"},
        {"title": ""},
        {"fix": None},
        {"on_fail": 2},
    ],
)
def test_a_rule_of_another_shape_is_refused(policy_of: Any, change: dict[str, Any]) -> None:
    rule = {
        "id": "one",
        "evidence": "gpu",
        "claim": "hardware",
        "when": "gpu.nonce == 'match'",
        "tier": 96,
        "severity": "low",
        "title": "t",
        "why": "w",
        "fix": "f",
    }
    policy_of(rule)
    assert refused(policy_of, rule | change) == "POLICY_MALFORMED"


def test_two_rules_of_one_id_are_refused(policy_of: Any) -> None:
    policy = json.loads(policy_of("gpu.nonce == 'match'").document)
    with pytest.raises(LotaError, match="same id"):
        load_policy(json.dumps(policy | {"rules": policy["rules"] * 2}).encode())


def test_a_refused_condition_names_its_rule(policy_of: Any) -> None:
    with pytest.raises(LotaError, match="rule-1") as refusal:
        policy_of("gpu.nonce == 'match'", "true")
    assert refusal.value.code == "POLICY_CONDITION_REFUSED"
    assert refusal.value.details["rule"] == "rule-1"


LINES = POLICY_TEXTS["default"].splitlines()


@given(st.data())
def test_any_damage_to_a_policy_gives_a_policy_or_an_error(data: st.DataObject) -> None:
    lines = list(LINES[:40])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        lines[at] = data.draw(
            st.sampled_from([lines[at][1:], lines[at] + " x", "", "  " + lines[at], lines[at - 1]])
            | st.text(max_size=40)
        )
    with suppress(LotaError):
        load_policy("\n".join(lines).encode())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5), below),
    max_leaves=6,
)


@given(st.sampled_from(["name", "require", "rules", "parameters", "good", "when", "tier"]), VALUES)
def test_any_value_in_any_place_gives_a_policy_or_an_error(place: str, value: object) -> None:
    policy = json.loads(builtin_policy("default").document)
    policy["rules"] = policy["rules"][:1]
    target = policy["rules"][0] if place in {"when", "tier"} else policy
    target[place] = value
    with suppress(LotaError):
        load_policy(json.dumps(policy).encode())


def test_a_policy_may_require_a_receipt_and_does_not_unless_it_says_so(policy_of: Any) -> None:
    assert policy_of("gpu.nonce == 'match'").require_receipt is False
    asking = policy_of("gpu.nonce == 'match'", parameters={"require_receipt": True})
    assert asking.require_receipt is True

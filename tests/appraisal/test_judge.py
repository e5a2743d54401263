from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.appraisal import POLICY_TEXTS, Policy, builtin_policy
from lotabots.appraisal.fixture import GOOD
from lotabots.appraisal.judge import Judgement, in_order, judge, weigh
from lotabots.appraisal.paths import fact_at, leaves, with_fact, without_fact
from lotabots.appraisal.rule import LoadedRule
from lotabots.appraisal.verdict import Outcome, outcome_of, worst
from lotabots.evidence import Cause, Fact, Facts, Finding

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
UNTIL = datetime(2027, 1, 1, tzinfo=UTC)
WARNING: dict[str, object] = {
    "id": "mode",
    "evidence": "gpu",
    "claim": "configuration",
    "when": "gpu.mode == 'ppcie'",
    "tier": 32,
    "severity": "low",
    "title": "The mode is protected PCIe",
    "why": "w",
    "fix": "Set the mode.",
    "accepted": {"owner": "Ada", "until": "2027-01-01T00:00:00Z", "reason": "No switches here."},
}


def judged(policy: Any, facts: Facts, now: datetime = NOW, kind: str = "gpu") -> Judgement:
    return judge(policy.by_kind[kind], kind, f"{kind}0", facts, now)


def test_good_claims_are_affirmed_by_every_built_in_policy() -> None:
    for name in POLICY_TEXTS:
        policy = builtin_policy(name)
        for kind, facts in GOOD.items():
            judgement = judged(policy, facts, kind=kind)
            # What a policy has no rule about it could not judge.
            assert (judgement.tier, judgement.findings) == (2 if policy.by_kind[kind] else 0, ())


def test_a_false_rule_leaves_its_tier_and_a_missing_claim_leaves_none(policy_of: Any) -> None:
    policy = policy_of("gpu.nonce == 'match'")
    assert judged(policy, {"nonce": "mismatch"}).tier == 96
    assert judged(policy, {}).tier == 0
    assert judged(policy, {"nonce": None}).tier == 0


def test_a_finding_says_what_was_expected_and_measured_and_what_to_do(policy_of: Any) -> None:
    policy = policy_of("gpu.nonce == 'match' && \n  gpu.fwid == 'match'")
    (weighed,) = judged(policy, {"nonce": "mismatch"}).findings
    assert weighed.finding == Finding(
        code="POLICY-RULE-FAILED",
        cause=Cause.MISCONFIGURED,
        subject="gpu0",
        title="It is so",
        expected="gpu.nonce == 'match' && gpu.fwid == 'match'",
        measured='gpu.nonce = "mismatch", gpu.fwid = missing',
        fix="Make it so.",
        retryable=False,
        rule="rule-0",
    )


def test_every_failing_rule_has_a_finding(policy_of: Any) -> None:
    policy = policy_of("gpu.nonce == 'match'", "gpu.fwid == 'match'", "gpu.mode == 'spt'")
    judgement = judged(policy, {"nonce": "mismatch", "mode": "mpt"})
    codes = [(weighed.finding.rule, weighed.finding.code) for weighed in judgement.findings]
    assert codes == [
        ("rule-0", "POLICY-RULE-FAILED"),
        ("rule-1", "POLICY-CLAIM-MISSING"),
        ("rule-2", "POLICY-RULE-FAILED"),
    ]


@pytest.mark.parametrize(
    ("now", "tier", "code"),
    [
        (UNTIL, 32, "POLICY-WARNING"),
        (UNTIL + timedelta(seconds=1), 96, "POLICY-ACCEPTANCE-EXPIRED"),
    ],
)
def test_an_accepted_warning_counts_in_full_after_its_date(
    policy_of: Any, now: datetime, tier: int, code: str
) -> None:
    policy = policy_of("gpu.nonce == 'match'", WARNING)
    judgement = judged(policy, {"nonce": "match", "mode": "spt"}, now)
    assert judgement.tier == tier
    (weighed,) = judgement.findings
    assert weighed.finding.code == code
    assert "Ada until 2027-01-01T00:00:00Z: No switches here." in weighed.finding.fix


def test_the_vector_has_the_worst_tier_of_each_claim_and_no_other_name(policy_of: Any) -> None:
    rules = [
        WARNING,
        WARNING | {"id": "a", "when": "gpu.fwid == 'match'", "tier": 96, "accepted": None},
        WARNING
        | {"id": "b", "when": "gpu.nonce == 'match'", "claim": "hardware", "tier": 0}
        | {"accepted": None},
    ]
    policy = policy_of(*rules)
    good = {"mode": "spt", "fwid": "match", "nonce": "match"}
    assert judged(policy, good).vector == {"configuration": 32, "hardware": 2}
    assert judged(policy, good | {"nonce": "mismatch"}).vector == {
        "configuration": 32,
        "hardware": 0,
    }
    assert judged(policy, good | {"fwid": "absent"}).vector["configuration"] == 96


def test_no_rule_is_no_pass() -> None:
    assert judge((), "gpu", "gpu0", {"nonce": "match"}, NOW).tier == 0


def test_tiers_rank_what_could_not_be_judged_below_a_warning() -> None:
    assert worst([2, 32]) == 32
    assert worst([32, 0]) == 0
    assert worst([0, 96]) == 96
    assert worst([96, 97]) == 97
    assert worst([]) == 0
    assert [outcome_of(tier) for tier in (2, 32, 0, 96, 97)] == [
        Outcome.ACCEPTED,
        Outcome.ACCEPTED,
        Outcome.INCONCLUSIVE,
        Outcome.REJECTED,
        Outcome.REJECTED,
    ]


def test_findings_are_told_worst_first_and_each_once(policy_of: Any) -> None:
    rules = [WARNING | {"severity": severity, "id": severity} for severity in ("low", "critical")]
    policy = policy_of(*rules, WARNING | {"id": "x", "when": "gpu.fwid == 'match'"})
    judgement = judged(policy, {"mode": "spt"})
    found = [
        weigh(_finding("NV-B", Cause.COLLATERAL)),
        weigh(_finding("NV-A", Cause.MALICIOUS)),
        weigh(_finding("NV-B", Cause.COLLATERAL)),
    ]
    order = in_order([*judgement.findings, *found])
    assert [one.rule or one.code for one in order] == ["NV-A", "NV-B", "x", "critical", "low"]


def _finding(code: str, cause: Cause) -> Finding:
    return Finding(
        code=code, cause=cause, subject="gpu0", title="t", expected="e", measured="m", fix="f"
    )


POLICIES = st.sampled_from(sorted(POLICY_TEXTS))
KINDS = st.sampled_from(sorted(GOOD))
RULES = st.sampled_from(
    [
        (builtin_policy(name), kind, loaded)
        for name in sorted(POLICY_TEXTS)
        for kind in sorted(GOOD)
        for loaded in builtin_policy(name).by_kind[kind]
    ]
)
ODD: st.SearchStrategy[Fact] = st.sampled_from(
    [None, True, False, 0, -1, 2**63, "", "match", "valid", "invalid", "another", [], [35], {}]
)


@given(POLICIES, KINDS, st.data())
def test_no_deletion_improves_good_claims_or_passes_a_bad_one(
    name: str, kind: str, data: st.DataObject
) -> None:
    facts = GOOD[kind]
    places = st.sampled_from(sorted(leaves(facts, ())))
    for place in data.draw(st.lists(places, max_size=3)):
        facts = with_fact(facts, place, data.draw(ODD))
    before = judged(builtin_policy(name), facts, kind=kind)
    removed = data.draw(st.lists(places, min_size=1, max_size=3))
    for place in removed:
        facts = without_fact(facts, place[: data.draw(st.integers(1, len(place)))])
    after = judged(builtin_policy(name), facts, kind=kind)
    if before.tier not in (2, 32):
        assert after.tier not in (2, 32)
    assert worst([before.tier, after.tier]) == after.tier or before.tier in (96, 97)


@given(RULES, st.data())
def test_deleting_what_a_rule_names_is_never_accepted(
    rule: tuple[Policy, str, LoadedRule], data: st.DataObject
) -> None:
    policy, kind, loaded = rule
    claim = data.draw(st.sampled_from(loaded.condition.claims))
    assert fact_at(GOOD[kind], claim) is not None
    assert judged(policy, without_fact(GOOD[kind], claim), kind=kind).tier not in (2, 32)

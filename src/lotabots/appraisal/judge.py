"""Rules held against the facts of one subject: a tier, a vector, and a finding for each failure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from lotabots.appraisal.accepted import Accepted
from lotabots.appraisal.cel import Scope, show_claims
from lotabots.appraisal.rule import SEVERITIES, LoadedRule
from lotabots.appraisal.verdict import (
    AFFIRMING,
    CONTRAINDICATED,
    NO_CLAIM,
    TIERS_BEST_FIRST,
    WARNING,
    tier_of,
    worst,
)
from lotabots.evidence import Cause, Facts, Finding
from lotabots.kernel import parse_time


class Weighed(NamedTuple):
    """A finding with what it weighs: how bad for the tier, then how severe; 0 is the worst."""

    badness: int
    severity: int
    finding: Finding


class Judgement(msgspec.Struct, frozen=True):
    """What a policy's rules say about one subject."""

    tier: int
    """The worst of all rules; 0 (could not judge) where there is no rule."""
    vector: dict[str, int]
    """AR4SI name -> the worst tier of the rules that speak for it."""
    findings: tuple[Weighed, ...]


def judge(
    rules: Sequence[LoadedRule], kind: str, subject: str, facts: Facts, now: datetime
) -> Judgement:
    """Every rule asked; none stops at the first failure."""
    # Converting facts is what costs: only those that some rule names are.
    named = {claim[0] for loaded in rules for claim in loaded.condition.claims}
    scope = Scope(kind, {name: value for name, value in facts.items() if name in named})
    vector: dict[str, int] = {}
    findings: list[Weighed] = []
    for loaded in rules:
        held = loaded.condition.holds(scope)
        tier = AFFIRMING
        if held is not True:
            tier, code = _failed(loaded, held, now)
            findings.append(_weighed(loaded, subject, facts, tier, code))
        claim = loaded.rule.claim
        vector[claim] = worst((vector[claim], tier)) if claim in vector else tier
    return Judgement(worst(vector.values()), vector, tuple(findings))


def weigh(finding: Finding) -> Weighed:
    """A finding of verification or of a check: it comes before what rules say at the same tier."""
    return Weighed(_badness(tier_of(finding.cause)), -1, finding)


def in_order(findings: Iterable[Weighed]) -> tuple[Finding, ...]:
    """The findings, each once, worst first; equals stay in the order in which they were found."""
    ranked = sorted(findings, key=lambda weighed: weighed[:2])
    return tuple(dict.fromkeys(weighed.finding for weighed in ranked))


def _badness(tier: int) -> int:
    return -TIERS_BEST_FIRST.index(tier)


def _failed(loaded: LoadedRule, held: bool | None, now: datetime) -> tuple[int, str]:
    """The tier that a rule leaves which is false (or could not be judged), and its code."""
    accepted = loaded.rule.accepted
    if held is None:
        return NO_CLAIM, "POLICY-CLAIM-MISSING"
    if accepted is not None:
        if now <= parse_time(accepted.until):
            return WARNING, "POLICY-WARNING"
        return CONTRAINDICATED, "POLICY-ACCEPTANCE-EXPIRED"
    if loaded.rule.tier == NO_CLAIM:
        return NO_CLAIM, "POLICY-NOT-SATISFIED"
    return CONTRAINDICATED, "POLICY-RULE-FAILED"


def _weighed(loaded: LoadedRule, subject: str, facts: Facts, tier: int, code: str) -> Weighed:
    rule = loaded.rule
    unjudged = tier == NO_CLAIM
    finding = Finding(
        code=code,
        cause=Cause.COLLATERAL if unjudged else Cause.MISCONFIGURED,
        subject=subject,
        title=rule.title,
        expected=" ".join(rule.when.split()),
        measured=show_claims(loaded.condition, facts),
        fix=rule.fix if rule.accepted is None else _with_owner(rule.fix, rule.accepted),
        retryable=unjudged,
        rule=rule.id,
    )
    return Weighed(_badness(tier), SEVERITIES.index(rule.severity), finding)


def _with_owner(fix: str, accepted: Accepted) -> str:
    return f"{fix} Accepted by {accepted.owner} until {accepted.until}: {accepted.reason}"

"""Every kind of evidence that the policy requires was sent, and each kind sent has a rule."""

from collections import Counter
from collections.abc import Iterator

from lotabots.appraisal.checks.case import Case, finding
from lotabots.appraisal.fixture import NODE
from lotabots.appraisal.state import LIGHT_KINDS, Scope
from lotabots.evidence import Finding


def check(case: Case) -> Iterator[Finding]:
    """One finding for each kind with too little evidence and each device without a rule."""
    sent = Counter(claims.kind for claims in case.claims)
    for kind, requirement in case.policy.require.items():
        if case.scope is Scope.LIGHT and kind not in LIGHT_KINDS:
            continue  # was not asked for; the full one that this stands on had it
        if sent[kind] < requirement.min:
            yield finding(
                "POLICY-EVIDENCE-REQUIRED",
                NODE,
                expected=f"evidence of {requirement.min} {kind} or more",
                measured=f"{sent[kind]}",
            )
    for claims in case.claims:
        if not case.policy.by_kind.get(claims.kind):
            yield finding(
                "POLICY-NO-RULE",
                claims.subject,
                expected=f"a rule about {claims.kind}",
                measured="none",
            )

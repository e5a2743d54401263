"""Simulated hardware is refused unless the policy says otherwise; silence is not permission."""

from collections.abc import Iterator

from lotabots.appraisal.checks.case import Case, finding
from lotabots.evidence import Finding


def check(case: Case) -> Iterator[Finding]:
    """One finding for each simulated device, if the policy does not allow them."""
    if case.policy.allow_simulated:
        return
    for claims in case.claims:
        if claims.simulated:
            yield finding(
                "POLICY-SIMULATED",
                claims.subject,
                expected="a certificate chain to a vendor's root",
                measured="a certificate chain to a simulator's root",
            )

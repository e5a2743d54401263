"""A light attestation is about the boot that the full one was about."""

from collections.abc import Iterator

from lotabots.appraisal.checks.case import Case, finding
from lotabots.appraisal.paths import fact_at
from lotabots.appraisal.state import TPM, Scope
from lotabots.evidence import Finding, TpmState


def check(case: Case) -> Iterator[Finding]:
    """A finding for each TPM that was reset or restarted since, or does not say."""
    if case.scope is Scope.FULL:
        return
    before = _counters(None if case.previous is None else case.previous.tpm)
    for claims in case.claims:
        if claims.kind != TPM:
            continue
        counted = (
            fact_at(claims.facts, ("boot", name)) for name in ("reset_count", "restart_count")
        )
        now = " and ".join("none" if count is None else str(count) for count in counted)
        if before is None or now != before:
            yield finding(
                "NODE-REBOOTED",
                claims.subject,
                expected=f"resets and restarts as before: {before or 'none known'}",
                measured=now,
            )


def _counters(state: TpmState | None) -> str | None:
    return None if state is None else f"{state.reset_count} and {state.restart_count}"

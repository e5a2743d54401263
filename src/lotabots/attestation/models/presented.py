"""The verdict on a model in the words of every other verdict: one part, `model/<digest>`."""

from datetime import datetime

from lotabots.appraisal import (
    AFFIRMING,
    CONTRAINDICATED,
    NO_CLAIM,
    Outcome,
    Part,
    Verdict,
    outcome_of,
)
from lotabots.appraisal.models import ModelVerdict, Reason
from lotabots.evidence import Cause, Finding, Level
from lotabots.evidence.schemes.model_files import KIND
from lotabots.kernel.codes import CATALOGUE
from lotabots.models import Severity

_TIERS = {
    Outcome.ACCEPTED: AFFIRMING,
    Outcome.INCONCLUSIVE: NO_CLAIM,
    Outcome.REJECTED: CONTRAINDICATED,
}
_CAUSES = {
    Severity.REJECT: Cause.MISCONFIGURED,
    Severity.INCONCLUSIVE: Cause.COLLATERAL,
    Severity.WARNING: Cause.MISCONFIGURED,
}
UNAPPROVED = "MODEL_NOT_APPROVED"


def as_verdict(judged: ModelVerdict, digest: str, now: datetime, *, approved: bool) -> Verdict:
    """The verdict about the subject `model:<digest>`.

    What nobody else approved is not accepted, whatever its files are. The level is `claimed`: a
    model is known by signatures, and no hardware speaks for it here.
    """
    findings = tuple(_finding(one) for one in judged.findings)
    tier = _TIERS[judged.outcome]
    if not approved:
        findings = (*findings, _unapproved())
        tier = CONTRAINDICATED if tier == AFFIRMING else tier
    part = Part(
        subject=f"{KIND}/{digest}",
        kind=KIND,
        outcome=outcome_of(tier),
        tier=tier,
        level=Level.CLAIMED,
        simulated=False,
        vector={"executables": tier},
        facts={"id": digest, "name": judged.name, "version": judged.version},
        findings=findings,
    )
    return Verdict(
        outcome=part.outcome,
        tier=tier,
        parts=(part,),
        facts={},
        findings=findings,
        bindings=(),
        policy_id=judged.policy_id,
        reference_digest="",
        collateral_digest="",
        evidence=(),
        challenge="",
        node=f"{KIND}:{digest}",
        evaluated_at=now,
        appraiser=judged.appraiser,
    )


def _finding(reason: Reason) -> Finding:
    where = (reason.path, reason.tensor, reason.measured)
    return Finding(
        code=reason.code,
        cause=_CAUSES[reason.severity],
        subject=KIND,
        title=reason.title,
        expected=reason.expected,
        measured=" ".join(filter(None, where)),
        fix=reason.fix,
    )


def _unapproved() -> Finding:
    code = CATALOGUE[UNAPPROVED]
    return Finding(
        code=UNAPPROVED,
        cause=Cause.MISCONFIGURED,
        subject=KIND,
        title=code.meaning,
        expected="approvals by others than who registered it",
        measured="too few",
        fix=code.fix,
    )

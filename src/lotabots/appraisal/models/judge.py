"""A model held against a trust policy: the one rule chosen, every check asked, one verdict.

1. The most specific rule that matches the name decides, alone; none, or two, is a refusal.
2. Under `off` nothing is judged: inconclusive.
3. Every check is asked; none stops at the first failure.
4. One finding that rejects makes it rejected, else one that is inconclusive makes it inconclusive,
   else it is accepted. Accepted means that the threshold of signers was met: a check says so.
5. Under `warn` what rejects becomes a warning. What is inconclusive stays so: an owner may overlook
   what is known, nobody what was never seen.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from lotabots.appraisal.controls import ControlResults
from lotabots.appraisal.models.case import Case
from lotabots.appraisal.models.checks import CHECKS
from lotabots.appraisal.models.facts import Previous, Signed
from lotabots.appraisal.models.policy import Choice, Mode, ModelPolicy
from lotabots.appraisal.models.scanned import Scanned
from lotabots.appraisal.models.verdict import ControlStatus, ModelVerdict, Reason
from lotabots.appraisal.verdict import Appraiser, Outcome
from lotabots.models import Finding, Severity, finding

_ORDER = tuple(Severity)


def judge_model(
    *,
    name: str,
    version: str,
    signed: Signed | None,
    scanned: Scanned | None,
    controls: ControlResults | None,
    policy: ModelPolicy,
    previous: Previous | None,
    now: datetime,
    appraiser: Appraiser,
) -> ModelVerdict:
    """The verdict on this model, in whole seconds of `now`. Raises MODEL_NAME_MALFORMED.

    None for `signed`, `scanned` or `controls` says that nobody verified, scanned or evaluated: it
    is never taken for nothing being wrong.
    """
    choice, now = policy.choose(name), now.replace(microsecond=0)
    rule, case = choice.rule, None
    if rule is not None:
        case = Case(
            name=name,
            version=version,
            signed=signed,
            scanned=scanned,
            controls=controls,
            rule=rule,
            previous=previous,
            now=now,
        )
    found = _found(choice, case)
    reasons = _reasons(found, warned=rule is not None and rule.mode is Mode.WARN)
    strong = None if case is None else case.strong()
    return ModelVerdict(
        outcome=outcome_of(reasons),
        enforced=outcome_of(found),
        mode=None if rule is None else rule.mode,
        name=name,
        version=version,
        root="" if signed is None else signed.root,
        tensor_root="" if strong is None else strong.tensor_root,
        algorithm="" if signed is None else signed.algorithm,
        signers=() if case is None else case.allowed(),
        threshold=0 if rule is None else rule.threshold,
        strong=strong is not None,
        cached=signed is not None and signed.cached,
        ignored=() if signed is None else signed.ignored,
        findings=reasons,
        controls=_statuses(controls),
        catalogue_digest="" if controls is None else controls.catalogue_digest,
        rule="" if rule is None else rule.pattern.text,
        policy_id=policy.id,
        previous_version="" if previous is None else previous.version,
        evaluated_at=now,
        appraiser=appraiser,
    )


def outcome_of(found: Iterable[Finding | Reason]) -> Outcome:
    """What these findings leave: the worst of them decides."""
    severities = {one.severity for one in found}
    if Severity.REJECT in severities:
        return Outcome.REJECTED
    return Outcome.INCONCLUSIVE if Severity.INCONCLUSIVE in severities else Outcome.ACCEPTED


def _found(choice: Choice, case: Case | None) -> Sequence[Finding]:
    if case is None:
        code = choice.code or "MODEL-NO-RULE"
        words = ", ".join(choice.patterns) or "no rule"
        return (finding(code, expected="one rule for this model", measured=words),)
    if case.rule.mode is Mode.OFF:
        return (finding("MODEL-NOT-JUDGED", expected="enforce or warn", measured="off"),)
    # Each once: a file's finding may come from the scan and from the signature's own check.
    return tuple(dict.fromkeys(found for check in CHECKS for found in check(case)))


def _reasons(found: Iterable[Finding], *, warned: bool) -> tuple[Reason, ...]:
    """The findings as they count, worst first; equals stay in the order of the checks."""
    reasons = (_reason(one, warned=warned) for one in found)
    return tuple(sorted(reasons, key=lambda one: _ORDER.index(one.severity)))


def _reason(found: Finding, *, warned: bool) -> Reason:
    severity = found.severity
    if warned and severity is Severity.REJECT:
        severity = Severity.WARNING
    return Reason(
        code=found.code,
        severity=severity,
        path=found.path,
        tensor=found.tensor,
        title=found.title,
        expected=found.expected,
        measured=found.measured,
        fix=found.fix,
    )


def _statuses(controls: ControlResults | None) -> tuple[ControlStatus, ...]:
    if controls is None:
        return ()
    return tuple(ControlStatus(result.id, result.status) for result in controls.results)

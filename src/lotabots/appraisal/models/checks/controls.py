"""The controls of every pack that the rule asks for: evaluated, and none failed or unknown."""

from collections.abc import Iterator

from lotabots.appraisal.controls import ControlResult, Status
from lotabots.appraisal.models.case import Case
from lotabots.kernel import format_time
from lotabots.models import Finding, finding


def check(case: Case) -> Iterator[Finding]:
    """What the controls that the rule asks for leave open."""
    results = case.controls
    root = "" if case.signed is None else case.signed.root
    if results is not None and results.root != root:
        results = None  # of another model: nothing about this one was evaluated
    known = {} if results is None else {result.id: result for result in results.results}
    asked: dict[str, None] = {}
    for pack in case.rule.controls:
        members = () if results is None else results.members.get(pack, ())
        missing = [control for control in members if control not in known]
        if not members or missing:
            measured = ", ".join(missing) or "not evaluated"
            yield finding("CONTROL-NOT-EVALUATED", expected=f"pack {pack}", measured=measured)
        asked.update(dict.fromkeys(control for control in members if control in known))
    for control in asked:
        yield from _control(case, known[control])


def _control(case: Case, result: ControlResult) -> Iterator[Finding]:
    expected, measured = f"{result.id}: {result.expected}", result.measured
    match result.status:
        case Status.PASS | Status.NOT_APPLICABLE:
            pass
        case Status.FAIL:
            yield finding("CONTROL-FAILED", expected=expected, measured=measured)
        case Status.UNKNOWN:
            yield finding("CONTROL-UNKNOWN", expected=expected, measured=measured)
        case Status.WAIVED:
            waived = result.waived
            if waived is None or case.now > waived.until:
                yield finding("CONTROL-FAILED", expected=expected, measured=measured)
                return
            words = f"{measured}; waived by {waived.by} until {format_time(waived.until)}"
            yield finding("CONTROL-WAIVED", expected=expected, measured=words)

"""Time runs forward: a verdict is not dated before the node's previous one."""

from collections.abc import Iterator

from lotabots.appraisal.checks.case import Case, finding
from lotabots.appraisal.fixture import NODE
from lotabots.evidence import Finding
from lotabots.kernel import format_time


def check(case: Case) -> Iterator[Finding]:
    """A finding if the clock ran backwards: then expiry and age could not be judged."""
    if case.previous is not None and case.now < case.previous.evaluated_at:
        yield finding(
            "NODE-CLOCK-BACKWARDS",
            NODE,
            expected=f"not before {format_time(case.previous.evaluated_at)}",
            measured=format_time(case.now),
        )

"""A light attestation is about the node as the full one saw it: same driver, firmware, GPUs."""

from collections.abc import Iterator

from lotabots.appraisal.checks.case import Case, finding
from lotabots.appraisal.fixture import NODE
from lotabots.appraisal.state import Scope, layout
from lotabots.evidence import Finding

MAX_NAMED = 20
"""Changes that findings name."""
_ABSENT = "not stated"


def check(case: Case) -> Iterator[Finding]:
    """A finding for each thing that is another than at the last full attestation."""
    if case.scope is Scope.FULL:
        return
    before = {} if case.previous is None else dict(case.previous.layout)
    now = layout(case.claims)
    if before and not now:
        yield _changed("what host and TPM stated", "nothing stated")
        return
    changed = [
        name for name in sorted(before | now) if before.get(name, _ABSENT) != now.get(name, _ABSENT)
    ]
    for name in changed[:MAX_NAMED]:
        yield _changed(f"{name}: {before.get(name, _ABSENT)}", f"{name}: {now.get(name, _ABSENT)}")


def _changed(expected: str, measured: str) -> Finding:
    return finding("NODE-LAYOUT-CHANGED", NODE, expected=expected[:300], measured=measured[:300])

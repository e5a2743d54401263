"""A light attestation stands on a full one: accepted, recent, and under the same policy."""

from collections.abc import Iterator

from lotabots.appraisal.cadence import Needed, missing_full
from lotabots.appraisal.checks.case import Case, finding
from lotabots.appraisal.fixture import NODE
from lotabots.appraisal.state import Scope, revoked_digest
from lotabots.evidence import Finding


def check(case: Case) -> Iterator[Finding]:
    """A finding where a light attestation has nothing that it could stand on."""
    if case.scope is Scope.FULL:
        return
    needed = Needed(case.policy.id, case.policy.cadence, revoked_digest(case.revoked))
    missing = missing_full(case.previous, needed, case.now)
    if missing is not None:
        expected, measured = missing
        yield finding("NODE-FULL-DUE", NODE, expected=expected, measured=measured)

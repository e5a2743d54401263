"""A node that enrolled a TPM answers with it."""

from collections.abc import Iterator

from lotabots.appraisal.checks.case import Case, finding
from lotabots.appraisal.fixture import NODE
from lotabots.appraisal.state import TPM, Identity
from lotabots.evidence import Finding


def check(case: Case) -> Iterator[Finding]:
    """A finding where the identity is a TPM's and no TPM was asked to answer."""
    if case.identity is not Identity.TPM:
        return
    declared = (case.inventory or {}).values()
    if not any(item.kind == TPM for item in declared):
        yield finding("NODE-ROOT-UNASKED", NODE, expected="a TPM in the challenge", measured="none")

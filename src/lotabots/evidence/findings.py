"""Findings made from public codes: cause, meaning and fix are the code's, the rest the case's."""

from lotabots.evidence.types import Cause, Finding
from lotabots.kernel.codes import Code

SHOWN = 300
"""Characters of what was expected and measured: either may hold what a stranger sent."""


def coded(
    code: Code, subject: str, *, expected: str, measured: str, retryable: bool = False
) -> Finding:
    """The finding with this code about this subject."""
    return Finding(
        code=code.name,
        cause=Cause(code.about),
        subject=subject,
        title=code.meaning,
        expected=expected[:SHOWN],
        measured=measured[:SHOWN],
        fix=code.fix,
        retryable=retryable,
    )

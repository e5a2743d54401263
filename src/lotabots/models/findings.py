"""One coded reason about a model: which file, which tensor, what was expected and measured."""

from enum import StrEnum

import msgspec

from lotabots.kernel.codes import CATALOGUE


class Severity(StrEnum):
    """What a finding does to the verdict, worst first; its code decides, a policy may soften."""

    REJECT = "reject"
    """False, forbidden or hostile: the model is refused."""
    INCONCLUSIVE = "inconclusive"
    """It could not be judged: unreadable, too large, unknown. Never a pass."""
    WARNING = "warning"
    """Said, and no more."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One coded reason. Meaning and fix stand in the catalogue of codes under its code."""

    code: str
    severity: Severity
    path: str = ""
    """The file it is about, if one."""
    tensor: str = ""
    """The tensor it is about, if one."""
    offset: int | None = None
    """Where in the file, in bytes."""
    expected: str = ""
    measured: str = ""

    @property
    def title(self) -> str:
        """What the code means."""
        return CATALOGUE[self.code].meaning

    @property
    def fix(self) -> str:
        """What to do about it."""
        return CATALOGUE[self.code].fix


MAX_WORD = 200
"""Characters of a value from a file that a finding repeats."""


def finding(
    code: str,
    path: str = "",
    *,
    tensor: str = "",
    offset: int | None = None,
    expected: str = "",
    measured: str = "",
) -> Finding:
    """The finding with this code, whose `about` in the catalogue is its severity."""
    return Finding(
        code=code,
        severity=Severity(CATALOGUE[code].about),
        path=path[:1024],
        tensor=tensor[:MAX_WORD],
        offset=offset,
        expected=expected[:MAX_WORD],
        measured=measured[:MAX_WORD],
    )

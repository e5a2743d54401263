"""What a scan found: every file with its format, every finding, and the word for it all."""

from collections.abc import Iterable, Mapping

import msgspec

from lotabots.kernel import Json
from lotabots.models.findings import Finding, Severity
from lotabots.models.types import TensorEntry

_RANK = {severity: rank for rank, severity in enumerate(Severity)}
OUTCOMES = {
    Severity.REJECT: "rejected",
    Severity.INCONCLUSIVE: "inconclusive",
    Severity.WARNING: "accepted",
}
"""The words of a verdict, by the worst finding."""


class ScannedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One name of the model and what stands behind it."""

    path: str
    format: str
    """By its content: `text`, `safetensors`, ...; `unknown`, `program`, `link`, `special`."""
    size: int
    findings: tuple[Finding, ...] = ()
    """Those about this file."""
    facts: Mapping[str, Json] = {}
    """What its header states."""


class ScanReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one scan. No findings but warnings is what an acceptance is."""

    files: tuple[ScannedFile, ...]
    """Every name of the tree, in code-point order."""
    findings: tuple[Finding, ...]
    """All of them, the worst first, then by path."""
    tensors: tuple[TensorEntry, ...] = ()
    """Of all files, in code-point order of paths, then by place."""
    facts: Mapping[str, Json] = {}
    """What the repository states: `card`, `config`, `licence`, `templates`, `parameters`, ..."""

    @property
    def severity(self) -> Severity | None:
        """The worst severity among the findings."""
        return self.findings[0].severity if self.findings else None

    @property
    def outcome(self) -> str:
        """`accepted`, `rejected` or `inconclusive`."""
        return OUTCOMES[self.severity or Severity.WARNING]


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings, each once: the worst first, then by path, code, place and tensor."""
    return tuple(
        sorted(
            dict.fromkeys(findings),
            key=lambda each: (
                _RANK[each.severity],
                each.path,
                each.code,
                -1 if each.offset is None else each.offset,
                each.tensor,
                each.measured,
            ),
        )
    )

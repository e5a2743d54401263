"""The evidence of one device under judgement: what it is held against, what was found so far."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from lotabots.evidence import Context, Evidence, Facts, Finding
from lotabots.evidence.schemes.nvidia_gpu.codes import as_finding, finding
from lotabots.evidence.schemes.nvidia_gpu.collateral import Collateral
from lotabots.kernel import LotaError

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class Trial:
    """The evidence under judgement and what was found so far."""

    evidence: Evidence
    context: Context
    collateral: Collateral
    facts: Facts = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def subject(self) -> str:
        """Whom the findings are about."""
        return self.evidence.subject

    def attempt(self, parse: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """What the parser returns, or None and its refusal as a finding."""
        try:
            return parse(*args, **kwargs)
        except LotaError as error:
            self.findings.append(as_finding(error, self.subject))
            return None

    def find(self, code: str, expected: str, measured: str) -> None:
        """Notes a finding about this device."""
        self.findings.append(finding(code, self.subject, expected=expected, measured=measured))

"""One TPM's evidence under judgement: what it is held against, and what was found so far."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from lotabots.evidence import Caches, Context, Facts, Finding
from lotabots.evidence.schemes.tpm.codes import as_finding, finding
from lotabots.kernel import LotaError

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class Trial:
    """The evidence under judgement and what was found so far."""

    subject: str
    """Whom the findings are about."""
    context: Context
    facts: Facts = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    between: list[Finding] = field(default_factory=list)
    """About other devices: evidence that the quote does not cover as it was sent."""

    @property
    def caches(self) -> Caches:
        """What was proven before."""
        return self.context.caches

    def attempt(self, parse: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """What the parser returns, or None and its refusal as a finding."""
        try:
            return parse(*args, **kwargs)
        except LotaError as error:
            self.findings.append(as_finding(error, self.subject))
            return None

    def find(self, code: str, expected: str, measured: str) -> None:
        """Notes a finding about this TPM."""
        self.findings.append(finding(code, self.subject, expected=expected, measured=measured))

"""One rule of a policy, as written and as loaded."""

from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

import msgspec

from lotabots.appraisal.accepted import Accepted, Line, Paragraph
from lotabots.appraisal.cel import Condition
from lotabots.appraisal.verdict import VectorName

Name: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}\Z")]


class Severity(StrEnum):
    """How much a failed rule matters to the reader; the tier alone decides the verdict."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


SEVERITIES = tuple(Severity)


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule as its policy writes it."""

    id: Name
    evidence: str
    """The kind whose facts `when` sees, under this name: `gpu`, `switch`, `node`."""
    claim: VectorName
    """The AR4SI name that this rule speaks for."""
    when: str
    """CEL. Passes only when it is literally true; a missing claim is never a pass."""
    tier: Literal[96, 32, 0]
    """What is left when it is false: 96 rejected; 32 accepted with a warning that somebody owns;
    0 could not judge, for rules about reference values and collateral."""
    severity: Severity
    title: Line
    why: Paragraph
    fix: Paragraph
    accepted: Accepted | None = None


class LoadedRule(msgspec.Struct, frozen=True):
    """A rule with its compiled condition."""

    rule: Rule
    condition: Condition

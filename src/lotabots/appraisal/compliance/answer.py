"""What a check answers: pass, fail, unknown or not applicable, with expected and measured."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import msgspec

from lotabots.appraisal.compliance.evidence import Evidence
from lotabots.appraisal.controls import Basis, Status
from lotabots.models import Finding, Severity

MAX_WORDS = 400


class Answer(msgspec.Struct, frozen=True):
    """One answer. `missing`: evidence was not there, which `on_missing` may make a fail."""

    status: Status
    expected: str
    measured: str
    missing: bool = False


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For checks that take none."""


Function: TypeAlias = Callable[[Evidence, Any], Answer]
"""A check: the evidence and its parameters (its own struct) in, an answer out."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A registered check. Its basis is its own: no catalogue can call a claim computed."""

    name: str
    basis: Basis
    evidence: tuple[str, ...]
    """What it looks at: fields of `Evidence`."""
    function: Function
    parameters: type[msgspec.Struct] = NoParameters


def passed(expected: str, measured: str) -> Answer:
    """The criterion holds."""
    return Answer(Status.PASS, expected, measured[:MAX_WORDS])


def failed(expected: str, measured: str) -> Answer:
    """The criterion does not hold."""
    return Answer(Status.FAIL, expected, measured[:MAX_WORDS])


def missing(expected: str, what: str) -> Answer:
    """What is needed to say so was not handed in, or does not say it."""
    return Answer(Status.UNKNOWN, expected, f"not known: {what}"[:MAX_WORDS], missing=True)


def unknown(expected: str, measured: str) -> Answer:
    """It is there, and could not be judged."""
    return Answer(Status.UNKNOWN, expected, measured[:MAX_WORDS])


def not_applicable(why: str) -> Answer:
    """The control is about something that this model has not."""
    return Answer(Status.NOT_APPLICABLE, "", why[:MAX_WORDS])


def of_findings(expected: str, findings: Iterable[Finding], good: str) -> Answer:
    """A fail where one rejects, else unknown where one is inconclusive, else a pass."""
    found = tuple(findings)
    for severity, answer in ((Severity.REJECT, failed), (Severity.INCONCLUSIVE, unknown)):
        worst = [one for one in found if one.severity is severity]
        if worst:
            return answer(expected, _listed(worst))
    return passed(expected, f"{good}; {_listed(found)}" if found else good)


def _listed(findings: Iterable[Finding]) -> str:
    words = [f"{one.code} {one.path}".strip() for one in findings]
    more = f" and {len(words) - 4} more" if len(words) > 4 else ""
    return ", ".join(words[:4]) + more


def text_of(mapping: Mapping[str, object], *names: str) -> str:
    """The first of these entries that is a text with something in it, stripped; else empty."""
    for name in names:
        value = mapping.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""

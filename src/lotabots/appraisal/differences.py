"""What differs between two verdicts on one node: facts by their path, findings by their code."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from lotabots.appraisal.verdict import Verdict
from lotabots.evidence import Finding

MAX_CHANGES = 64
"""Facts that are named; where more differ it is another node, and a list of them says no more."""
SHOWN = 120
"""Characters of a value."""
ALWAYS_DIFFERENT = frozenset({"clock", "nonce", "age_seconds", "produced_at", "collected_at"})
"""Names of facts that are others each time, and say nothing about the node."""


class FactChange(msgspec.Struct, frozen=True, kw_only=True):
    """One fact that is not what it was."""

    subject: str
    fact: str
    """Its path, with dots."""
    before: str | None
    """As JSON; None where there was no such fact."""
    after: str | None


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that differs; what both verdicts have is left out."""

    facts: tuple[FactChange, ...]
    appeared: tuple[Finding, ...]
    vanished: tuple[Finding, ...]


def difference(before: Verdict, after: Verdict) -> Difference:
    """What is different in the later of two verdicts; at most `MAX_CHANGES` facts."""
    changes = [
        *_of_parts(before, after),
        *_changes("node", before.facts, after.facts),
    ]
    old, new = _named(before.findings), _named(after.findings)
    return Difference(
        facts=tuple(changes[:MAX_CHANGES]),
        appeared=tuple(one for name, one in new.items() if name not in old),
        vanished=tuple(one for name, one in old.items() if name not in new),
    )


def _of_parts(before: Verdict, after: Verdict) -> Iterator[FactChange]:
    old = {part.subject: part.facts for part in before.parts}
    new = {part.subject: part.facts for part in after.parts}
    for subject in dict.fromkeys((*old, *new)):
        yield from _changes(subject, old.get(subject, {}), new.get(subject, {}))


def _changes(
    subject: str, before: Mapping[str, object], after: Mapping[str, object]
) -> Iterator[FactChange]:
    old, new = dict(_leaves(before)), dict(_leaves(after))
    for name in dict.fromkeys((*old, *new)):
        if old.get(name) != new.get(name):
            yield FactChange(subject=subject, fact=name, before=old.get(name), after=new.get(name))


def _leaves(facts: Mapping[str, object], path: str = "") -> Iterator[tuple[str, str]]:
    """Path and value of each fact that is no map; what is another each time is left out."""
    for name, value in facts.items():
        if name in ALWAYS_DIFFERENT:
            continue
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", msgspec.json.encode(value).decode()[:SHOWN]


def _named(findings: Sequence[Finding]) -> dict[tuple[str, str, str], Finding]:
    return {(one.subject, one.code, one.rule): one for one in findings}

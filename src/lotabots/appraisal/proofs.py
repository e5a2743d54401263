"""What is proven of every policy before it may judge: it accepts good, and never passes a gap.

A condition sees only the claims that it names (`syntax` refuses all else), so these proofs about
one rule and the claims it names hold for the whole policy and every other claim:

1. Every rule passes on the good fixture, or is a warning that somebody has accepted.
2. On the good fixture, without any one or more of the claims a rule names, it does not pass.
3. A rule that does not pass on a fixture with one changed claim does not pass there either after
   any claim is deleted. Changed to: another value, and every value that the rule itself names.
4. A rule that uses `all` does not pass when the lists that it names are empty.

An emptied list may pass elsewhere: `size(gpu.measurements.mismatched) == 0` says just that.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import NoReturn

from lotabots.appraisal.cel import Scope, show_claims
from lotabots.appraisal.paths import Path, fact_at, leaves, with_fact, without_fact
from lotabots.appraisal.rule import LoadedRule
from lotabots.evidence import Fact, Facts
from lotabots.kernel import invalid

MAX_TRIALS = 20_000
"""How often the proof of one policy may ask a condition: about a quarter of a second."""
MAX_LEAVES = 8
"""How many values one rule's claims may hold: every subset of them is removed."""


def prove(rules: Sequence[LoadedRule], good: Mapping[str, Facts]) -> None:
    """Nothing, if the proofs hold.

    Raises LotaError (POLICY_REJECTS_GOOD, POLICY_FAILS_OPEN, POLICY_TOO_LARGE), naming the rule
    and the claim.
    """
    budget = _Budget()
    for loaded in rules:
        _RuleProof(loaded, good[loaded.rule.evidence], budget).run()


class _Budget:
    def __init__(self) -> None:
        self.left = MAX_TRIALS

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise invalid("POLICY_TOO_LARGE", "The proof of this policy would take too long.")


class _RuleProof:
    """The proofs about one rule, on the part of the good fixture that it can see."""

    def __init__(self, loaded: LoadedRule, good: Facts, budget: _Budget) -> None:
        self.rule = loaded.rule
        self.condition = loaded.condition
        self.good = _only(good, self.condition.claims)
        self.budget = budget
        found = (leaf for path in self.condition.claims for leaf in leaves(self.good, path))
        self.leaves = tuple(dict.fromkeys(found))
        if len(self.leaves) > MAX_LEAVES:
            raise invalid(
                "POLICY_CONDITION_REFUSED",
                f"Rule {self.rule.id} names claims with more than {MAX_LEAVES} values.",
                rule=self.rule.id,
            )

    def run(self) -> None:
        if not self._passes(self.good) and self.rule.accepted is None:
            raise invalid(
                "POLICY_REJECTS_GOOD",
                f"Rule {self.rule.id} does not pass on the good fixture, where "
                f"{show_claims(self.condition, self.good)}: {self.condition.source}",
                rule=self.rule.id,
            )
        for removed in self._deletions():
            self._must_not_pass(self.good, removed)
        for changed in self._changes():
            if not self._passes(changed):
                for claim in self._prefixes():
                    self._must_not_pass(changed, [claim])
        if self.condition.ranges_over_all:
            lists = [leaf for leaf in self.leaves if isinstance(fact_at(self.good, leaf), list)]
            for leaf in lists:
                if self._passes(with_fact(self.good, leaf, [])):
                    self._fails_open([leaf])

    def _passes(self, facts: Facts) -> bool:
        self.budget.spend()
        return self.condition.holds(Scope(self.condition.root, facts)) is True

    def _must_not_pass(self, facts: Facts, removed: Sequence[Path]) -> None:
        for claim in removed:
            facts = without_fact(facts, claim)
        if self._passes(facts):
            self._fails_open(removed)

    def _fails_open(self, claims: Sequence[Path]) -> NoReturn:
        names = [".".join((self.condition.root, *claim)) for claim in claims]
        raise invalid(
            "POLICY_FAILS_OPEN",
            f"Rule {self.rule.id} passes without {' and '.join(names)}, which it names.",
            rule=self.rule.id,
            claims=names,
        )

    def _prefixes(self) -> tuple[Path, ...]:
        """Every claim that the rule names and every map around it, once."""
        found = {path[:size]: None for path in self.leaves for size in range(1, len(path) + 1)}
        return tuple(found)

    def _deletions(self) -> Iterator[Sequence[Path]]:
        for path in self._prefixes():
            yield [path]
        for size in range(2, len(self.leaves) + 1):
            yield from combinations(self.leaves, size)

    def _changes(self) -> Iterator[Facts]:
        for path in self.leaves:
            for other in _others(fact_at(self.good, path), self.condition.literals):
                yield with_fact(self.good, path, other)


def _others(value: Fact, literals: Sequence[str | int]) -> Iterator[Fact]:
    """Values that are not `value`: those a rule may turn on, and some that it does not know."""
    texts = [literal for literal in literals if isinstance(literal, str)]
    numbers = [literal for literal in literals if isinstance(literal, int)]
    match value:
        case bool():
            yield not value
        case int():
            near = {number + step for number in (value, *numbers) for step in (-1, 0, 1)}
            yield from sorted(near - {value})
        case list():
            yield []
            yield [*value, "another"]
            yield [*value, *numbers, 0]
        case _:
            yield "another"
            yield from (text for text in texts if text != value)


def _only(facts: Facts, paths: Sequence[Path]) -> Facts:
    """What these paths name, and nothing else: the rest cannot matter and costs time."""
    kept: Facts = {}
    for path in paths:
        if fact_at(facts, path) is not None:
            kept = with_fact(kept, path, fact_at(facts, path))
    return kept

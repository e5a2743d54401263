"""A condition over claims: true, false, or could not be judged. The only user of the CEL library.

The library raises on a missing claim, which is what we want, but hands back whatever an expression
yields and converts its whole input at every call. So: a pass is `is True`, a fail is `is False`,
all else could not be judged; and facts are converted once for all rules about one subject.
"""

from typing import TYPE_CHECKING

import msgspec

from lotabots.appraisal.paths import Path, fact_at
from lotabots.appraisal.syntax import read_condition
from lotabots.evidence import Fact, Facts
from lotabots.kernel import invalid

if TYPE_CHECKING:
    import cel

MAX_DEPTH = 32
MAX_LIST = 64
MAX_NUMBER = 2**53 - 1
MAX_TEXT = 4096

_LOGIC = {"_&&_", "_||_", "!_", "_?_:_", "@not_strictly_false"}
_COMPARISONS = {"_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@in"}
_ARITHMETIC = {"_+_", "_-_", "-_", "_[_]"}
_OPERATORS = _LOGIC | _COMPARISONS | _ARITHMETIC
_CALLS = frozenset({"size", "int", "string", "startsWith", "endsWith", "contains"})


class Scope:
    """The facts of one subject, converted for the CEL library once. Not for two threads."""

    __slots__ = ("context",)

    def __init__(self, root: str, facts: Facts) -> None:
        import cel  # noqa: PLC0415  # lazy: as below

        self.context = cel.Context({root: _bounded(facts)})


class Condition(msgspec.Struct, frozen=True):
    """One compiled condition. Holds no state: two threads may use it at once."""

    source: str
    root: str
    claims: tuple[Path, ...]
    literals: tuple[str | int, ...]
    ranges_over_all: bool
    program: "cel.Program"

    def __eq__(self, other: object) -> bool:
        # The library's programs have no equality; the same source asks the same.
        return isinstance(other, Condition) and (self.source, self.root) == (
            other.source,
            other.root,
        )

    def __hash__(self) -> int:
        return hash((self.source, self.root))

    def holds(self, scope: Scope) -> bool | None:
        """Whether the facts satisfy it; None where that could not be judged."""
        try:
            result = self.program.execute(scope.context)
        # The library raises KeyError, TypeError, RuntimeError, ValueError, ArithmeticError, and
        # does not promise to stop there; each means the same: this could not be judged.
        except Exception:  # noqa: BLE001
            return None
        return result if isinstance(result, bool) else None


def compile_condition(source: str, root: str) -> Condition:
    """The condition, ready to be asked. Raises LotaError (POLICY_CONDITION_REFUSED)."""
    # It brings a program for terminals along: 0.12 s that only a policy with conditions pays for.
    import cel  # noqa: PLC0415  # lazy: see above

    reading = read_condition(source, root)
    try:
        program = cel.compile(source)
    except Exception as error:  # the library's parser: same promise as above
        raise invalid("POLICY_CONDITION_REFUSED", "This condition is not valid CEL.") from error
    # Our reader and the library's parser must agree on what is said.
    strangers = set(program.variables()) - {root} - reading.bound
    strangers |= set(program.functions()) - _OPERATORS - _CALLS
    if strangers:
        named = ", ".join(sorted(strangers))
        raise invalid("POLICY_CONDITION_REFUSED", f"This condition is refused: it uses {named}.")
    return Condition(
        source, root, reading.claims, reading.literals, reading.ranges_over_all, program
    )


def show_claims(condition: Condition, facts: Facts) -> str:
    """What was measured, for people: every claim that the condition names, with its value."""
    shown = []
    for path in condition.claims:
        name = ".".join((condition.root, *map(str, path)))
        value = fact_at(facts, path)
        text = "missing" if value is None else _shown(value)
        shown.append(f"{name} = {text}")
    return ", ".join(shown)


def _shown(value: Fact) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 200 else f"{text[:200]}..."


class _Unusable(Exception):
    """A value that the library would read wrongly; its claim counts as missing."""


def _bounded(facts: Facts, depth: int = MAX_DEPTH) -> Facts:
    """The facts without nulls and without what is too deep, long or large for the library.

    A null is a missing claim: `null != "bad"` must not pass. A list beyond the cap is dropped, not
    cut: a cut list would say something that nobody measured.
    """
    kept: Facts = {}
    for name, value in facts.items():
        try:
            kept[name] = _usable(value, depth - 1)
        except _Unusable:
            continue
    return kept


def _usable(value: Fact, depth: int) -> Fact:
    # bool before int: True is an int in Python.
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) <= MAX_NUMBER:
        return value
    if isinstance(value, str) and len(value) <= MAX_TEXT:
        return value
    if depth > 0 and isinstance(value, dict):
        return _bounded(value, depth)
    if depth > 0 and isinstance(value, list) and len(value) <= MAX_LIST:
        return [_usable(item, depth - 1) for item in value]
    raise _Unusable

"""Claims by their place in a tree of facts: read one, set one, leave one out."""

from collections.abc import Iterator
from typing import TypeAlias

from lotabots.evidence import Fact, Facts

Path: TypeAlias = tuple[str, ...]
"""Where a claim is below its kind: `gpu.rim.driver.status` is (rim, driver, status)."""


def fact_at(facts: Facts, path: Path) -> Fact:
    """The value at this place; None where there is none."""
    value: Fact = facts
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def with_fact(facts: Facts, path: Path, value: Fact) -> Facts:
    """A copy of the facts with `value` at this place; only what is on the way is copied."""
    first, *rest = path
    changed = dict(facts)
    if rest:
        below = facts.get(first)
        changed[first] = with_fact(below if isinstance(below, dict) else {}, tuple(rest), value)
    else:
        changed[first] = value
    return changed


def without_fact(facts: Facts, path: Path) -> Facts:
    """A copy of the facts without this place and all below it."""
    first, *rest = path
    changed = dict(facts)
    if not rest:
        changed.pop(first, None)
    elif isinstance(below := facts.get(first), dict):
        changed[first] = without_fact(below, tuple(rest))
    return changed


def leaves(facts: Facts, path: Path) -> Iterator[Path]:
    """Every place at or below `path` that holds no map; `path` itself where nothing is there."""
    value = fact_at(facts, path)
    if not isinstance(value, dict):
        yield path
        return
    for name in value:
        yield from leaves(facts, (*path, name))

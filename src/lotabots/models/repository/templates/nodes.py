"""The syntax tree of a chat template, and a walk over what an expression is made of."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Const:
    """A literal."""

    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Name:
    """A variable, by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Getattr:
    """`of.name`."""

    of: "Expression"
    name: str


@dataclass(frozen=True, slots=True)
class Getitem:
    """`of[key]`."""

    of: "Expression"
    key: "Expression"


@dataclass(frozen=True, slots=True)
class Slice:
    """`start:stop:step` inside of brackets; parts that are not written are left out."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Call:
    """`of(arguments)`; the names of keyword arguments do not matter here."""

    of: "Expression"
    arguments: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """`of|name(arguments)`; `of` is None for what a `filter` block pipes in."""

    of: "Expression | None"
    name: str
    arguments: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Test:
    """`of is name(arguments)`."""

    of: "Expression"
    name: str
    arguments: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator with its operands; comparisons and `in` have the operator `compare`."""

    operator: str
    operands: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """`yes if test else no`."""

    test: "Expression"
    yes: "Expression"
    no: "Expression | None"


@dataclass(frozen=True, slots=True)
class Items:
    """A list, a tuple, or a mapping as its keys and values in turn."""

    items: tuple["Expression", ...]


Expression: TypeAlias = (
    Const | Name | Getattr | Getitem | Slice | Call | Filter | Test | Operation | Choice | Items
)


@dataclass(frozen=True, slots=True)
class Text:
    """Text between tags."""

    text: str


@dataclass(frozen=True, slots=True)
class Output:
    """`{{ value }}`."""

    value: Expression


@dataclass(frozen=True, slots=True)
class If:
    """Branches in order; the last one's test is None for `else`."""

    branches: tuple[tuple[Expression | None, tuple["Statement", ...]], ...]


@dataclass(frozen=True, slots=True)
class For:
    """`for targets in over if only`, and what stands there when it is empty."""

    targets: tuple[str, ...]
    over: Expression
    only: Expression | None
    body: tuple["Statement", ...]
    otherwise: tuple["Statement", ...]


@dataclass(frozen=True, slots=True)
class Set:
    """A value for names; `a.b` for a member of a namespace."""

    targets: tuple[str, ...]
    value: Expression


@dataclass(frozen=True, slots=True)
class Block:
    """Statements between two tags: `set x`, `macro`, `filter`, `generation`, by `word`."""

    word: str
    target: str
    parameters: tuple[str, ...]
    values: tuple[Expression, ...]
    """Filters that the text goes through, defaults of parameters."""
    body: tuple["Statement", ...]


@dataclass(frozen=True, slots=True)
class Foreign:
    """`include`, `import`, `from`, `extends`: another template's text or macros."""

    word: str


@dataclass(frozen=True, slots=True)
class Jump:
    """`break` or `continue`: what follows in the loop depends on what led here."""


Statement: TypeAlias = Text | Output | If | For | Set | Block | Foreign | Jump


def parts(node: Expression) -> tuple[Expression, ...]:
    """What an expression is made of, one level down."""
    match node:
        case Const() | Name():
            return ()
        case Getattr():
            return (node.of,)
        case Getitem():
            return (node.of, node.key)
        case Slice():
            return node.parts
        case Call():
            return (node.of, *node.arguments)
        case Filter():
            return node.arguments if node.of is None else (node.of, *node.arguments)
        case Test():
            return (node.of, *node.arguments)
        case Operation():
            return node.operands
        case Choice():
            return (node.test, node.yes) if node.no is None else (node.test, node.yes, node.no)
        case Items():
            return node.items


def walk(node: Expression) -> Iterator[Expression]:
    """The expression and everything below it."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        waiting.extend(parts(found))

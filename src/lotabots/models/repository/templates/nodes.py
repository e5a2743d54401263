"""The syntax tree of a chat template, and a walk over what an expression is made of."""

from collections.abc import Iterator
from typing import TypeAlias

import msgspec


class Const(msgspec.Struct, frozen=True):
    """A literal."""

    value: str | int | float | bool | None


class Name(msgspec.Struct, frozen=True):
    """A variable, by its name."""

    name: str


class Getattr(msgspec.Struct, frozen=True):
    """`of.name`."""

    of: "Expression"
    name: str


class Getitem(msgspec.Struct, frozen=True):
    """`of[key]`."""

    of: "Expression"
    key: "Expression"


class Slice(msgspec.Struct, frozen=True):
    """`start:stop:step` inside of brackets; parts that are not written are left out."""

    parts: tuple["Expression", ...]


class Call(msgspec.Struct, frozen=True):
    """`of(arguments)`; the names of keyword arguments do not matter here."""

    of: "Expression"
    arguments: tuple["Expression", ...]


class Filter(msgspec.Struct, frozen=True):
    """`of|name(arguments)`; `of` is None for what a `filter` block pipes in."""

    of: "Expression | None"
    name: str
    arguments: tuple["Expression", ...]


class Test(msgspec.Struct, frozen=True):
    """`of is name(arguments)`."""

    of: "Expression"
    name: str
    arguments: tuple["Expression", ...]


class Operation(msgspec.Struct, frozen=True):
    """An operator with its operands; comparisons and `in` have the operator `compare`."""

    operator: str
    operands: tuple["Expression", ...]


class Choice(msgspec.Struct, frozen=True):
    """`yes if test else no`."""

    test: "Expression"
    yes: "Expression"
    no: "Expression | None"


class Items(msgspec.Struct, frozen=True):
    """A list, a tuple, or a mapping as its keys and values in turn."""

    items: tuple["Expression", ...]


Expression: TypeAlias = (
    Const | Name | Getattr | Getitem | Slice | Call | Filter | Test | Operation | Choice | Items
)


class Text(msgspec.Struct, frozen=True):
    """Text between tags."""

    text: str


class Output(msgspec.Struct, frozen=True):
    """`{{ value }}`."""

    value: Expression


class If(msgspec.Struct, frozen=True):
    """Branches in order; the last one's test is None for `else`."""

    branches: tuple[tuple[Expression | None, tuple["Statement", ...]], ...]


class For(msgspec.Struct, frozen=True):
    """`for targets in over if only`, and what stands there when it is empty."""

    targets: tuple[str, ...]
    over: Expression
    only: Expression | None
    body: tuple["Statement", ...]
    otherwise: tuple["Statement", ...]


class Set(msgspec.Struct, frozen=True):
    """A value for names; `a.b` for a member of a namespace."""

    targets: tuple[str, ...]
    value: Expression


class Block(msgspec.Struct, frozen=True):
    """Statements between two tags: `set x`, `macro`, `filter`, `generation`, by `word`."""

    word: str
    target: str
    parameters: tuple[str, ...]
    values: tuple[Expression, ...]
    """Filters that the text goes through, defaults of parameters."""
    body: tuple["Statement", ...]


class Foreign(msgspec.Struct, frozen=True):
    """`include`, `import`, `from`, `extends`: another template's text or macros."""

    word: str


class Jump(msgspec.Struct, frozen=True):
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

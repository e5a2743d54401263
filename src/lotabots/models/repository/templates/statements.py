"""A walk over the statements of a chat template, each with the expressions that stand in it."""

from collections.abc import Iterator

from lotabots.models.repository.templates.nodes import (
    Block,
    Expression,
    For,
    If,
    Output,
    Set,
    Statement,
)


def every(statements: tuple[Statement, ...]) -> Iterator[Statement]:
    """Every statement, those inside of others too."""
    waiting = list(reversed(statements))
    while waiting:
        found = waiting.pop()
        yield found
        waiting.extend(reversed(inside(found)))


def inside(statement: Statement) -> tuple[Statement, ...]:
    """The statements one level down."""
    match statement:
        case If():
            return tuple(each for _, body in statement.branches for each in body)
        case For():
            return (*statement.body, *statement.otherwise)
        case Block():
            return statement.body
        case _:
            return ()


def expressions(statement: Statement) -> tuple[Expression, ...]:
    """The expressions of the statement itself."""
    match statement:
        case Output() | Set():
            return (statement.value,)
        case If():
            return tuple(test for test, _ in statement.branches if test is not None)
        case For():
            return (statement.over,) if statement.only is None else (statement.over, statement.only)
        case Block():
            return statement.values
        case _:
            return ()

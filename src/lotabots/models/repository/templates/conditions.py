"""The words that a chat template adds by itself, and what decides whether it adds them.

A template needs no code execution to turn a model against its user: a branch that adds an
instruction when a message holds some word is enough. So each literal text is weighed by what
decides about it.
"""

from lotabots.models.repository.templates.dependence import Names
from lotabots.models.repository.templates.nodes import (
    Block,
    Call,
    Choice,
    Expression,
    Filter,
    For,
    If,
    Jump,
    Name,
    Operation,
    Output,
    Set,
    Statement,
    Test,
    Text,
    walk,
)
from lotabots.models.repository.templates.speech import Added, Level
from lotabots.models.repository.templates.statements import every
from lotabots.models.repository.templates.tokens import Unreadable

MAX_ROUNDS = 12
"""Readings until nothing new is known of any name; a chain of names that is longer is no use."""

# Filters and methods that go over all of a list or mapping.
_WHOLE = frozenset({"items", "keys", "values", "list", "dictsort"})


def added(statements: tuple[Statement, ...]) -> list[Added]:
    """Every literal text, and what decides about it. Raises Unreadable."""
    reader = _Reader()
    for _ in range(MAX_ROUNDS):
        before = reader.names.state()
        reader.found = []
        reader.read(statements, Level.NOTHING)
        if reader.names.state() == before:
            return reader.found
    raise Unreadable("its names depend on each other in too long a chain")


class _Reader:
    def __init__(self) -> None:
        self.names = Names()
        self.found: list[Added] = []

    def read(self, statements: tuple[Statement, ...], level: Level) -> None:
        """Reads statements that are reached depending on `level`."""
        said: dict[Level, list[str]] = {}
        for statement in statements:
            match statement:
                case Text():
                    said.setdefault(level, []).append(statement.text)
                case Output():
                    self._emit(statement.value, level, said)
                case Set():
                    self._assign(statement, level, said)
                case If():
                    inner = level
                    for test, body in statement.branches:
                        if test is not None:
                            inner = max(inner, self.names.decides(test))
                        self.read(body, inner)
                    if any(isinstance(each, Jump) for each in every((statement,))):
                        level = inner
                case For():
                    self._for(statement, level)
                case Block():
                    self._block(statement, level)
                case _:
                    pass
        # Joined: a sentence is one, however many tags it is cut into.
        self.found += [Added("".join(texts), at) for at, texts in said.items()]

    def _emit(self, value: Expression, level: Level, said: dict[Level, list[str]]) -> None:
        text = self.names.literals(value)
        if text:
            said.setdefault(max(level, self.names.chooses(value)), []).append(f" {text} ")

    def _assign(self, found: Set, level: Level, said: dict[Level, list[str]]) -> None:
        names, value = self.names, found.value
        text = names.literals(value)
        for name in found.targets:
            names.learn(
                name, max(level, names.value(value)), max(level, names.decides(value)), text
            )
        if isinstance(value, Call) and isinstance(value.of, Name) and value.of.name == "namespace":
            names.spaces.update(found.targets)
        self._emit(value, level, said)

    def _for(self, found: For, level: Level) -> None:
        inner = max(level, Level.STRUCTURE, self._picked(found.over))
        if found.only is not None:
            inner = max(inner, self.names.decides(found.only))
        value = max(self.names.value(found.over, element=True), inner)
        text = self.names.literals(found.over)
        for name in found.targets:
            self.names.learn(name, value, inner, text)
        self.read(found.body, inner)
        self.read(found.otherwise, inner)

    def _picked(self, over: Expression) -> Level:
        """What decides how often a loop turns: content where it picks from it, not its length."""
        picks = any(
            isinstance(node, Test | Operation | Choice)
            or (isinstance(node, Filter) and node.name not in _WHOLE)
            or (isinstance(node, Call) and getattr(node.of, "name", "") not in _WHOLE)
            for node in walk(over)
        )
        return self.names.value(over) if picks else Level.STRUCTURE

    def _block(self, found: Block, level: Level) -> None:
        inner = max([level, *map(self.names.value, found.values)])
        for name in found.parameters:
            self.names.learn(name, Level.CONTENT, Level.STRUCTURE, "")
        if found.target:
            self.names.learn(found.target, inner, inner, self._body_text(found))
        # A macro is reached from wherever it is called: its callers count its words again.
        self.read(found.body, max(inner, Level.STRUCTURE) if found.word == "macro" else inner)

    def _body_text(self, found: Block) -> str:
        texts: list[str] = []
        for each in every(found.body):
            if isinstance(each, Text):
                texts.append(each.text)
            elif isinstance(each, Output | Set):
                texts.append(self.names.literals(each.value))
        return " ".join(texts)

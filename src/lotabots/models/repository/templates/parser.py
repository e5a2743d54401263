"""The statements of a chat template: text, outputs, and the tags that chat templates use.

Jinja 3.1, "Template Designer Documentation", section List of Control Structures; with `break` and
`continue` (its extension loopcontrols) and `generation` (of transformers, marks what is learnt).
"""

from lotabots.models.repository.templates.expressions import Expressions
from lotabots.models.repository.templates.nodes import (
    Block,
    Expression,
    Filter,
    For,
    Foreign,
    If,
    Jump,
    Output,
    Set,
    Statement,
    Text,
)
from lotabots.models.repository.templates.tokens import MAX_TOKENS, Token, Unreadable, tokens

MAX_NESTED = 40
"""Tags inside of each other."""


def parse(source: str) -> tuple[Statement, ...]:
    """The statements of a template. Raises Unreadable for what is outside of the grammar."""
    found: list[Token] = []
    for token in tokens(source):
        found.append(token)
        if len(found) > MAX_TOKENS:
            raise Unreadable("it has too many tokens")
    reader = _Statements(found)
    statements, _ = reader.until()
    return statements


class _Statements(Expressions):
    def until(self, *ends: str) -> tuple[tuple[Statement, ...], str]:
        """Statements up to a tag with one of these words, and that word; the tag stays open."""
        self.depth += 1
        if self.depth > MAX_NESTED:
            raise Unreadable(f"tags nest deeper than {MAX_NESTED}")
        found: list[Statement] = []
        while self.token.kind != "end":
            token = self.take()
            if token.kind == "text":
                found.append(Text(token.value))
            elif token.kind == "output":
                found.append(Output(self.many()))
                self._close("end-output")
            elif token.kind == "block":
                word = self.name()
                if word in ends:
                    self.depth -= 1
                    return tuple(found), word
                found.append(self._statement(word))
            else:
                raise Unreadable(f"`{token.value[:20]}` at character {token.offset}")
        if ends:
            raise Unreadable(f"there is no `{ends[-1]}`")
        self.depth -= 1
        return tuple(found), ""

    def _close(self, kind: str = "end-block") -> None:
        if self.take().kind != kind:
            self.place -= 1
            raise self.unexpected("the end of the tag")

    def _body(self, *ends: str) -> tuple[Statement, ...]:
        self._close()
        body, _ = self.until(*ends)
        if self.token.kind == "name":  # `endmacro name`
            self.take()
        self._close()
        return body

    def _statement(self, word: str) -> Statement:
        match word:
            case "if":
                return self._if()
            case "for":
                return self._for()
            case "set":
                return self._set()
            case "macro":
                return self._macro()
            case "filter":
                return self._filter()
            case "generation":
                return Block("generation", "", (), (), self._body("endgeneration"))
            case "break" | "continue":
                self._close()
                return Jump()
            case "include" | "import" | "from" | "extends":
                while self.token.kind not in {"end-block", "end"}:
                    self.take()
                self._close()
                return Foreign(word)
            case _:
                raise Unreadable(f"the tag `{word[:20]}` is not read here")

    def _if(self) -> If:
        branches: list[tuple[Expression | None, tuple[Statement, ...]]] = []
        test: Expression | None = self.many()
        while True:
            self._close()
            ends = ("elif", "else", "endif") if test is not None else ("endif",)
            body, end = self.until(*ends)
            branches.append((test, body))
            if end == "endif":
                self._close()
                return If(tuple(branches))
            test = self.many() if end == "elif" else None

    def _targets(self) -> tuple[str, ...]:
        bracket = self.skip("(")
        names = [self.name()]
        while self.skip("."):
            names[-1] += "." + self.name()
        while self.skip(","):
            names.append(self.name())
        if bracket:
            self.want(")")
        return tuple(names)

    def _for(self) -> For:
        targets = self._targets()
        self.want("in")
        over = self.expression(choice=False)
        only = self.expression() if self.skip("if") else None
        if self.word("recursive"):
            raise Unreadable("a loop calls itself")
        self._close()
        body, end = self.until("else", "endfor")
        otherwise: tuple[Statement, ...] = ()
        if end == "else":
            self._close()
            otherwise, _ = self.until("endfor")
        self._close()
        return For(targets, over, only, body, otherwise)

    def _set(self) -> Statement:
        targets = self._targets()
        if self.skip("="):
            value = self.many()
            self._close()
            return Set(targets, value)
        filters = self._piped()
        return Block("set", targets[0], (), filters, self._body("endset"))

    def _piped(self) -> tuple[Expression, ...]:
        found: list[Expression] = []
        while self.skip("|") or self.token.kind == "name":
            name = self.name()
            found.append(Filter(None, name, self.arguments() if self.op("(") else ()))
        return tuple(found)

    def _filter(self) -> Block:
        filters = self._piped()
        return Block("filter", "", (), filters, self._body("endfilter"))

    def _macro(self) -> Block:
        name = self.name()
        self.want("(")
        parameters: list[str] = []
        defaults: list[Expression] = []
        while not self.skip(")"):
            parameters.append(self.name())
            if self.skip("="):
                defaults.append(self.expression())
            if not self.skip(",") and not self.op(")"):
                raise self.unexpected("`)`")
        return Block("macro", name, tuple(parameters), tuple(defaults), self._body("endmacro"))

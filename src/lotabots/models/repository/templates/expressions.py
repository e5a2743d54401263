"""The expressions of a chat template, read by precedence.

Jinja 3.1, "Template Designer Documentation", section Expressions; the order of precedence is that
of `jinja2.parser`: choice, or, and, not, comparison, sum, `~`, product, sign, power, postfix.
"""

from lotabots.models.repository.templates.nodes import (
    Call,
    Choice,
    Const,
    Expression,
    Filter,
    Getattr,
    Getitem,
    Items,
    Name,
    Operation,
    Slice,
    Test,
)
from lotabots.models.repository.templates.tokens import Token, Unreadable, literal

MAX_DEPTH = 40
"""Brackets, choices and signs inside of each other."""

_END = Token("end", "", 0)
_COMPARISONS = {"==", "!=", ">", ">=", "<", "<="}
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "none": None}
_CLOSED_BY = {"(": ")", "[": "]", "{": "}"}
_BINARY = ({"+", "-"}, {"~"}, {"*", "/", "//", "%"})
"""Operators by precedence, loosest first."""
# What may follow a test without brackets around it, as `x is divisibleby 3` (jinja2 parse_test).
_ARGUMENT = {"name", "string", "number"}
_NO_ARGUMENT = {"else", "or", "and", "is", "if", "in", "not", "recursive"}


class Expressions:
    """Reads expressions from a list of tokens; the reader of statements extends it."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.place = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        """The token that is next."""
        return self.tokens[self.place] if self.place < len(self.tokens) else _END

    def take(self) -> Token:
        """The token that is next, and goes past it."""
        token = self.token
        self.place += 1
        return token

    def op(self, *values: str) -> bool:
        """Whether one of these operators is next."""
        return self.token.kind == "op" and self.token.value in values

    def word(self, *values: str) -> bool:
        """Whether one of these names is next."""
        return self.token.kind == "name" and self.token.value in values

    def skip(self, value: str) -> bool:
        """Goes past this operator or name if it is next."""
        found = self.token.kind in {"op", "name"} and self.token.value == value
        self.place += found
        return found

    def want(self, value: str) -> None:
        """Goes past this operator or name. Raises Unreadable if another token is next."""
        if not self.skip(value):
            raise self.unexpected(f"`{value}`")

    def name(self) -> str:
        """The name that is next. Raises Unreadable."""
        if self.token.kind != "name":
            raise self.unexpected("a name")
        return self.take().value

    def unexpected(self, wanted: str) -> Unreadable:
        """The error of another token than the grammar wants."""
        token = self.token
        return Unreadable(f"`{token.value[:20]}` at character {token.offset}, not {wanted}")

    def expression(self, *, choice: bool = True) -> Expression:
        """One expression; without choice for what `for ... in` loops over."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable(f"an expression nests deeper than {MAX_DEPTH}")
        found = self._or()
        while choice and self.skip("if"):
            test = self._or()
            found = Choice(test, found, self.expression() if self.skip("else") else None)
        self.depth -= 1
        return found

    def many(self) -> Expression:
        """One expression, or several with commas between: a tuple without brackets."""
        first = self.expression()
        items = [first]
        while self.skip(","):
            if self.token.kind.startswith("end"):
                break
            items.append(self.expression())
        return first if len(items) == 1 else Items(tuple(items))

    def _or(self) -> Expression:
        operands = [self._and()]
        while self.skip("or"):
            operands.append(self._and())
        return operands[0] if len(operands) == 1 else Operation("or", tuple(operands))

    def _and(self) -> Expression:
        operands = [self._not()]
        while self.skip("and"):
            operands.append(self._not())
        return operands[0] if len(operands) == 1 else Operation("and", tuple(operands))

    def _not(self) -> Expression:
        times = 0
        while self.skip("not"):
            times += 1
        found = self._comparison()
        return Operation("not", (found,)) if times else found

    def _comparison(self) -> Expression:
        operands = [self._binary(0)]
        while True:
            if self.op(*_COMPARISONS) or self.word("in"):
                self.take()
            elif (
                self.word("not")
                and self.tokens[self.place + 1 : self.place + 2][0:1]
                and (self.tokens[self.place + 1].value == "in")
            ):
                self.place += 2
            else:
                break
            operands.append(self._binary(0))
        return operands[0] if len(operands) == 1 else Operation("compare", tuple(operands))

    def _binary(self, level: int) -> Expression:
        if level == len(_BINARY):
            return self._unary()
        found = self._binary(level + 1)
        while self.op(*_BINARY[level]):
            operator = self.take().value
            # Sums of many parts are written as one flat operation, so that no chain is deep.
            right = self._binary(level + 1)
            if isinstance(found, Operation) and found.operator == operator:
                found = Operation(operator, (*found.operands, right))
            else:
                found = Operation(operator, (found, right))
        return found

    def _unary(self) -> Expression:
        signs = 0
        while self.op("-", "+"):
            self.take()
            signs += 1
        found = self._postfix(self._primary())
        if self.skip("**"):
            found = Operation("**", (found, self.expression(choice=False)))
        return self._filters(Operation("-", (found,)) if signs else found)

    def _primary(self) -> Expression:
        token = self.token
        match token.kind:
            case "name":
                self.take()
                word = token.value.lower() if token.value in _PYTHON_CONSTANTS else token.value
                return Const(_CONSTANTS[word]) if word in _CONSTANTS else Name(token.value)
            case "string":
                text = ""
                while self.token.kind == "string":  # 'a' 'b' is one string
                    text += literal(self.take())
                return Const(text)
            case "number":
                return Const(_number(self.take().value))
            case "op" if token.value in _CLOSED_BY:
                return self._brackets(self.take().value)
        raise self.unexpected("a value")

    def _brackets(self, opened: str) -> Expression:
        items: list[Expression] = []
        closed, comma = _CLOSED_BY[opened], False
        while not self.skip(closed):
            items.append(self.expression())
            if opened == "{":
                self.want(":")
                items.append(self.expression())
            comma = self.skip(",") or comma
            if not comma and not self.op(closed):
                raise self.unexpected(f"`{closed}`")
        return items[0] if opened == "(" and len(items) == 1 and not comma else Items(tuple(items))

    def _postfix(self, found: Expression) -> Expression:
        while True:
            if self.skip("."):
                if self.token.kind == "number":  # `x.0` is `x[0]`
                    found = Getitem(found, Const(_number(self.take().value)))
                else:
                    found = Getattr(found, self.name())
            elif self.skip("["):
                found = Getitem(found, self._subscript())
            elif self.op("("):
                found = Call(found, self.arguments())
            else:
                return found

    def _filters(self, found: Expression) -> Expression:
        while True:
            if self.skip("|"):
                name = self._dotted()
                found = Filter(found, name, self.arguments() if self.op("(") else ())
                found = self._postfix(found)
            elif self.skip("is"):
                negated = self.skip("not")
                test: Expression = self._test(found)
                found = Operation("not", (test,)) if negated else test
            elif self.op("("):
                found = Call(found, self.arguments())
            else:
                return found

    def _test(self, found: Expression) -> Test:
        name = self._dotted()
        if self.op("("):
            return Test(found, name, self.arguments())
        if self.op("[", "{") or (
            self.token.kind in _ARGUMENT and self.token.value not in _NO_ARGUMENT
        ):
            return Test(found, name, (self._postfix(self._primary()),))
        return Test(found, name, ())

    def _dotted(self) -> str:
        name = self.name()
        while self.skip("."):
            name += "." + self.name()
        return name

    def arguments(self) -> tuple[Expression, ...]:
        """The arguments of a call, brackets included."""
        self.want("(")
        found: list[Expression] = []
        while not self.skip(")"):
            if self.op("*", "**"):
                raise Unreadable("arguments are unpacked")
            following = self.tokens[self.place + 1 : self.place + 2]
            if self.token.kind == "name" and following and following[0].value == "=":
                self.place += 2
            found.append(self.expression())
            if not self.skip(",") and not self.op(")"):
                raise self.unexpected("`)`")
        return tuple(found)

    def _subscript(self) -> Expression:
        found: list[Expression] = []
        is_slice = False
        while not self.skip("]"):
            if self.op(":"):
                self.take()
                is_slice = True
            elif self.skip(","):
                raise Unreadable("a subscript has several keys")
            else:
                found.append(self.expression())
        if is_slice:
            return Slice(tuple(found))
        if len(found) != 1:
            raise Unreadable("a subscript has no key")
        return found[0]


_PYTHON_CONSTANTS = {"True", "False", "None"}


def _number(text: str) -> int | float:
    try:
        return int(text, 0) if text[:1] == "0" and len(text) > 1 and "." not in text else int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError as error:
        raise Unreadable(f"`{text[:20]}` is no number") from error

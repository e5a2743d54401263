"""What a policy condition may say: its tokens, its limits, and the claims that it names.

The CEL library has no limit of its own: 20,000 terms, or brackets nested by the thousand, end the
process, and three nested comprehensions hold the interpreter for a second. So a condition is read
here first, in the small part of CEL that a rule about claims needs. What this reader does not know
is refused, and nothing unread reaches the library.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple, NoReturn

from lotabots.appraisal.paths import Path
from lotabots.kernel import invalid

MAX_SOURCE_BYTES = 4096
MAX_TOKENS = 512
MAX_BRACKETS = 16
"""How deep brackets nest. 512 tokens and 16 brackets compile in a thread with a 256 KiB stack."""
MAX_CLAIMS = 6
"""How many claims one rule may name: the load-time proof removes every set of them."""
MAX_LITERALS = 16

FUNCTIONS = frozenset({"has", "size", "int", "string"})
METHODS = frozenset({"size", "startsWith", "endsWith", "contains"})
MACROS = frozenset({"all", "exists", "exists_one", "filter", "map"})
# No `matches`, `*`, `/`, `%`, map literals, byte strings or comments: no rule about claims needs
# them, and each is one more thing that costs time, panics, or reads differently here and there.
_WORDS = frozenset({"true", "false", "null", "in"})

_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:
    (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<number>[0-9]{1,16}(?![0-9A-Za-z_.]))
    | (?P<text>'(?:[^'\\\r\n]|\\['"\\])*'|"(?:[^"\\\r\n]|\\['"\\])*")
    | (?P<mark>&&|\|\||[=!<>]=|[<>!?:.,()\[\]+-])
    )""",
    re.VERBOSE,
)


class Token(NamedTuple):
    """One word of a condition: its kind (`name`, `number`, `text`, `mark`) and its characters."""

    kind: str
    text: str


class Reading(NamedTuple):
    """What a condition says, as far as its judge and its proof must know."""

    claims: tuple[Path, ...]
    """Every claim that it names, once, in order."""
    literals: tuple[str | int, ...]
    """The texts and numbers in it: the proof tries them as values of claims."""
    bound: frozenset[str]
    """The names that its comprehensions bind."""
    ranges_over_all: bool
    """It uses `all`, which is true of an empty list."""


def read_condition(source: str, root: str) -> Reading:
    """What `source` says about the variable `root`.

    Raises LotaError (POLICY_CONDITION_REFUSED) for anything over the caps or outside the language.
    """
    if len(source.encode("utf-8", "surrogatepass")) > MAX_SOURCE_BYTES:
        _refuse(f"it is longer than {MAX_SOURCE_BYTES} bytes")
    return _Reader(_tokens(source), root).read()


def _tokens(source: str) -> list[Token]:
    tokens: list[Token] = []
    position, end = 0, len(source.rstrip(" \t\r\n"))
    while position < end:
        match = _TOKEN.match(source, position)
        if match is None or match.lastgroup is None:
            _refuse(f"it is not understood at character {position + 1}")
        tokens.append(Token(match.lastgroup, match[match.lastgroup]))
        if len(tokens) > MAX_TOKENS:
            _refuse(f"it has more than {MAX_TOKENS} words")
        # Two texts side by side are half of a ''' string; a name before a text is a prefix (r'').
        if tokens[-1].kind == "text" and len(tokens) > 1:
            before = tokens[-2]
            if before.kind == "text" or (before.kind == "name" and before.text != "in"):
                _refuse("strings have no prefix and stand alone")
        position = match.end()
    return tokens


class _Reader:
    """One pass over the tokens: nothing is looked at twice."""

    def __init__(self, tokens: Sequence[Token], root: str) -> None:
        self.tokens = tokens
        self.root = root
        self.at = 0
        self.claims: dict[Path, None] = {}
        self.literals: dict[str | int, None] = {}
        self.bound: set[str] = set()
        self.brackets = 0
        self.macro_brackets: int | None = None
        """The bracket depth outside the comprehension that we are in."""
        self.ranges_over_all = False

    def read(self) -> Reading:
        while self.at < len(self.tokens):
            kind, text = self.tokens[self.at]
            self.at += 1
            match kind:
                case "name":
                    self._name(text)
                case "text" | "number":
                    self._literal(kind, text)
                case _:
                    self._mark(text)
        if not self.claims:
            _refuse("it names no claim, so it says nothing about the evidence")
        if len(self.claims) > MAX_CLAIMS:
            _refuse(f"it names more than {MAX_CLAIMS} claims; write more rules")
        if len(self.literals) > MAX_LITERALS:
            _refuse(f"it has more than {MAX_LITERALS} different values; write more rules")
        return Reading(
            tuple(self.claims),
            tuple(self.literals),
            frozenset(self.bound),
            self.ranges_over_all,
        )

    def _is(self, *texts: str, ahead: int = 0) -> bool:
        place = self.at + ahead
        if place >= len(self.tokens):
            return False
        return self.tokens[place].kind == "mark" and self.tokens[place].text in texts

    def _name(self, name: str) -> None:
        if name in _WORDS:
            return
        if name == self.root:
            path = self._path()
            if not path:
                _refuse(f"`{name}` stands alone; name the claim, as in `{name}.driver`")
            self.claims[path] = None
        elif name in self.bound:
            if self._path():
                _refuse("an element of a list is compared whole")
        elif name not in FUNCTIONS or not self._is("("):
            _refuse(f"`{name}` is not known here; a rule sees `{self.root}` and {_KNOWN}")

    def _path(self) -> Path:
        """The steps after a variable, `.name` and `["name"]`; a method call ends them."""
        steps: list[str] = []
        while self._is(".", "[") and not (self._is(".") and self._is("(", ahead=2)):
            wanted = "name" if self._is(".") else "text"
            token = self.tokens[self.at + 1] if self.at + 1 < len(self.tokens) else _NOTHING
            if token.kind != wanted or (wanted == "text" and not self._is("]", ahead=2)):
                _refuse("a claim is chosen by one fixed name")
            steps.append(token.text if wanted == "name" else _unquoted(token.text))
            self.at += 2 if wanted == "name" else 3
        return tuple(steps)

    def _literal(self, kind: str, text: str) -> None:
        self.literals[int(text) if kind == "number" else _unquoted(text)] = None

    def _mark(self, mark: str) -> None:
        if mark in ("(", "["):
            self.brackets += 1
            if self.brackets > MAX_BRACKETS:
                _refuse(f"its brackets nest deeper than {MAX_BRACKETS}")
        elif mark in (")", "]"):
            self.brackets -= 1
            if self.brackets == self.macro_brackets:
                self.macro_brackets = None
        elif mark == ".":
            self._method()

    def _method(self) -> None:
        if self.at >= len(self.tokens) or not self._is("(", ahead=1):
            _refuse("only a claim has parts; a computed value has none")
        name = self.tokens[self.at].text
        self.at += 1
        if name in MACROS:
            self._macro(name)
        elif name not in METHODS:
            _refuse(f"`{name}` is not known here; a rule sees `{self.root}` and {_KNOWN}")

    def _macro(self, name: str) -> None:
        if self.macro_brackets is not None:
            _refuse("comprehensions do not nest")
        self.macro_brackets = self.brackets
        variable = self.tokens[self.at + 1] if self.at + 1 < len(self.tokens) else _NOTHING
        reserved = _WORDS | FUNCTIONS | {self.root}
        if variable.kind != "name" or variable.text in reserved or not self._is(",", ahead=2):
            _refuse(f"`{name}` starts with a new name and a comma")
        self.bound.add(variable.text)
        self.ranges_over_all |= name == "all"
        self._mark("(")
        self.at += 3


_NOTHING = Token("", "")
_KNOWN = ", ".join(f"`{name}`" for name in sorted(FUNCTIONS | METHODS | MACROS))


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _refuse(why: str) -> NoReturn:
    raise invalid("POLICY_CONDITION_REFUSED", f"This condition is refused: {why}.")

"""The tokens of a chat template: text between tags, and what stands inside of them.

The syntax is that of Jinja 3.1 ("Template Designer Documentation", sections Synopsis, Escaping,
Literals) with the default delimiters, which are the only ones that chat templates are rendered
with. Line statements are off there, and unknown here.
"""

import re
from collections.abc import Generator, Iterator
from typing import NamedTuple

MAX_TEMPLATE = 256 * 1024
"""Characters of a template that is read."""
MAX_TOKENS = 20_000
"""A long template in use has 5,000."""


class Unreadable(ValueError):
    """A template is outside of the grammar that is read here; its text says why."""


class Token(NamedTuple):
    """One token. `kind`: text, output, end-output, block, end-block, name, string, number, op."""

    kind: str
    value: str
    offset: int


_OPEN = re.compile(r"\{([{%#])[-+]?")
_RAW = re.compile(r"\{%[-+]?\s*raw\s*[-+]?%\}")
_END_RAW = re.compile(r"\{%[-+]?\s*endraw\s*[-+]?%\}")
_SPACE = re.compile(r"\s+")
_CLOSE = {"{": re.compile(r"[-+]?\}\}"), "%": re.compile(r"[-+]?%\}")}
# Possessive where two ways to match would cost time: no byte is looked at twice.
_INSIDE = re.compile(
    r"""(?P<string>'[^'\\]*+(?:\\.[^'\\]*+)*+'|"[^"\\]*+(?:\\.[^"\\]*+)*+")
    | (?P<number>(?:0[xX][0-9a-fA-F]++|0[bB][01]++|0[oO][0-7]++
        |[0-9][0-9_]*+(?:\.[0-9]++)?+(?:[eE][-+]?[0-9]++)?+))
    | (?P<name>[^\W\d]\w*+)
    | (?P<op>//|\*\*|==|!=|>=|<=|[-+/*%~\[\](){}><=.:|,;])""",
    re.VERBOSE | re.DOTALL,
)


def tokens(source: str) -> Iterator[Token]:
    """Every token in order. Raises Unreadable."""
    if len(source) > MAX_TEMPLATE:
        raise Unreadable(f"it is longer than {MAX_TEMPLATE} characters")
    place, count = 0, 0
    while opened := _OPEN.search(source, place):
        if opened.start() > place:
            yield Token("text", source[place : opened.start()], place)
        if raw := _RAW.match(source, opened.start()):
            end = _END_RAW.search(source, raw.end())
            if end is None:
                raise Unreadable("`raw` has no end")
            yield Token("text", source[raw.end() : end.start()], raw.end())
            place = end.end()
        elif opened[1] == "#":
            close = source.find("#}", opened.end())
            if close < 0:
                raise Unreadable("a comment has no end")
            place = close + 2
        else:
            kind = "output" if opened[1] == "{" else "block"
            yield Token(kind, opened[0], opened.start())
            place = yield from _inside(source, opened.end(), opened[1])
        count += 1
        if count > MAX_TOKENS:
            raise Unreadable("it has too many tags")
    if place < len(source):
        yield Token("text", source[place:], place)


def _inside(source: str, place: int, kind: str) -> Generator[Token, None, int]:
    """The tokens of one tag; returns the place behind it."""
    close, end = _CLOSE[kind], "end-output" if kind == "{" else "end-block"
    depth = 0
    while True:
        if space := _SPACE.match(source, place):
            place = space.end()
        # `}}` ends an output only where no brace of a mapping is open (jinja2.lexer does the same).
        if not depth and (closed := close.match(source, place)):
            yield Token(end, closed[0], place)
            return closed.end()
        found = _INSIDE.match(source, place)
        if found is None:
            raise Unreadable(f"there is no token at character {place}")
        word = found[0]
        depth += (word in "([{") - (word in ")]}") if found.lastgroup == "op" else 0
        if depth < 0:
            raise Unreadable(f"a bracket at character {place} closes nothing")
        yield Token(str(found.lastgroup), word, place)
        place = found.end()


def literal(token: Token) -> str:
    """What a string token means, its escapes resolved as Jinja does. Raises Unreadable."""
    try:
        return token.value[1:-1].encode("ascii", "backslashreplace").decode("unicode-escape")
    except UnicodeDecodeError as error:
        raise Unreadable(f"a string at character {token.offset} is malformed") from error


def vocabulary(listed: str) -> frozenset[str]:
    """The words of a list that is written with blanks between them."""
    return frozenset(listed.split())

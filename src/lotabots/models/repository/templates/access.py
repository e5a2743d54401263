"""What a chat template must not reach for: Python's internals, other files, unlisted calls.

Templates are rendered by whatever server loads the model, some of them without a sandbox
(CVE-2024-34359, CVE-2026-5760), so what they can reach is judged here by an allow-list: of calls,
methods, filters and tests. Jinja falls back from `x['name']` to `x.name`, so a key that is put
together while rendering is an attribute that nobody can read beforehand.
"""

import re
from collections.abc import Iterator

from lotabots.models.repository.templates.nodes import (
    Block,
    Call,
    Const,
    Expression,
    Filter,
    For,
    Foreign,
    Getattr,
    Getitem,
    Name,
    Operation,
    Set,
    Statement,
    Test,
    walk,
)
from lotabots.models.repository.templates.statements import every, expressions
from lotabots.models.repository.templates.tokens import Unreadable, vocabulary

MAX_ROUNDS = 12
"""Readings until no further name is known to be put together."""

FUNCTIONS = frozenset({"raise_exception", "strftime_now", "namespace", "range", "dict"})
METHODS = vocabulary(
    "append capitalize count endswith extend find get index insert items join keys lower lstrip"
    " pop removeprefix removesuffix replace rfind rsplit rstrip split splitlines startswith strip"
    " title upper update values isdigit isalpha isalnum isspace isupper islower"
)
FILTERS = vocabulary(
    "abs batch capitalize count d default dictsort e escape first float forceescape groupby indent"
    " int items join last length list lower map max min reject rejectattr replace reverse round"
    " safe select selectattr slice sort string striptags sum title tojson trim truncate unique"
    " upper urlencode wordcount wordwrap"
)
TESTS = vocabulary(
    "boolean callable defined divisibleby eq equalto even false float ge greaterthan gt in integer"
    " iterable le lessthan lower lt mapping ne none number odd sameas sequence string true"
    " undefined upper"
)
# Names of Jinja and of frameworks that lead to Python's internals.
_FORBIDDEN_NAMES = vocabulary(
    "self cycler joiner lipsum config request session g url_for get_flashed_messages caller varargs"
    " kwargs os sys eval exec open globals locals getattr import"
)
# Attributes without an underscore that lead out of a value (jinja2.sandbox, UNSAFE_*_ATTRIBUTES).
_FORBIDDEN_ATTRIBUTES = re.compile(
    r"_.*|(?:func|gi|cr|ag|im|tb|f|co)_(?:globals|code|closure|defaults|dict|doc|frame|locals"
    r"|builtins|back|class|func|self|lineno|next|name)|mro|format|format_map"
)
_DUNDER = re.compile(r"__\w+(?:__)?")
# What makes a text of texts: a key made so is an attribute that cannot be read here.
_COMPOSING_FILTERS = vocabulary(
    "join replace lower upper title capitalize trim string reverse list first last truncate"
    " urlencode striptags map format"
)
_COMPOSING_METHODS = vocabulary(
    "join replace lower upper title capitalize strip lstrip rstrip split rsplit removeprefix"
    " removesuffix"
)


def escapes(statements: tuple[Statement, ...]) -> Iterator[str]:
    """What the template reaches for that it must not, in words."""
    known = list(every(statements))
    macros = {found.target for found in known if isinstance(found, Block) and found.word == "macro"}
    made = _made(known)
    # A name that the template gives to a value of its own is no longer Jinja's.
    own = {name for found in known if isinstance(found, Set | For) for name in found.targets}
    for statement in known:
        if isinstance(statement, Foreign):
            yield f"{statement.word} of another template"
        for expression in expressions(statement):
            for node in walk(expression):
                if why := _escape(node, macros, made, own):
                    yield why


def _escape(node: Expression, macros: set[str], made: set[str], own: set[str]) -> str:
    match node:
        case Name() if node.name.startswith("__") or node.name in _FORBIDDEN_NAMES - own:
            return f"the name {node.name}"
        case Getattr() if _FORBIDDEN_ATTRIBUTES.fullmatch(node.name):
            return f"the attribute {node.name}"
        case Const() if isinstance(node.value, str) and _DUNDER.search(node.value):
            return f"the text {node.value[:60]!r}"
        case Getitem():
            return _key(node.key, made)
        case Call():
            return _call(node.of, macros)
        case Filter() if node.name not in FILTERS:
            return f"the filter {node.name}"
        case Filter():
            return _mapped(node)
        case Test() if node.name not in TESTS:
            return f"the test {node.name}"
        case _:
            return ""


def _call(of: Expression, macros: set[str]) -> str:
    match of:
        case Name() if of.name in FUNCTIONS or of.name in macros:
            return ""
        case Name():
            return f"a call of {of.name}"
        case Getattr() if of.name in METHODS:
            return ""
        case Getattr():
            return f"a call of .{of.name}"
        case _:
            return "a call of a value"


def _mapped(node: Filter) -> str:
    """`map`, `select` and their kin take the name of a filter, a test or an attribute as a text."""
    if node.name not in {"map", "select", "reject", "selectattr", "rejectattr", "groupby", "sort"}:
        return ""
    allowed = FILTERS | TESTS
    for place, argument in enumerate(node.arguments):
        if isinstance(argument, Const):
            # A test of select is its first argument, of selectattr its second.
            text = str(argument.value)
            first = place == (1 if node.name.endswith("attr") else 0)
            named = first and node.name not in {"groupby", "sort", "map"}
            if text.startswith("_") or "._" in text or (named and text not in allowed | _SIGNS):
                return f"{node.name} by {text[:60]!r}"
        elif place == 0:
            return f"{node.name} by a name that is put together"
    return ""


_SIGNS = frozenset({"==", "!=", ">", ">=", "<", "<="})


def _key(key: Expression, made: set[str]) -> str:
    """Whether a key could be an attribute's name that cannot be read here."""
    if isinstance(key, Const):
        text = key.value
        if isinstance(text, str) and _FORBIDDEN_ATTRIBUTES.fullmatch(text) and text != "format":
            return f"the attribute {text[:60]}"
        return ""
    return "a key that is put together" if _composed(key, made) else ""


def _composed(value: Expression, made: set[str]) -> bool:
    """Whether evaluating it puts a text together, as far as this can be seen."""
    for node in walk(value):
        match node:
            case Operation() if node.operator in {"~", "%"}:
                if node.operator == "~" or _has_text(node):
                    return True
            case Operation() if node.operator in {"+", "*"} and _has_text(node):
                return True
            case Filter() if node.name in _COMPOSING_FILTERS:
                return True
            case Getattr() if node.name in _COMPOSING_METHODS:
                return True
            case Name() if node.name in made:
                return True
            case Getattr() if isinstance(node.of, Name) and f"{node.of.name}.{node.name}" in made:
                return True
            case _:
                pass
    return False


def _has_text(node: Expression) -> bool:
    return any(isinstance(each, Const) and isinstance(each.value, str) for each in walk(node))


def _made(statements: list[Statement]) -> set[str]:
    """Names whose value is put together: from texts, or from other such names."""
    made: set[str] = {
        found.target for found in statements if isinstance(found, Block) and found.word == "set"
    }
    sets = [found for found in statements if isinstance(found, Set)]
    for _ in range(MAX_ROUNDS):
        more = {
            name for found in sets if _composed(found.value, made) for name in found.targets
        } - made
        if not more:
            return made
        made |= more
    raise Unreadable("its names depend on each other in too long a chain")

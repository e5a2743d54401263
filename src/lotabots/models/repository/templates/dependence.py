"""What the expressions of a chat template depend on: nothing, structure, or content.

Names are followed through `set`, loops, macros and namespaces; a name that is set in a branch
depends on what decides about the branch.
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
    parts,
    walk,
)
from lotabots.models.repository.templates.speech import Level, words
from lotabots.models.repository.templates.tokens import vocabulary

_STRUCTURE_KEYS = vocabulary(
    "role type tool_calls tools tool_call_id weight recipient channel index index0 first last"
    " length revindex revindex0"
)
_LISTS = frozenset({"messages", "tools", "documents", "loop_messages", "conversation"})
_STRUCTURE_TESTS = vocabulary(
    "defined undefined none string mapping iterable sequence boolean true false number integer"
    " float callable"
)
# Methods whose arguments are looked for in a text, and do not come out of it.
_SEARCHING = vocabulary(
    "split rsplit startswith endswith strip lstrip rstrip find rfind count index removeprefix"
    " removesuffix get"
)
_SILENT = frozenset({"raise_exception", "strftime_now", "range"})
MAX_SPOKEN = 800
"""Characters of words that are remembered of one name or expression."""


class Names:
    """What is known of the names that a template sets."""

    def __init__(self) -> None:
        self.values: dict[str, Level] = {}
        """What the value of a name depends on."""
        self.truths: dict[str, Level] = {}
        """What it depends on whether the value is there at all: a message's text may be empty."""
        self.spoken: dict[str, str] = {}
        """Literal words that the value of a name holds."""
        self.spaces: set[str] = set()
        """Names of namespaces."""

    def state(self) -> tuple[object, ...]:
        """Changes as long as more becomes known."""
        return dict(self.values), dict(self.truths), dict(self.spoken), set(self.spaces)

    def learn(self, name: str, value: Level, truth: Level, text: str) -> None:
        """Adds what one assignment says about a name; nothing that was known is forgotten."""
        self.values[name] = max(value, self.values.get(name, Level.NOTHING))
        self.truths[name] = max(truth, self.truths.get(name, Level.NOTHING))
        known = self.spoken.get(name, "")
        if words(text, Level.CONTENT) and text[:MAX_SPOKEN] not in known:
            self.spoken[name] = f"{known} {text}"[:MAX_SPOKEN]

    def decides(self, test: Expression) -> Level:
        """What the truth of an expression depends on: whether data is there is structure."""
        match test:
            case Const():
                return Level.NOTHING
            case Name() | Getattr() | Getitem() if _is_path(test):
                return self.truths.get(_dotted(test), Level.STRUCTURE)
            case Operation() if test.operator in {"and", "or", "not"}:
                return max(map(self.decides, test.operands))
            case Filter() if test.name == "trim" and test.of is not None:
                return self.decides(test.of)
            case _:
                return self.value(test)

    def value(self, node: Expression, *, element: bool = False) -> Level:
        """What the value of an expression depends on; or what an element of it does."""
        match node:
            case Const():
                return Level.NOTHING
            case Name():
                return self._name(node.name, element=element)
            case Getattr():
                return self._member(node, node.name)
            case Getitem() if isinstance(node.key, Const) and isinstance(node.key.value, str):
                return self._member(node, node.key.value)
            case Getitem():
                # An element of messages is content; what is taken of it may be structure again.
                found = self.value(node.of, element=True)
                return max(found, self.value(node.key))
            case Test() if node.name in _STRUCTURE_TESTS:
                return Level.STRUCTURE
            case Filter() if node.name in {"length", "count"} and isinstance(node.of, Name):
                return max(Level.STRUCTURE, self.value(node.of))
            case Filter() if node.name not in {"list", "first", "last"}:
                return self._filtered(node)
            case Items() | Operation() | Choice() | Call() | Filter() | Test() | Slice():
                below = [self.value(each, element=element) for each in parts(node)]
                return max([Level.NOTHING, *below])

    def _filtered(self, node: Filter) -> Level:
        """A filter looks at elements, but where it is told to look at their structure alone."""
        below = [self.value(each) for each in node.arguments]
        first = node.arguments[0] if node.arguments else None
        if node.of is not None:
            by_structure = node.name in {"selectattr", "rejectattr", "map"} and (
                isinstance(first, Const) and first.value in _STRUCTURE_KEYS
            )
            below.append(Level.STRUCTURE if by_structure else self.value(node.of, element=True))
        return max([Level.NOTHING, *below])

    def _name(self, name: str, *, element: bool) -> Level:
        if name in _LISTS and (element or name not in self.values):
            return Level.CONTENT if element else Level.STRUCTURE
        if name in self.values:
            return self.values[name]
        return Level.CONTENT if name == "strftime_now" else Level.STRUCTURE

    def _member(self, node: Getattr | Getitem, name: str) -> Level:
        known = self.values.get(_dotted(node))
        if known is not None:
            return known
        of = node.of
        if name in _STRUCTURE_KEYS or (isinstance(of, Name) and of.name in {"loop", *self.spaces}):
            return Level.STRUCTURE
        return Level.CONTENT

    def chooses(self, value: Expression) -> Level:
        """What inside an expression decides which of its literals come out."""
        found = Level.NOTHING
        for node in walk(value):
            match node:
                case Choice():
                    found = max(found, self.decides(node.test))
                case Operation() if node.operator in {"compare", "or", "and", "not", "*"}:
                    found = max(found, self.decides(node))
                case Getitem() if not isinstance(node.key, Const | Slice) and words(
                    self.literals(node.of), Level.CONTENT
                ):
                    found = max(found, self.value(node.key))
                case Call() if isinstance(node.of, Getattr) and node.of.name in {"replace", "get"}:
                    found = max(found, self.value(node.of.of), *map(self.value, node.arguments))
                case Filter() if node.name == "replace" and node.of is not None:
                    found = max(found, self.value(node.of))
                case _:
                    pass
        return found

    def literals(self, value: Expression) -> str:
        """The literal texts with words that can come out of an expression, joined."""
        found: list[str] = []
        size = 0
        waiting = [value]
        while waiting and size < MAX_SPOKEN:
            node = waiting.pop()
            text = self._said(node)
            if text and words(text, Level.CONTENT):
                found.append(text[:MAX_SPOKEN])
                size += len(text)
            waiting += reversed(_speaking(node))
        return " ".join(found)

    def _said(self, node: Expression) -> str:
        match node:
            case Const():
                return node.value if isinstance(node.value, str) else ""
            case Name():
                return self.spoken.get(node.name, "")
            case Getattr() if isinstance(node.of, Name):
                return self.spoken.get(_dotted(node), "")
            case _:
                return ""


def _speaking(node: Expression) -> tuple[Expression, ...]:
    """The parts of an expression whose text can come out of it."""
    match node:
        case Getitem():
            return (node.of,)
        case Operation() if node.operator in {"compare", "not"}:
            return ()
        case Test():
            return ()
        case Choice():
            return (node.yes,) if node.no is None else (node.yes, node.no)
        case Filter():
            of = () if node.of is None else (node.of,)
            return (*of, *node.arguments)
        case Call() if isinstance(node.of, Name) and node.of.name in _SILENT:
            return ()
        case Call() if isinstance(node.of, Getattr) and node.of.name in _SEARCHING - {"get"}:
            return (node.of.of,)
        case _:
            return parts(node)


def _is_path(node: Expression) -> bool:
    """Whether it is data as it came: names, members and places, with nothing computed."""
    while isinstance(node, Getattr | Getitem):
        if isinstance(node, Getitem) and not isinstance(node.key, Const):
            return False
        node = node.of
    return isinstance(node, Name)


def _dotted(node: Expression) -> str:
    """`a.b` for a member, whichever way it is written; empty for what is neither."""
    names: list[str] = []
    while True:
        match node:
            case Name():
                return ".".join([node.name, *reversed(names)])
            case Getattr():
                names.append(node.name)
                node = node.of
            case Getitem() if isinstance(node.key, Const) and isinstance(node.key.value, str):
                names.append(node.key.value)
                node = node.of
            case _:
                return ""

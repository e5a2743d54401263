"""YAML or JSON text as plain JSON values; anything with two readings is refused.

YAML is read from its events, not through a constructor: no tags, no aliases, no merge keys, no
dates, no `yes` and `off` that turn into truth values. What stays is JSON with nicer line breaks.
"""

import re
from typing import NamedTuple, NoReturn

import yaml

from lotabots.kernel.canonical_json import Json, strict_json
from lotabots.kernel.errors import invalid

MAX_DEPTH = 16
MAX_NODES = 4096

# libyaml where the wheel has it (6 times faster); both give the same events.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,15})")
_WORDS: dict[str, Json] = {"null": None, "true": True, "false": False}
# What some YAML 1.1 or 1.2 reader takes for something else than a text.
_AMBIGUOUS = re.compile(
    r"""~? | y | n | yes | no | on | off | true | false | null
    | [-+]? (?: [0-9][0-9_]* (?:\.[0-9_]*)? | \.[0-9_]+ ) (?: e[-+]?[0-9]+ )?
    | [-+]? 0[xob][0-9a-f_]+ | [-+]? [0-9]+ (?: :[0-9]+ )+ (?: \.[0-9]* )? | [-+]? \.(?: inf | nan )
    | << | =""",
    re.IGNORECASE | re.VERBOSE,
)


class Reading(NamedTuple):
    """How a text is read: its limits, and the codes and the word by which a refusal names it."""

    what: str
    """For people: `policy`, `model card`."""
    malformed: str
    """The code of what is no such text."""
    too_large: str
    max_bytes: int = 64 * 1024
    max_depth: int = MAX_DEPTH
    max_nodes: int = MAX_NODES
    ambiguous: bool = False
    """Whether a bare word with several readings (`no`, `0.85`) is read as the text that it is,
    as in files that others wrote; else it is refused."""


def read_yaml(data: bytes, reading: Reading) -> Json:
    """The one value that `data` writes. Raises LotaError (the reading's two codes, JSON_*)."""
    what = reading.what
    if len(data) > reading.max_bytes:
        detail = f"A {what} is at most {reading.max_bytes} bytes."
        raise invalid(reading.too_large, detail)
    if data.lstrip()[:1] == b"{":
        return strict_json(data, max_bytes=reading.max_bytes, max_depth=reading.max_depth)
    try:
        return _Builder(reading).build(data.decode())
    except UnicodeDecodeError as error:
        raise invalid(reading.malformed, f"This {what} is not UTF-8.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark is not None else ""
        raise invalid(reading.malformed, f"This {what} is not YAML{where}.") from error


class _Builder:
    """Builds one value from YAML events, with no recursion."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.open: list[dict[str, Json] | list[Json]] = []
        self.keys: list[str | None] = []
        """For each open mapping, the key that waits for its value."""
        self.documents: list[Json] = []
        self.nodes = 0

    def build(self, text: str) -> Json:
        for event in yaml.parse(text, Loader=_LOADER):
            match event:
                case yaml.AliasEvent():
                    self._refuse("it has an alias", event)
                case yaml.ScalarEvent():
                    self._node(event)
                    self._add(event, self._scalar(event))
                case yaml.SequenceStartEvent():
                    self._node(event)
                    self._push(event, [])
                case yaml.MappingStartEvent():
                    self._node(event)
                    self._push(event, {})
                case yaml.CollectionEndEvent():
                    self.open.pop()
                    self.keys.pop()
                case _:
                    pass  # start and end of stream and document
        if len(self.documents) != 1:
            what = self.reading.what
            raise invalid(self.reading.malformed, f"A {what} is one YAML document.")
        return self.documents[0]

    def _node(self, event: yaml.NodeEvent) -> None:
        self.nodes += 1
        if self.nodes > self.reading.max_nodes:
            self._refuse(f"it has more than {self.reading.max_nodes} values", event)
        if event.anchor is not None or getattr(event, "tag", None) is not None:
            self._refuse("it has an anchor or a tag", event)

    def _push(self, event: yaml.NodeEvent, value: "dict[str, Json] | list[Json]") -> None:
        if len(self.open) >= self.reading.max_depth:
            self._refuse(f"it nests deeper than {self.reading.max_depth}", event)
        self._add(event, value)
        self.open.append(value)
        self.keys.append(None)

    def _scalar(self, event: yaml.ScalarEvent) -> Json:
        text: str = event.value
        if not event.implicit[0] or self._wants_key():
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            return int(text)
        if not self.reading.ambiguous and _AMBIGUOUS.fullmatch(text):
            self._refuse(f"`{text}` has several readings; quote it", event)
        return text

    def _wants_key(self) -> bool:
        return bool(self.open) and isinstance(self.open[-1], dict) and self.keys[-1] is None

    def _add(self, event: yaml.NodeEvent, value: Json) -> None:
        if not self.open:
            self.documents.append(value)
            return
        parent = self.open[-1]
        if isinstance(parent, list):
            parent.append(value)
            return
        key = self.keys[-1]
        if key is not None:
            parent[key] = value
            self.keys[-1] = None
        elif not isinstance(value, str):
            self._refuse("a key is not a text", event)
        elif value in parent:
            self._refuse(f"`{value}` stands there twice", event)
        else:
            self.keys[-1] = value

    def _refuse(self, why: str, event: yaml.Event) -> NoReturn:
        line = event.start_mark.line + 1 if event.start_mark else 0
        detail = f"This {self.reading.what} is refused at line {line}: {why}."
        raise invalid(self.reading.malformed, detail, line=line)

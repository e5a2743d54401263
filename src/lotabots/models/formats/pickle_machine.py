"""The stack of one pickle stream, followed without importing, calling or setting anything.

A parser of a binary format. Source: CPython 3.13, Lib/pickle.py and Modules/_pickle.c, whose stack
is followed opcode by opcode. Stricter than both: one reading, or the stream is refused. So the
protocol stands first, frames hold whole opcodes, and a memo entry is set once.
"""

from collections.abc import Callable
from typing import NoReturn, TypeAlias

from lotabots.models.formats.cursor import Cursor, Cut
from lotabots.models.formats.faults import Faults, Stop
from lotabots.models.formats.opcodes import HIGHEST, OPERATIONS
from lotabots.models.formats.pickle_globals import ALLOWED, pairs
from lotabots.models.formats.pickle_torch import is_storage
from lotabots.models.formats.pickle_values import (
    COUNTER,
    ORDERED,
    Global,
    Made,
    Mapping,
    Opaque,
    Persistent,
    Row,
    Value,
    is_key,
)
from lotabots.models.types import Content

MAX_OPERATIONS = 4_000_000
"""Opcodes of one stream: some seconds. A checkpoint has about 40 for each tensor."""
MAX_VALUES = 2_000_000
"""Containers and memo entries of one stream."""
MAX_TEXT = 4096
"""Bytes of a text whose value is followed."""
MAX_TEXTS = 64 * 1024 * 1024
"""Bytes of all such texts of one stream."""
MAX_LINE = 1 << 20
MAX_GLOBALS = 1000
MAX_ARGUMENTS = 16
"""Of one call; none of ours takes more than eight."""

_PROTO, _STOP = 0x80, ord(".")

Step: TypeAlias = Callable[["Machine"], object]
"""What one opcode does to the stack."""


class Machine:
    """The stack of one stream. The names of its steps are those of the opcodes."""

    def __init__(self, content: Content, faults: Faults, begin: int, *, persistent: bool) -> None:
        self.cursor = Cursor(content, begin)
        self.faults = faults
        self.begin = begin
        self.persistent = persistent
        self.stack: list[Value] = []
        self.below: list[list[Value]] = []
        """The stacks below each MARK, as Lib/pickle.py keeps them."""
        self.memo: dict[int, Value] = {}
        self.globals: dict[Global, set[str]] = {}
        self.acted = False
        self.operations = 0
        self.values = 0
        self.texts = 0
        self._protocol = 1
        self._frame: int | None = None
        self._at = begin
        self._said: set[tuple[str, str]] = set()

    def run(self, steps: "dict[int, Step]") -> bool:
        """Follows the stream by these steps, by opcode; whether its end was reached."""
        try:
            while self._step(steps):
                pass
        except Cut:
            self.fault("PICKLE-CUT", offset=self.cursor.position)
        except Stop:
            pass
        else:
            return True
        return False

    def _step(self, steps: "dict[int, Step]") -> bool:
        cursor = self.cursor
        self._at = cursor.position
        code = cursor.take(1)[0]
        operation = OPERATIONS.get(code)
        if operation is None:
            self.refuse("PICKLE-UNKNOWN", hex(code))
        if code == _PROTO:
            self._read_protocol()
            return True
        if operation.protocol > self._protocol:
            self.refuse("PICKLE-MALFORMED", f"{operation.name} before its protocol")
        steps[code](self)
        self.operations += 1
        if self.operations > MAX_OPERATIONS or self.values > MAX_VALUES:
            self.refuse("PICKLE-LIMIT", "")
        if self._frame is not None and cursor.position >= self._frame:
            if cursor.position > self._frame:
                self.refuse("PICKLE-MALFORMED", "an opcode across the end of a frame")
            self._frame = None
        return code != _STOP

    def fault(self, code: str, measured: str = "", offset: int | None = None) -> None:
        """Adds a finding at this opcode, once for each wording."""
        if (code, measured) not in self._said and len(self._said) < 1000:
            self._said.add((code, measured))
            at = self._at if offset is None else offset
            self.faults.finding(code, offset=at, measured=measured)

    def refuse(self, code: str, measured: str) -> NoReturn:
        """Adds a finding and ends the reading: from here on there is no one meaning."""
        self.faults.refuse(code, offset=self._at, measured=measured)

    def pop(self) -> Value:
        """The topmost value above the last MARK."""
        if not self.stack:
            self.refuse("PICKLE-STACK", "nothing on the stack")
        return self.stack.pop()

    def top(self) -> Value:
        """The same, left where it is."""
        if not self.stack:
            self.refuse("PICKLE-STACK", "nothing on the stack")
        return self.stack[-1]

    def marked(self) -> list[Value]:
        """All values above the last MARK, which goes with them."""
        if not self.below:
            self.refuse("PICKLE-STACK", "no MARK on the stack")
        items, self.stack = self.stack, self.below.pop()
        return items

    def push(self, value: Value) -> None:
        """Lays a value on the stack."""
        self.stack.append(value)

    def new(self, value: Value) -> None:
        """Lays a container on the stack, and counts it."""
        self.values += 1
        self.stack.append(value)

    def unsigned(self, length: int) -> int:
        """The next bytes as a number."""
        return int.from_bytes(self.cursor.take(length), "little")

    def line(self) -> bytes:
        """The text up to the next line feed."""
        found = self.cursor.line(MAX_LINE)
        if found is None:
            self.refuse("PICKLE-LIMIT", f"a line of more than {MAX_LINE} bytes")
        return found

    def text(self, length: int, encoding: str) -> Value:
        """The next bytes as a text, followed if it is short."""
        if not self.followed(length):
            self.cursor.skip(length)
            return Opaque()
        return self.decode(self.cursor.take(length), encoding)

    def followed(self, length: int) -> bool:
        """Whether a text of so many bytes is kept."""
        if length > MAX_TEXT:
            return False
        self.texts += length
        return self.texts <= MAX_TEXTS

    def decode(self, raw: bytes, encoding: str) -> Value:
        """These bytes as a text; a text of Python 2 that is not ASCII is not followed."""
        try:
            return raw.decode(encoding, "surrogatepass" if encoding == "utf-8" else "strict")
        except UnicodeDecodeError:
            if encoding == "utf-8":
                self.refuse("PICKLE-MALFORMED", "a text that is not UTF-8")
            return Opaque()

    def named(self, name: Global) -> Global:
        """Notes that a name is imported."""
        if name not in self.globals:
            if len(self.globals) >= MAX_GLOBALS:
                self.refuse("PICKLE-LIMIT", "more than 1,000 names")
            self.globals[name] = set()
            if name not in ALLOWED:
                self.fault("PICKLE-GLOBAL", name.dotted)
        return name

    def _read_protocol(self) -> None:
        version = self.unsigned(1)
        if self._at != self.begin:
            self.refuse("PICKLE-MALFORMED", "PROTO is not first")
        if version > HIGHEST:
            self.refuse("PICKLE-UNKNOWN", f"protocol {version}")
        self._protocol = max(version, 1)

    def frame(self) -> None:
        """FRAME: the next bytes hold whole opcodes."""
        length = self.unsigned(8)
        if self._frame is not None:
            self.refuse("PICKLE-MALFORMED", "a frame in a frame")
        if length > self.cursor.left:
            self.refuse("PICKLE-CUT", "a frame longer than the stream")
        self._frame = self.cursor.position + length

    def stop(self) -> None:
        """STOP: one value, and no MARK, frame or other value left."""
        if self.below or len(self.stack) != 1:
            self.refuse("PICKLE-STACK", "not one value at the end")
        if self._frame is not None and self._frame != self.cursor.position:
            self.refuse("PICKLE-MALFORMED", "a frame that goes on behind the end")

    # What is called, and with what.

    def called(self, maker: Value, arguments: Value) -> None:
        """REDUCE: lays down what a call would give."""
        self.acted = True
        if not isinstance(maker, Global):
            self.fault("PICKLE-CALL", f"a call of {_kind(maker)}")
            self.new(Opaque())
            return
        self.globals[maker].add("called")
        rule = ALLOWED.get(maker)
        few = isinstance(arguments, tuple) and len(arguments) <= MAX_ARGUMENTS
        taken = arguments if isinstance(arguments, tuple) and few else ()
        # A call looks at all that is in a list or dict, and one of them can be given many times.
        work = sum(len(item) for item in taken if isinstance(item, Row | Mapping))
        self.operations += work
        self.values += work
        if rule is not None and not (few and rule.call and rule.call(taken)):
            self.fault("PICKLE-CALL", maker.dotted)
        made = Made(maker, taken)
        if maker in (ORDERED, COUNTER):
            made.entries = self._entries(taken)
        self.new(made)

    def _entries(self, arguments: tuple[Value, ...]) -> Mapping:
        entries = Mapping()
        if arguments and isinstance(arguments[0], Mapping):
            self.put_all(entries, list(arguments[0].items()))
        elif arguments:
            self.put_all(entries, pairs(arguments[0]) or [])
        return entries

    def made_by_class(self, maker: Value, opcode: str) -> None:
        """INST, OBJ, NEWOBJ, NEWOBJ_EX: none of what we let pass is written with them."""
        self.acted = True
        if isinstance(maker, Global):
            self.globals[maker].add("called")
            self.fault("PICKLE-CALL", f"{opcode} of {maker.dotted}")
            self.new(Made(maker, ()))
        else:
            self.fault("PICKLE-CALL", f"{opcode} of {_kind(maker)}")
            self.new(Opaque())

    def build(self) -> None:
        """BUILD: the state set on what a call gave."""
        state, made = self.pop(), self.top()
        self.acted = True
        if isinstance(made, Made):
            self.globals[made.maker].add("built")
            rule = ALLOWED.get(made.maker)
            if rule is None or (
                rule.build and made.state is None and not made.frozen and rule.build(made, state)
            ):
                made.state = state
                return
        self.fault("PICKLE-BUILD", _kind(made))

    def stack_global(self) -> None:
        """STACK_GLOBAL: a name whose parts lie on the stack."""
        name, module = self.pop(), self.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            self.refuse("PICKLE-UNTRACED", f"{_kind(module)}, {_kind(name)}")
        self.push(self.named(Global(module, name)))

    def persist(self, identity: Value) -> None:
        """PERSID, BINPERSID: what the loader looks up."""
        found = Persistent(identity)
        if not self.persistent:
            self.fault("PICKLE-PERSISTENT")
        elif not is_storage(found):
            self.fault("PICKLE-PERSISTENT", _kind(identity))
        self.new(found)

    # Containers.

    def put_all(self, entries: Mapping, items: list[tuple[Value, Value]]) -> None:
        """Sets entries of a dict; a key that is there already has two readings."""
        for key, value in items:
            if isinstance(key, str):
                if key in entries.texts:
                    self.fault("PICKLE-KEY", f"twice: {key[:100]}")
                entries.texts[key] = value
            elif is_key(key):
                entries.others.append((key, value))
            else:
                self.fault("PICKLE-KEY", _kind(key))

    def set_items(self, items: list[Value]) -> None:
        """SETITEM, SETITEMS, DICT: pairs into the dict that lies on top."""
        target = self.top()
        entries = target if isinstance(target, Mapping) else None
        if isinstance(target, Made) and not target.frozen:
            entries = target.entries
        if entries is None:
            self.fault("PICKLE-BUILD", f"items set on {_kind(target)}")
            return
        if len(items) % 2:
            self.refuse("PICKLE-STACK", "a key without a value")
        self.put_all(entries, list(zip(items[::2], items[1::2], strict=True)))

    def extend(self, kind: str, items: list[Value]) -> None:
        """APPEND, APPENDS, ADDITEMS: values into the row that lies on top."""
        target = self.top()
        if not isinstance(target, Row) or target.kind != kind:
            self.fault("PICKLE-BUILD", f"items added to {_kind(target)}")
            return
        if kind == "set" and not all(map(is_key, items)):
            self.fault("PICKLE-KEY", "of a set")
        target.items.extend(items)

    def put(self, index: int) -> None:
        """PUT, BINPUT, LONG_BINPUT, MEMOIZE: remembers the topmost value, once."""
        if index in self.memo:
            self.refuse("PICKLE-MEMO", f"{index} is set twice")
        # A far index makes CPython allocate as many entries.
        if index > self.operations + 1:
            self.refuse("PICKLE-MEMO", f"{index} is out of row")
        self.values += 1
        self.memo[index] = self.top()

    def get(self, index: int) -> None:
        """GET, BINGET, LONG_BINGET: lays down what was remembered."""
        if index not in self.memo:
            self.refuse("PICKLE-MEMO", f"{index} is not set")
        self.push(self.memo[index])


def _kind(value: Value) -> str:
    match value:
        case Global() | Made(maker=Global()):
            return value.dotted if isinstance(value, Global) else value.maker.dotted
        case Row():
            return value.kind
        case _:
            return type(value).__name__.lower()

"""What each opcode of a pickle stream does to the stack.

A parser of a binary format. Source: CPython 3.13, Lib/pickletools.py, and the functions `load_*` of
Modules/_pickle.c, where also stands what the arguments may look like.
"""

import re
import struct
from collections.abc import Callable

from lotabots.models.formats.opcodes import OPERATIONS, Argument
from lotabots.models.formats.pickle_machine import MAX_TEXT, Machine, Step
from lotabots.models.formats.pickle_values import Blob, Global, Mapping, Opaque, Row, Value

_INT = re.compile(rb"-?(?:0|[1-9][0-9]*)")
_INDEX = re.compile(rb"0|[1-9][0-9]{0,9}")
_FLOAT = re.compile(rb"[+-]?(?:[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,4})?|inf|nan)")
_QUOTED = re.compile(rb"'[^'\\]*'|\"[^\"\\]*\"")
_QUOTES = re.compile(rb"'.*'|\".*\"", re.DOTALL)

MAX_DIGITS = 80
"""Digits, and MAX_BYTES bytes, of an integer that is followed."""
MAX_BYTES = 32
MAX_BLOB = 64
"""Bytes of a byte string that is kept."""

SIZES = {Argument.S1: 1, Argument.S4: 4, Argument.S8: 8}


def _constant(value: Value) -> Step:
    return lambda machine: machine.push(value)


def _container(make: Callable[[], Value]) -> Step:
    return lambda machine: machine.new(make())


def _text(encoding: str) -> Callable[[Machine, int], Value]:
    return lambda machine, length: machine.text(length, encoding)


def _counted(argument: Argument, read: Callable[[Machine, int], Value]) -> Step:
    size = SIZES[argument]
    return lambda machine: machine.push(read(machine, machine.unsigned(size)))


def _blob(machine: Machine, length: int) -> Value:
    begin = machine.cursor.position
    if length <= MAX_BLOB:
        return Blob(begin, length, machine.cursor.take(length))
    machine.cursor.skip(length)
    return Blob(begin, length, None)


def _long(machine: Machine, length: int) -> Value:
    if length <= MAX_BYTES:
        return int.from_bytes(machine.cursor.take(length), "little", signed=True)
    machine.cursor.skip(length)
    return Opaque()


def _int_4(machine: Machine) -> None:
    machine.push(int.from_bytes(machine.cursor.take(4), "little", signed=True))


def _float_8(machine: Machine) -> None:
    machine.push(float(struct.unpack(">d", machine.cursor.take(8))[0]))


def _int_line(machine: Machine) -> None:
    line = machine.line()
    if line in (b"00", b"01"):  # how protocol 0 writes False and True
        machine.push(line == b"01")
        return
    machine.push(_digits(machine, line))


def _long_line(machine: Machine) -> None:
    machine.push(_digits(machine, machine.line().removesuffix(b"L")))


def _digits(machine: Machine, line: bytes) -> Value:
    if not _INT.fullmatch(line):
        machine.refuse("PICKLE-MALFORMED", f"an integer written {line[:40]!r}")
    return int(line) if len(line) <= MAX_DIGITS else Opaque()


def _float_line(machine: Machine) -> None:
    line = machine.line()
    if len(line) > 100 or not _FLOAT.fullmatch(line):
        machine.refuse("PICKLE-MALFORMED", f"a number written {line[:40]!r}")
    machine.push(float(line))


def _string_line(machine: Machine) -> None:
    line = machine.line()
    if len(line) < 2 or not _QUOTES.fullmatch(line):
        machine.refuse("PICKLE-MALFORMED", "a text without its quotes")
    plain = _QUOTED.fullmatch(line)
    machine.push(_short(machine, line[1:-1], "ascii") if plain else Opaque())


def _unicode_line(machine: Machine) -> None:
    line = machine.line()
    # Without a backslash, raw-unicode-escape is Latin-1.
    machine.push(Opaque() if b"\\" in line else _short(machine, line, "latin-1"))


def _short(machine: Machine, raw: bytes, encoding: str) -> Value:
    return machine.decode(raw, encoding) if machine.followed(len(raw)) else Opaque()


def _index(machine: Machine) -> int:
    line = machine.line()
    if not _INDEX.fullmatch(line):
        machine.refuse("PICKLE-MALFORMED", f"a memo index written {line[:40]!r}")
    return int(line)


def _lines(machine: Machine) -> Global:
    module, name = machine.line(), machine.line()
    if max(len(module), len(name)) > MAX_TEXT:
        machine.refuse("PICKLE-UNTRACED", f"a name of more than {MAX_TEXT} bytes")
    try:
        return machine.named(Global(module.decode(), name.decode()))
    except UnicodeDecodeError:
        machine.refuse("PICKLE-UNTRACED", "a name that is not UTF-8")


def _instance(machine: Machine) -> None:
    name = _lines(machine)
    machine.marked()
    machine.made_by_class(name, "INST")


def _object(machine: Machine) -> None:
    items = machine.marked()
    if not items:
        machine.refuse("PICKLE-STACK", "no class behind the MARK")
    machine.made_by_class(items[0], "OBJ")


def _new_object(machine: Machine) -> None:
    machine.pop()
    machine.made_by_class(machine.pop(), "NEWOBJ")


def _new_object_ex(machine: Machine) -> None:
    machine.pop()
    machine.pop()
    machine.made_by_class(machine.pop(), "NEWOBJ_EX")


def _reduce(machine: Machine) -> None:
    arguments = machine.pop()
    machine.called(machine.pop(), arguments)


def _mark(machine: Machine) -> None:
    machine.below.append(machine.stack)
    machine.stack = []
    machine.values += 1


def _pop(machine: Machine) -> None:
    # On an empty stack above a MARK, POP takes the MARK.
    if machine.stack:
        machine.stack.pop()
    else:
        machine.marked()


def _set_item(machine: Machine) -> None:
    value = machine.pop()
    machine.set_items([machine.pop(), value])


def _tuple(count: int) -> Step:
    def step(machine: Machine) -> None:
        items = [machine.pop() for _ in range(count)]
        machine.new(tuple(reversed(items)))

    return step


def _marked_dict(machine: Machine) -> None:
    items = machine.marked()
    machine.new(Mapping())
    machine.set_items(items)


def _forbidden(machine: Machine) -> None:
    machine.refuse("PICKLE-OPCODE", "")


_BY_NAME: dict[str, Step] = {
    "MARK": _mark,
    "STOP": Machine.stop,
    "POP": _pop,
    "POP_MARK": Machine.marked,
    "DUP": lambda machine: machine.push(machine.top()),
    "NONE": _constant(None),
    "NEWTRUE": _constant(True),
    "NEWFALSE": _constant(False),
    "INT": _int_line,
    "LONG": _long_line,
    "FLOAT": _float_line,
    "BININT": _int_4,
    "BININT1": lambda machine: machine.push(machine.unsigned(1)),
    "BININT2": lambda machine: machine.push(machine.unsigned(2)),
    "BINFLOAT": _float_8,
    "LONG1": _counted(Argument.S1, _long),
    "LONG4": _counted(Argument.S4, _long),
    "STRING": _string_line,
    "UNICODE": _unicode_line,
    "SHORT_BINSTRING": _counted(Argument.S1, _text("ascii")),
    "BINSTRING": _counted(Argument.S4, _text("ascii")),
    "SHORT_BINUNICODE": _counted(Argument.S1, _text("utf-8")),
    "BINUNICODE": _counted(Argument.S4, _text("utf-8")),
    "BINUNICODE8": _counted(Argument.S8, _text("utf-8")),
    "SHORT_BINBYTES": _counted(Argument.S1, _blob),
    "BINBYTES": _counted(Argument.S4, _blob),
    "BINBYTES8": _counted(Argument.S8, _blob),
    "BYTEARRAY8": _counted(Argument.S8, _blob),
    "EMPTY_TUPLE": _constant(()),
    "EMPTY_LIST": _container(lambda: Row("list")),
    "EMPTY_DICT": _container(Mapping),
    "EMPTY_SET": _container(lambda: Row("set")),
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "TUPLE": lambda machine: machine.new(tuple(machine.marked())),
    "LIST": lambda machine: machine.new(Row("list", machine.marked())),
    "FROZENSET": lambda machine: machine.new(Row("frozenset", machine.marked())),
    "DICT": _marked_dict,
    "APPEND": lambda machine: machine.extend("list", [machine.pop()]),
    "APPENDS": lambda machine: machine.extend("list", machine.marked()),
    "ADDITEMS": lambda machine: machine.extend("set", machine.marked()),
    "SETITEM": _set_item,
    "SETITEMS": lambda machine: machine.set_items(machine.marked()),
    "PUT": lambda machine: machine.put(_index(machine)),
    "BINPUT": lambda machine: machine.put(machine.unsigned(1)),
    "LONG_BINPUT": lambda machine: machine.put(machine.unsigned(4)),
    "MEMOIZE": lambda machine: machine.put(len(machine.memo)),
    "GET": lambda machine: machine.get(_index(machine)),
    "BINGET": lambda machine: machine.get(machine.unsigned(1)),
    "LONG_BINGET": lambda machine: machine.get(machine.unsigned(4)),
    "GLOBAL": lambda machine: machine.push(_lines(machine)),
    "STACK_GLOBAL": Machine.stack_global,
    "REDUCE": _reduce,
    "BUILD": Machine.build,
    "INST": _instance,
    "OBJ": _object,
    "NEWOBJ": _new_object,
    "NEWOBJ_EX": _new_object_ex,
    "PERSID": lambda machine: machine.persist(machine.line().decode("ascii", "replace")),
    "BINPERSID": lambda machine: machine.persist(machine.pop()),
    "FRAME": Machine.frame,
    # Extension codes stand for names that the loader's process has registered; out-of-band buffers
    # are not in the file.
    **dict.fromkeys(("EXT1", "EXT2", "EXT4", "NEXT_BUFFER", "READONLY_BUFFER"), _forbidden),
}

STEPS: dict[int, Step] = {
    code: _BY_NAME[operation.name]
    for code, operation in OPERATIONS.items()
    if operation.name != "PROTO"  # the machine reads it itself: it stands first or not at all
}
"""By opcode."""

"""The opcodes of pickle streams, protocols 0 to 5, and how many bytes each argument takes.

Source: CPython 3.13, Lib/pickletools.py (names, codes) and Modules/_pickle.c (arguments). Integers
are little-endian, the double of BINFLOAT is big-endian. Transcribed as a table: the reader of the
standard library trusts the lengths that it reads.
"""

from enum import Enum, auto
from typing import NamedTuple


class Argument(Enum):
    """What follows an opcode."""

    NONE = auto()
    U1 = auto()
    U2 = auto()
    I4 = auto()
    U4 = auto()
    U8 = auto()
    F8 = auto()
    LINE = auto()
    """Text up to a line feed."""
    LINES = auto()
    """Two such texts."""
    S1 = auto()
    """One byte of length, then so many bytes."""
    S4 = auto()
    """Four bytes of length, unsigned, then so many bytes."""
    S8 = auto()
    """Eight bytes of length, then so many bytes."""


class Operation(NamedTuple):
    """One opcode."""

    name: str
    argument: Argument
    protocol: int
    """The first that has it."""


def _operations(protocol: int, **names: tuple[str, Argument]) -> dict[int, Operation]:
    return {
        ord(code): Operation(name, argument, protocol) for name, (code, argument) in names.items()
    }


OPERATIONS: dict[int, Operation] = {
    **_operations(
        0,
        MARK=("(", Argument.NONE),
        STOP=(".", Argument.NONE),
        POP=("0", Argument.NONE),
        DUP=("2", Argument.NONE),
        FLOAT=("F", Argument.LINE),
        INT=("I", Argument.LINE),
        LONG=("L", Argument.LINE),
        NONE=("N", Argument.NONE),
        PERSID=("P", Argument.LINE),
        REDUCE=("R", Argument.NONE),
        STRING=("S", Argument.LINE),
        UNICODE=("V", Argument.LINE),
        APPEND=("a", Argument.NONE),
        BUILD=("b", Argument.NONE),
        GLOBAL=("c", Argument.LINES),
        DICT=("d", Argument.NONE),
        GET=("g", Argument.LINE),
        INST=("i", Argument.LINES),
        LIST=("l", Argument.NONE),
        PUT=("p", Argument.LINE),
        SETITEM=("s", Argument.NONE),
        TUPLE=("t", Argument.NONE),
    ),
    **_operations(
        1,
        POP_MARK=("1", Argument.NONE),
        BINFLOAT=("G", Argument.F8),
        BININT=("J", Argument.I4),
        BININT1=("K", Argument.U1),
        BININT2=("M", Argument.U2),
        BINPERSID=("Q", Argument.NONE),
        BINSTRING=("T", Argument.S4),
        SHORT_BINSTRING=("U", Argument.S1),
        BINUNICODE=("X", Argument.S4),
        EMPTY_LIST=("]", Argument.NONE),
        APPENDS=("e", Argument.NONE),
        BINGET=("h", Argument.U1),
        LONG_BINGET=("j", Argument.U4),
        OBJ=("o", Argument.NONE),
        BINPUT=("q", Argument.U1),
        LONG_BINPUT=("r", Argument.U4),
        EMPTY_TUPLE=(")", Argument.NONE),
        SETITEMS=("u", Argument.NONE),
        EMPTY_DICT=("}", Argument.NONE),
    ),
    **_operations(
        2,
        PROTO=("\x80", Argument.U1),
        NEWOBJ=("\x81", Argument.NONE),
        EXT1=("\x82", Argument.U1),
        EXT2=("\x83", Argument.U2),
        EXT4=("\x84", Argument.I4),
        TUPLE1=("\x85", Argument.NONE),
        TUPLE2=("\x86", Argument.NONE),
        TUPLE3=("\x87", Argument.NONE),
        NEWTRUE=("\x88", Argument.NONE),
        NEWFALSE=("\x89", Argument.NONE),
        LONG1=("\x8a", Argument.S1),
        LONG4=("\x8b", Argument.S4),
    ),
    **_operations(3, BINBYTES=("B", Argument.S4), SHORT_BINBYTES=("C", Argument.S1)),
    **_operations(
        4,
        SHORT_BINUNICODE=("\x8c", Argument.S1),
        BINUNICODE8=("\x8d", Argument.S8),
        BINBYTES8=("\x8e", Argument.S8),
        EMPTY_SET=("\x8f", Argument.NONE),
        ADDITEMS=("\x90", Argument.NONE),
        FROZENSET=("\x91", Argument.NONE),
        NEWOBJ_EX=("\x92", Argument.NONE),
        STACK_GLOBAL=("\x93", Argument.NONE),
        MEMOIZE=("\x94", Argument.NONE),
        FRAME=("\x95", Argument.U8),
    ),
    **_operations(
        5,
        BYTEARRAY8=("\x96", Argument.S8),
        NEXT_BUFFER=("\x97", Argument.NONE),
        READONLY_BUFFER=("\x98", Argument.NONE),
    ),
}
"""By code. BINSTRING and LONG4 have signed lengths: a negative one is larger than any file here."""

HIGHEST = 5
"""The newest protocol."""

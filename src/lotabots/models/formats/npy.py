"""Numpy array files by their header, whose Python literal is read by a grammar, never evaluated.

Source: `numpy/lib/format.py` (NEP 1), versions 1.0 to 3.0: magic, version, u16 or u32 length in
little-endian, a dict literal with the keys descr, fortran_order and shape, padded with blanks and
ended by a newline; then the elements.
"""

import re

from lotabots.kernel import Json
from lotabots.models.formats.census import census
from lotabots.models.formats.faults import Faults, Stop
from lotabots.models.types import Content, Parsed, TensorEntry

MAGIC = b"\x93NUMPY"
MAX_HEADER = 64 * 1024
"""Bytes; numpy itself reads 10,000 unless it is told to."""
MAX_DIMENSIONS = 64  # NPY_MAXDIMS of numpy 2
MAX_DEPTH = 8
LIMIT = 2**63 - 1

_TOKEN = re.compile(
    r"[ \t\n]*(?:'([^'\\\n]*)'|\"([^\"\\\n]*)\"|([0-9]{1,19})L?\b|(True|False)\b|(.))"
)
_PLAIN = re.compile(r"[<>|=]?(?:[biufcSUVmM?])([0-9]{0,9})(?:\[[0-9a-zA-Z/]{1,16}\])?")
_OBJECT = re.compile(r"[<>|=]?O[0-9]*")

_WIDTHS = {
    "?": {1},
    "b": {1},
    "i": {1, 2, 4, 8},
    "u": {1, 2, 4, 8},
    "f": {2, 4, 8, 12, 16},
    "c": {8, 16, 24, 32},
    "m": {8},
    "M": {8},
}
"""Bytes that an element of a kind may have; those of texts (S, U) and of V are free."""

Literal = str | int | bool | list["Literal"] | tuple["Literal", ...]


def sniff(head: bytes) -> bool:
    """Whether the file has the magic."""
    return head.startswith(MAGIC)


def parse(path: str, content: Content) -> Parsed:
    """The one array as a tensor without a name of its own: it is called `array`."""
    faults = Faults(path)
    tensors: tuple[TensorEntry, ...] = ()
    facts: dict[str, Json] = {}
    try:
        header, begin = _header(content, faults)
        members = _members(header, faults)
        shape = _shape(members, faults)
        size = _size(members["descr"], faults)
        facts["fortran_order"] = members["fortran_order"] is True
        end = begin + _product(shape, size, faults)
        if end != content.size:
            code = "NPY-CUT" if end > content.size else "NPY-TRAILING"
            faults.refuse(code, offset=min(end, content.size), expected=end, measured=content.size)
        descr = members["descr"]
        dtype = descr if isinstance(descr, str) else "structured"
        tensors = (
            TensorEntry(name="array", dtype=dtype, shape=shape, path=path, begin=begin, end=end),
        )
        facts.update(census(tensors))
    except Stop:
        pass
    return Parsed(format="npy", tensors=tensors, facts=facts, findings=faults.listed)


def _header(content: Content, faults: Faults) -> tuple[str, int]:
    """The literal, and where the elements begin."""
    if content.size < 12:
        faults.refuse("NPY-HEADER", offset=content.size, measured=content.size)
    start = content.read(0, 12)
    if not sniff(start):  # a member of an archive comes here by its name alone
        faults.refuse("NPY-HEADER", offset=0, measured=start[:6].hex())
    major, minor = start[6], start[7]
    if major not in {1, 2, 3} or minor != 0:
        faults.refuse("NPY-VERSION", offset=6, expected="1.0 to 3.0", measured=f"{major}.{minor}")
    width = 2 if major == 1 else 4
    length = int.from_bytes(start[8 : 8 + width], "little")
    begin = 8 + width
    most = min(MAX_HEADER, content.size - begin)
    if length > most:
        faults.refuse("NPY-HEADER", offset=8, expected=most, measured=length)
    try:
        text = content.read(begin, length).decode("utf-8" if major == 3 else "latin-1")
    except UnicodeDecodeError as error:
        faults.refuse("NPY-HEADER", offset=begin, measured=error)
    return text, begin + length


def _members(text: str, faults: Faults) -> dict[str, "Literal"]:
    """The values of the three keys."""
    reader = _Reader(text, faults)
    reader.expect("{")
    members: dict[str, Literal] = {}
    while not reader.takes("}"):
        key = reader.value(0)
        reader.expect(":")
        if not isinstance(key, str) or key in members:
            faults.refuse("NPY-HEADER", measured=f"the key {key!r}"[:80])
        members[key] = reader.value(0)
        if not reader.takes(","):
            reader.expect("}")
            break
    if text[reader.place :].strip(" \n") or members.keys() != {"descr", "fortran_order", "shape"}:
        faults.refuse("NPY-HEADER", measured=", ".join(map(repr, members))[:80])
    if not isinstance(members["fortran_order"], bool):
        faults.refuse("NPY-HEADER", measured="fortran_order")
    return members


class _Reader:
    """The values of a literal of texts, integers, truth values, lists and tuples, in order."""

    __slots__ = ("_faults", "_text", "place")

    def __init__(self, text: str, faults: Faults) -> None:
        self._text = text
        self._faults = faults
        self.place = 0

    def takes(self, mark: str) -> bool:
        """Whether this mark comes next; then it is passed."""
        token = _TOKEN.match(self._text, self.place)
        if token is None or token[5] != mark:
            return False
        self.place = token.end()
        return True

    def expect(self, mark: str) -> None:
        """Passes this mark."""
        if not self.takes(mark):
            self._faults.refuse("NPY-HEADER", offset=self.place, expected=mark)

    def value(self, depth: int) -> Literal:
        """The next value."""
        token = _TOKEN.match(self._text, self.place)
        if token is None or depth > MAX_DEPTH:
            self._faults.refuse("NPY-HEADER", offset=self.place, expected="a value")
        self.place = token.end()
        if token[4]:
            return token[4] == "True"
        if token[3]:
            return int(token[3])
        if token[5] == "(":
            values, comma = self._values(")", depth)
            if len(values) == 1 and not comma:  # a value in parentheses
                self._faults.refuse("NPY-HEADER", offset=token.start(), expected="a tuple")
            return tuple(values)
        if token[5] == "[":
            return self._values("]", depth)[0]
        if token[5]:
            self._faults.refuse("NPY-HEADER", offset=token.start(), measured=token[5])
        return token[1] or token[2] or ""

    def _values(self, mark: str, depth: int) -> tuple[list[Literal], bool]:
        """The values before this mark, and whether a comma stands before it, too."""
        found: list[Literal] = []
        while not self.takes(mark):
            found.append(self.value(depth + 1))
            if not self.takes(","):
                self.expect(mark)
                return found, False
        return found, True


def _shape(members: dict[str, Literal], faults: Faults) -> tuple[int, ...]:
    shape = members["shape"]
    sizes = tuple(size for size in shape if type(size) is int) if isinstance(shape, tuple) else ()
    if sizes != shape or len(sizes) > MAX_DIMENSIONS:
        faults.refuse("NPY-HEADER", measured=f"shape {shape!r}"[:80])
    return sizes


def _size(descr: Literal, faults: Faults) -> int:
    """Bytes of one element: of a plain type, or of a list of (name, type[, shape])."""
    if isinstance(descr, str):
        return _plain_size(descr, faults)
    total = 0
    if not isinstance(descr, list) or not descr:
        faults.refuse("NPY-TYPE", measured=f"{descr!r}"[:80])
    for part in descr:
        if not isinstance(part, tuple) or len(part) not in {2, 3}:
            faults.refuse("NPY-TYPE", measured=f"{part!r}"[:80])
        shape = part[2] if len(part) == 3 else ()
        sizes = shape if isinstance(shape, tuple) else (shape,)
        count = 1
        for size in sizes:
            if type(size) is not int:
                faults.refuse("NPY-TYPE", measured=f"{part!r}"[:80])
            count = _product((count, size), 1, faults)
        total += _product((count,), _size(part[1], faults), faults)
    return total


def _plain_size(descr: str, faults: Faults) -> int:
    if _OBJECT.fullmatch(descr):
        faults.refuse("NPY-OBJECT", measured=descr)
    plain = _PLAIN.fullmatch(descr)
    if plain is None:
        faults.refuse("NPY-TYPE", measured=descr)
    letter = descr.lstrip("<>|=")[0]
    width = int(plain[1] or ("1" if letter in "?b" else "0"))
    if width not in _WIDTHS.get(letter, {width}):
        faults.refuse("NPY-TYPE", measured=descr)
    return width * 4 if letter == "U" else width


def _product(shape: tuple[int, ...], size: int, faults: Faults) -> int:
    total = size
    for length in shape:
        total *= length
        if total > LIMIT or length > LIMIT:
            faults.refuse("NPY-OVERFLOW", measured=shape[:8])
    return total

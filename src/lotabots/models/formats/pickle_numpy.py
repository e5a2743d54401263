"""What NumPy's functions may be called with in a pickle: arrays of numbers and texts, no objects.

Source: NumPy 2.3, numpy/_core/src/multiarray/{descriptor,methods}.c (`__reduce__`, `__setstate__`)
and numpy/_core/numeric.py (`_frombuffer`).
"""

import math
import re

from lotabots.models.formats.pickle_torch import is_shape
from lotabots.models.formats.pickle_values import (
    Arguments,
    Blob,
    Global,
    Made,
    Rule,
    Value,
    is_bytes,
)

_NUMBER = re.compile(r"([biufc])(1|2|4|8|16)|b1")
_TEXT = re.compile(r"([SU])([0-9]{1,9})")

NDARRAY = Global("numpy", "ndarray")
DTYPE = Global("numpy", "dtype")


def _dtype(arguments: Arguments) -> bool:
    """Numbers and texts only: an array of objects is a pickle of its own."""
    if not arguments or not isinstance(arguments[0], str) or len(arguments) > 3:
        return False
    plain = all(isinstance(flag, bool | int) for flag in arguments[1:])
    return plain and element(arguments[0]) is not None


def element(code: str) -> int | None:
    """Bytes of one element of this NumPy type; None if it is none of those that we let pass."""
    if number := _NUMBER.fullmatch(code):
        return int(number[2] or 1)
    if text := _TEXT.fullmatch(code):
        return int(text[2]) * (4 if text[1] == "U" else 1)
    return None


def _dtype_state(made: Made, state: Value) -> bool:
    """Byte order only. The last number holds flags that would make NumPy follow pointers."""
    if not isinstance(state, tuple) or len(state) != 8 or state[0] != 3:
        return False
    order, fields, sizes, flags = state[1], state[2:5], state[5:7], state[7]
    code = made.arguments[0]
    size = element(code) if isinstance(code, str) else None
    if not isinstance(order, str) or order not in ("<", ">", "|", "="):
        return False
    if any(part is not None for part in fields) or type(flags) is not int:
        return False
    text = isinstance(code, str) and code[:1] in "SU"
    # The alignment of a text is that of its character: 1, or 4.
    wanted = (size, 4 if code[:1] == "U" else 1) if text and isinstance(code, str) else (-1, -1)
    return sizes == wanted and flags in ((0, 8) if text else (0,))


def _reconstruct(arguments: Arguments) -> bool:
    match arguments:
        case (Global() as kind, (0,), Blob(value=b"b")):
            return kind == NDARRAY
        case (Global() as kind, (0,), Made(arguments=("b", _)) as letter):
            return kind == NDARRAY and is_bytes(letter)
        case (Global() as kind, (0,), "b"):  # Python 2 wrote a text
            return kind == NDARRAY
        case _:
            return False


def _array_state(_: Made, state: Value) -> bool:
    if not isinstance(state, tuple) or len(state) != 5 or state[0] != 1:
        return False
    _version, shape, dtype, order, data = state
    if not is_shape(shape) or not isinstance(order, bool) or not isinstance(shape, tuple):
        return False
    return is_bytes(data) and _sized(shape, dtype, data)


def _sized(shape: Value, dtype: Value, data: Value) -> bool:
    """Whether the bytes are as many as the shape needs, where their number is known."""
    if not isinstance(dtype, Made) or dtype.maker != DTYPE or not isinstance(shape, tuple):
        return False
    size = element(str(dtype.arguments[0]))
    if size is None:
        return False
    count = math.prod(part for part in shape if isinstance(part, int))
    return not isinstance(data, Blob) or data.size == count * size


def _scalar(arguments: Arguments) -> bool:
    return len(arguments) == 2 and is_bytes(arguments[1]) and _sized((), *arguments)


def _frombuffer(arguments: Arguments) -> bool:
    if len(arguments) != 4 or not is_shape(arguments[2]) or arguments[3] not in ("C", "F"):
        return False
    data = arguments[0]
    plain = isinstance(data, Blob) or is_bytes(data)
    return plain and _sized(arguments[2], arguments[1], data)


_ARRAYS = {"_reconstruct": Rule(_reconstruct, _array_state), "scalar": Rule(_scalar)}

NUMPY: dict[Global, Rule] = {
    NDARRAY: Rule(),
    DTYPE: Rule(_dtype, _dtype_state),
    # NumPy 2 moved its core; what NumPy 1 wrote keeps the old name.
    **{
        Global(f"numpy.{core}.multiarray", name): rule
        for core in ("core", "_core")
        for name, rule in _ARRAYS.items()
    },
    **{
        Global(f"numpy.{core}.numeric", "_frombuffer"): Rule(_frombuffer)
        for core in ("core", "_core")
    },
}
"""The names of NumPy that a pickle may import."""

"""Canonical JSON (RFC 8785), and a reader that refuses JSON with more than one reading.

What we sign or digest is written by `canonical`; what others send is read by `strict_json`. Both
keep to I-JSON (RFC 7493): unique keys, finite numbers, integers a double holds exactly, no lone
surrogate.
"""

import json
import math
import re
from collections.abc import Mapping
from json.encoder import encode_basestring
from typing import NoReturn, TypeAlias, TypeVar

import msgspec

from lotabots.kernel.errors import LotaError, invalid

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None

Shape = TypeVar("Shape", bound=msgspec.Struct)

MAX_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader agrees on (RFC 7493 section 2.2)."""

MAX_DEPTH = 64
"""How deep `canonical` follows lists and objects."""


def canonical(value: object) -> bytes:
    """The one UTF-8 form of a JSON value (RFC 8785).

    Takes None, bool, int, float, str, list, tuple and mappings with string keys.
    Raises `JSON_NOT_CANONICAL` for anything else, NaN, infinity, integers beyond 2**53 - 1, lone
    surrogates and more than `MAX_DEPTH` levels.
    """
    parts: list[str] = []
    _write(value, parts, MAX_DEPTH)
    try:
        return "".join(parts).encode()
    except UnicodeEncodeError as error:
        raise _not_canonical("a string holds a lone surrogate") from error


def _write(value: object, parts: list[str], depth: int) -> None:
    # bool before int: True is an int in Python.
    if isinstance(value, str):
        parts.append(encode_basestring(value))
    elif value is None:
        parts.append("null")
    elif isinstance(value, bool):
        parts.append("true" if value else "false")
    elif isinstance(value, int):
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise _not_canonical("an integer is beyond 2**53 - 1")
        parts.append(int.__repr__(value))
    elif isinstance(value, float):
        parts.append(_number(value))
    elif depth == 0:
        raise _not_canonical(f"lists and objects are nested deeper than {MAX_DEPTH}")
    elif isinstance(value, dict) or isinstance(value, Mapping):  # noqa: SIM101 - the first is quick
        _write_object(value, parts, depth - 1)
    elif isinstance(value, list | tuple):
        separator = "["
        for item in value:
            parts.append(separator)
            _write(item, parts, depth - 1)
            separator = ","
        parts.append("]" if value else "[]")
    else:
        raise _not_canonical(f"{type(value).__name__} is no JSON type")


def _write_object(value: Mapping[object, object], parts: list[str], depth: int) -> None:
    keys = [key for key in value if isinstance(key, str)]
    if len(keys) != len(value):
        raise _not_canonical("an object key is not a string")
    # The order of code units is that of characters where all are ASCII.
    keys.sort(key=None if "".join(keys).isascii() else _utf16)
    separator = "{"
    for key in keys:
        member = value[key]
        if type(member) is str:
            parts.append(f"{separator}{encode_basestring(key)}:{encode_basestring(member)}")
        else:
            parts.append(f"{separator}{encode_basestring(key)}:")
            _write(member, parts, depth)
        separator = ","
    parts.append("}" if keys else "{}")


def _utf16(key: str) -> bytes:
    """What RFC 8785 section 3.2.3 orders keys by: their UTF-16 code units."""
    return key.encode("utf-16-be", "surrogatepass")


def _number(value: float) -> str:
    """A double as ECMAScript writes it (ECMA-262 Number::toString, radix 10)."""
    if not math.isfinite(value):
        raise _not_canonical("a number is not finite")
    if value == 0:
        return "0"  # also -0
    # Python's repr finds the same shortest digits; only the layout differs.
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    sign = "-" if value < 0 else ""
    count = len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    tail = f".{digits[1:]}" if count > 1 else ""
    return f"{sign}{digits[0]}{tail}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def _not_canonical(why: str) -> LotaError:
    return invalid("JSON_NOT_CANONICAL", f"This value has no canonical JSON form: {why}.")


def strict_json(data: bytes, *, max_bytes: int, max_depth: int = 32) -> Json:
    """The value of a JSON text that can be read in one way only.

    Raises a `JSON_*` code for anything over the caps, not UTF-8 (or with a byte order mark),
    malformed, with a duplicate key, a lone surrogate, a number that is not finite or an integer
    beyond 2**53 - 1. A scalar has depth 0. Time and memory are linear in the size.
    """
    if len(data) > max_bytes:
        raise invalid("JSON_TOO_LARGE", f"The JSON text is longer than {max_bytes} bytes.")
    # Depth is counted before parsing: the parser recurses.
    if _deeper_than(data, max_depth):
        raise invalid("JSON_TOO_DEEP", f"The JSON text is nested deeper than {max_depth}.")
    try:
        value: Json = _DECODER.decode(data.decode())
        if _SURROGATE_ESCAPE.search(data):
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        raise invalid("JSON_NOT_UTF8", "The JSON text is not UTF-8.") from error
    except UnicodeEncodeError as error:
        raise invalid("JSON_SURROGATE", "A JSON string holds a lone surrogate.") from error
    except RecursionError as error:
        raise invalid("JSON_TOO_DEEP", "The JSON text is nested too deep to read here.") from error
    except ValueError as error:
        raise invalid("JSON_MALFORMED", "The text is not JSON.") from error
    return value


def strict_struct(data: bytes, shape: type[Shape], *, max_bytes: int, max_depth: int = 32) -> Shape:
    """The value of a strict JSON text in this shape, with no type coerced.

    Raises what `strict_json` raises, and `JSON_SHAPE` with the place of the first misfit.
    """
    value = strict_json(data, max_bytes=max_bytes, max_depth=max_depth)
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise invalid("JSON_SHAPE", f"The document has another shape: {error}.") from error


_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")

_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{\]}]', re.DOTALL)
"""A string (closed or not, so that no byte is looked at twice) or a bracket."""


def _deeper_than(data: bytes, limit: int) -> bool:
    if data.count(b"[") + data.count(b"{") <= limit:
        return False
    depth = 0
    for token in _TOKEN.finditer(data):
        first = data[token.start()]
        if first in b"[{":
            depth += 1
            if depth > limit:
                return True
        elif first in b"]}":
            depth -= 1
    return False


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise invalid("JSON_DUPLICATE_KEY", "A JSON object has the same key twice.")
    return members


def _integer(text: str) -> int:
    # Measured before converting: int() on thousands of digits is slow, and then refused by Python.
    if len(text) > 17 or not -MAX_INTEGER <= (value := int(text)) <= MAX_INTEGER:
        raise invalid("JSON_NUMBER_RANGE", "A JSON integer is beyond 2**53 - 1.")
    return value


def _double(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise invalid("JSON_NUMBER_RANGE", "A JSON number is beyond the range of a double.")
    return value


def _constant(name: str) -> NoReturn:
    raise invalid("JSON_MALFORMED", f"{name} is no JSON value.")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_double, parse_constant=_constant
)

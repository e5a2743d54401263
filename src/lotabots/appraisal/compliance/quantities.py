"""Numbers as model cards write them: `8030261248`, `8.03B`, `3.1e24`, `1_000`."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from lotabots.kernel import Json

_NUMBER = re.compile(
    r"([0-9][0-9_,]{0,30}(?:\.[0-9]{1,12})?(?:[eE]\+?[0-9]{1,2})?) ?([KMBT]?)", re.ASCII
)
_UNITS = {"": 0, "K": 3, "M": 6, "B": 9, "T": 12}


def whole_number(value: Json | None) -> int | None:
    """The number, rounded down, if the value is one or a text that writes one; else None."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value if value >= 0 else None
    found = _NUMBER.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return None
    try:
        digits = Decimal(re.sub("[_,]", "", found[1]))
    except InvalidOperation:
        return None
    return int(digits.scaleb(_UNITS[found[2]]))


def number_in(mapping: Mapping[str, Json], *names: str) -> int | None:
    """The first of these entries that is a number; None where none is."""
    numbers = (whole_number(mapping.get(name)) for name in names)
    return next((number for number in numbers if number is not None), None)

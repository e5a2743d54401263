"""The names that a pickle may import, and what each may be called with; all others are refused.

They are what checkpoints of PyTorch and arrays of NumPy need. A name is here by module and name
exactly, as it stands in the stream: dotted names and other spellings of an object are other names.
"""

from lotabots.models.formats.pickle_numpy import NUMPY
from lotabots.models.formats.pickle_torch import TORCH
from lotabots.models.formats.pickle_values import (
    COUNTER,
    ENCODE,
    ORDERED,
    Arguments,
    Blob,
    Global,
    Made,
    Mapping,
    Opaque,
    Row,
    Rule,
    Value,
    is_bytes,
    is_key,
)

_LATIN = ("latin1", "latin-1")


def _ordered(arguments: Arguments) -> bool:
    """Nothing, or a row of pairs."""
    if len(arguments) > 1:
        return False
    return not arguments or pairs(arguments[0]) is not None


def pairs(value: Value) -> list[tuple[Value, Value]] | None:
    """The pairs that a dict would be made of; None if this is no row of pairs."""
    if not isinstance(value, Row):
        return None
    found: list[tuple[Value, Value]] = []
    for item in value.items:
        pair = item.items if isinstance(item, Row) else item
        if not isinstance(pair, tuple | list) or len(pair) != 2 or not is_key(pair[0]):
            return None
        found.append((pair[0], pair[1]))
    return found


def _ordered_state(_: Made, state: Value) -> bool:
    """What `Module.state_dict` hangs on to it, and nothing else: it would hide a method."""
    if not isinstance(state, Mapping) or state.others or len(state) > 1:
        return False
    if state.texts and "_metadata" not in state.texts:
        return False
    metadata = state.texts.get("_metadata")
    return metadata is None or isinstance(metadata, Made | Mapping)


def _counter(arguments: Arguments) -> bool:
    return len(arguments) == 1 and isinstance(arguments[0], Mapping)


def _set(arguments: Arguments) -> bool:
    if not arguments:
        return True
    row = arguments[0]
    return len(arguments) == 1 and isinstance(row, Row) and all(map(is_key, row.items))


def _complex(arguments: Arguments) -> bool:
    return len(arguments) == 2 and all(isinstance(part, float) for part in arguments)


def _bytes(arguments: Arguments) -> bool:
    """Nothing, or bytes; never a number, which would be a size to allocate."""
    match arguments:
        case ():
            return True
        case (Blob() | Made() as data,):
            return is_bytes(data)
        case (str() | Opaque(), str() as encoding):
            return encoding in _LATIN
        case _:
            return False


def _encode(arguments: Arguments) -> bool:
    if len(arguments) != 2 or not isinstance(arguments[0], str | Opaque):
        return False
    return arguments[1] in _LATIN if isinstance(arguments[1], str) else False


ALLOWED: dict[Global, Rule] = {
    ORDERED: Rule(_ordered, _ordered_state),
    COUNTER: Rule(_counter),
    ENCODE: Rule(_encode),
    # Python 2 called the module `__builtin__`, and so does protocol 2 to this day.
    **{
        Global(module, name): rule
        for module in ("builtins", "__builtin__")
        for name, rule in (
            ("set", Rule(_set)),
            ("frozenset", Rule(_set)),
            ("complex", Rule(_complex)),
            ("bytes", Rule(_bytes)),
            ("bytearray", Rule(_bytes)),
        )
    },
    **TORCH,
    **NUMPY,
}
"""By the name as it stands in the stream."""

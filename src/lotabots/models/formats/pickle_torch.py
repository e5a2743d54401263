"""What PyTorch's functions may be called with in a pickle: a tensor is a view of a storage.

Source: PyTorch 2.9, torch/_utils.py (`_rebuild_*`) and torch/serialization.py (persistent ids).
"""

import re

from lotabots.models.formats.pickle_values import (
    ORDERED,
    Arguments,
    Global,
    Made,
    Mapping,
    Persistent,
    Rule,
    Value,
)

STORAGES = {
    "FloatStorage": ("float32", 4),
    "DoubleStorage": ("float64", 8),
    "HalfStorage": ("float16", 2),
    "BFloat16Storage": ("bfloat16", 2),
    "LongStorage": ("int64", 8),
    "IntStorage": ("int32", 4),
    "ShortStorage": ("int16", 2),
    "CharStorage": ("int8", 1),
    "ByteStorage": ("uint8", 1),
    "BoolStorage": ("bool", 1),
    "ComplexFloatStorage": ("complex64", 8),
    "ComplexDoubleStorage": ("complex128", 16),
}
"""Names in `torch` of typed storages: type and bytes of an element."""
UNTYPED = Global("torch.storage", "UntypedStorage")

DTYPES = dict(STORAGES.values()) | {
    "float8_e4m3fn": 1,
    "float8_e4m3fnuz": 1,
    "float8_e5m2": 1,
    "float8_e5m2fnuz": 1,
    "float8_e8m0fnu": 1,
    "uint16": 2,
    "uint32": 4,
    "uint64": 8,
}
"""Names in `torch` of element types, with their bytes."""

_DEVICE = re.compile(r"[a-z]+(:[0-9]+)?")


def is_storage(value: Value) -> bool:
    """Whether this is a storage by its persistent id (torch/serialization.py, persistent_id)."""
    if not isinstance(value, Persistent) or not isinstance(value.identity, tuple):
        return False
    if len(value.identity) not in (5, 6) or value.identity[0] != "storage":
        return False
    _, kind, key, place, count = value.identity[:5]
    typed = isinstance(kind, Global) and (
        (kind.module == "torch" and kind.name in STORAGES) or kind == UNTYPED
    )
    views = value.identity[5:] in ((), (None,))
    return typed and isinstance(key, str) and isinstance(place, str) and is_size(count) and views


def is_size(value: Value) -> bool:
    """Whether this is a count that a 64-bit loader can hold."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def is_shape(value: Value) -> bool:
    """Whether this is a tuple of at most 64 sizes."""
    return isinstance(value, tuple) and len(value) <= 64 and all(map(is_size, value))


def is_tensor(value: Value) -> bool:
    """Whether one of the allowed calls gave this, that make a tensor of a storage."""
    return isinstance(value, Made) and value.maker.dotted.startswith("torch._utils._rebuild_tensor")


def _hooks(value: Value) -> bool:
    """An empty OrderedDict, that stays so: hooks would be called with gradients."""
    if value is None:
        return True
    if not isinstance(value, Made) or value.maker != ORDERED or value.state is not None:
        return False
    if value.entries is None or len(value.entries):
        return False
    value.frozen = True
    return True


def _tensor(arguments: Arguments) -> bool:
    if len(arguments) < 4:
        return False
    storage, offset, size, stride = arguments[:4]
    if not (is_storage(storage) and is_size(offset) and is_shape(size) and is_shape(stride)):
        return False
    return isinstance(size, tuple) and isinstance(stride, tuple) and len(size) == len(stride)


def _tensor_1(arguments: Arguments) -> bool:
    return len(arguments) == 4 and _tensor(arguments)


def _tensor_2(arguments: Arguments) -> bool:
    if len(arguments) not in (6, 7) or not _tensor(arguments):
        return False
    return isinstance(arguments[4], bool) and _hooks(arguments[5]) and _views(arguments[6:])


def _tensor_3(arguments: Arguments) -> bool:
    if len(arguments) not in (7, 8) or not _tensor_2(arguments[:6]):
        return False
    dtype = arguments[6]
    known = isinstance(dtype, Global) and dtype.module == "torch" and dtype.name in DTYPES
    return known and _views(arguments[7:])


def _views(metadata: Arguments) -> bool:
    """The bits that a tensor is read conjugated or negated, if any."""
    if not metadata or metadata[0] is None:
        return True
    bits = metadata[0]
    return (
        isinstance(bits, Mapping)
        and not bits.others
        and len(bits) <= 2
        and all(name in ("conj", "neg") and type(bit) is bool for name, bit in bits.texts.items())
    )


def _parameter(arguments: Arguments) -> bool:
    if len(arguments) != 3:
        return False
    return is_tensor(arguments[0]) and isinstance(arguments[1], bool) and _hooks(arguments[2])


def _torch_size(arguments: Arguments) -> bool:
    return len(arguments) == 1 and is_shape(arguments[0])


def _device(arguments: Arguments) -> bool:
    if len(arguments) not in (1, 2) or not isinstance(arguments[0], str):
        return False
    return bool(_DEVICE.fullmatch(arguments[0])) and all(map(is_size, arguments[1:]))


TORCH: dict[Global, Rule] = {
    Global("torch", "Size"): Rule(_torch_size),
    Global("torch", "device"): Rule(_device),
    Global("torch._utils", "_rebuild_tensor"): Rule(_tensor_1),
    Global("torch._utils", "_rebuild_tensor_v2"): Rule(_tensor_2),
    Global("torch._utils", "_rebuild_tensor_v3"): Rule(_tensor_3),
    Global("torch._utils", "_rebuild_parameter"): Rule(_parameter),
    UNTYPED: Rule(),
    **{Global("torch", name): Rule() for name in (*STORAGES, *DTYPES)},
}
"""The names of PyTorch that a pickle may import."""

"""A look at the numbers of tensors: is any of them infinite or none (NaN)?

A whole model would take as long as hashing it. Of each tensor three pieces are read, at its
beginning, middle and end; where a training has failed, whole rows are bad. It is a sample and says
so: a single bad number elsewhere is not seen.
"""

import sys
from array import array
from collections.abc import Sequence
from typing import NamedTuple

from lotabots.appraisal.compliance.evidence import Sample
from lotabots.kernel import LotaError
from lotabots.models import Content, TensorEntry, Tree

MAX_TENSORS = 2048
"""How many tensors are looked at; of more, evenly spaced ones."""
PIECE = 2048
"""Bytes of a piece: a whole number of every type below."""


class _Type(NamedTuple):
    code: str
    """Of `array`: an unsigned number as wide as the type."""
    exponent: int
    """The bits of the exponent. All of them set: infinite or no number (IEEE 754, section 3.4)."""


_TYPES = {
    "F64": _Type("Q", 0x7FF0_0000_0000_0000),
    "F32": _Type("I", 0x7F80_0000),
    "F16": _Type("H", 0x7C00),
    "BF16": _Type("H", 0x7F80),
}


def sample_tensors(tree: Tree, tensors: Sequence[TensorEntry]) -> Sample:
    """What the pieces showed. Tensors of packed types are skipped, and counted.

    A tensor that cannot be read where its header says is skipped too: the scan has told about it.
    """
    step = max(1, -(-len(tensors) // MAX_TENSORS))
    contents: dict[str, Content | None] = {}
    sampled, skipped, bad = 0, len(tensors), []
    for tensor in tensors[::step]:
        if tensor.path not in contents:
            contents[tensor.path] = _content(tree, tensor.path)
        content = contents[tensor.path]
        kind = _TYPES.get(tensor.dtype.upper())
        if content is None or kind is None or tensor.end <= tensor.begin:
            continue
        try:
            finite = all(_finite(content.read(*piece), kind) for piece in _pieces(tensor, kind))
        except LotaError:
            continue
        sampled, skipped = sampled + 1, skipped - 1
        if not finite:
            bad.append(tensor.name)
    return Sample(tensors=sampled, skipped=skipped, bad=tuple(bad))


def _content(tree: Tree, path: str) -> Content | None:
    try:
        return tree.content(path)
    except LotaError:
        return None


def _pieces(tensor: TensorEntry, kind: _Type) -> set[tuple[int, int]]:
    """Offset and length of what is read, whole numbers each."""
    width = array(kind.code).itemsize
    size = (tensor.end - tensor.begin) // width * width
    length = min(PIECE, size)
    middle = (size - length) // 2 // width * width
    return {(tensor.begin + at, length) for at in (0, middle, size - length)}


def _finite(data: bytes, kind: _Type) -> bool:
    numbers = array(kind.code, data)
    if sys.byteorder == "big":  # safetensors, and GGUF of such machines, are little-endian
        numbers.byteswap()
    exponent = kind.exponent
    return not any(number & exponent == exponent for number in numbers)

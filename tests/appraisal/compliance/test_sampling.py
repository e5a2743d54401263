import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.appraisal.compliance.sampling import MAX_TENSORS, PIECE, sample_tensors
from lotabots.models import MemoryTree, TensorEntry

WIDTHS = {"F64": ("<d", 8), "F32": ("<f", 4), "F16": ("<e", 2)}


def tensor(dtype: str, end: int, name: str = "t", begin: int = 0, path: str = "w") -> TensorEntry:
    return TensorEntry(name=name, dtype=dtype, shape=(1,), path=path, begin=begin, end=end)


@pytest.mark.parametrize("dtype", WIDTHS)
@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("at", [0, 0.5, 1])
def test_a_number_that_is_none_is_seen_at_beginning_middle_and_end(
    dtype: str, number: float, at: float
) -> None:
    form, width = WIDTHS[dtype]
    count = 8 * PIECE // width
    data = bytearray(struct.pack(form, 1.5) * count)
    index = int((count - 1) * at)
    data[index * width : (index + 1) * width] = struct.pack(form, number)
    found = sample_tensors(MemoryTree({"w": bytes(data)}), [tensor(dtype, len(data))])
    assert found.bad == ("t",)
    good = sample_tensors(MemoryTree({"w": bytes(len(data))}), [tensor(dtype, len(data))])
    assert (good.tensors, good.bad) == (1, ())


@pytest.mark.parametrize(("word", "bad"), [(0x7F80, True), (0xFF81, True), (0x7F7F, False)])
def test_bfloat16_is_the_upper_half_of_a_float(word: int, bad: bool) -> None:
    found = sample_tensors(MemoryTree({"w": word.to_bytes(2, "little")}), [tensor("BF16", 2)])
    assert bool(found.bad) is bad


def test_what_is_packed_or_cannot_be_read_is_skipped_and_counted() -> None:
    tensors = [
        tensor("Q4_K", 4),
        tensor("F32", 99),
        tensor("F32", 4, path="gone"),
        tensor("F32", 0),
    ]
    found = sample_tensors(MemoryTree({"w": bytes(4)}), tensors)
    assert (found.tensors, found.skipped) == (0, 4)


def test_of_very_many_tensors_only_some_are_read() -> None:
    many = [tensor("F32", 4, str(index)) for index in range(3 * MAX_TENSORS)]
    found = sample_tensors(MemoryTree({"w": bytes(4)}), many)
    assert (found.tensors, found.skipped) == (MAX_TENSORS, 2 * MAX_TENSORS)


@given(st.binary(max_size=64), st.integers(-4, 70), st.integers(-4, 70))
def test_any_place_is_read_or_skipped(data: bytes, begin: int, end: int) -> None:
    found = sample_tensors(MemoryTree({"w": data}), [tensor("F16", end, begin=begin)])
    assert found.tensors + found.skipped == 1

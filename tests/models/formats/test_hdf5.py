"""HDF5 files are clean where all of them was read; Keras models in them are judged by layers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from models.hostile.code import layer, sequential
from models.hostile.hdf5_file import EXTERNAL, OPAQUE, VIRTUAL, hdf5, message

from lotabots.models import Memory, Parsed
from lotabots.models.formats import parse

LEGACY = {"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense", "config": {}}]}}


def parsed(data: bytes) -> Parsed:
    found = parse("m.h5", Memory(data))
    assert found is not None
    assert found.format == "hdf5"
    return found


def codes(data: bytes) -> list[str]:
    return [found.code for found in parsed(data).findings]


def test_weights_without_a_model_are_clean() -> None:
    assert codes(hdf5()) == []


@pytest.mark.parametrize("in_heap", [True, False])
def test_a_model_of_plain_layers_is_clean_and_named(*, in_heap: bool) -> None:
    found = parsed(hdf5(json.dumps(LEGACY).encode(), in_heap=in_heap))
    assert found.findings == ()
    assert found.facts == {"class": "Sequential"}


@pytest.mark.parametrize("in_heap", [True, False])
def test_a_lambda_is_found_however_it_is_spelled(*, in_heap: bool) -> None:
    text = json.dumps(sequential(layer("Lambda"))).replace("Lambda", "L\\u0061mbda")
    assert codes(hdf5(text.encode(), in_heap=in_heap)) == ["KERAS-LAMBDA"]


def test_a_type_that_can_hold_a_pickle_is_not_clean() -> None:
    assert codes(hdf5(kind=OPAQUE)) == ["HDF5-UNREAD"]


@pytest.mark.parametrize(
    "data",
    [hdf5(layout=VIRTUAL), hdf5(more=(message(0x7, EXTERNAL),))],
    ids=["virtual", "external"],
)
def test_data_of_another_file_is_refused(data: bytes) -> None:
    assert codes(data) == ["HDF5-EXTERNAL"]


def test_a_tree_that_holds_itself_is_refused() -> None:
    assert codes(hdf5(loop=True)) == ["HDF5-MALFORMED"]


@pytest.mark.parametrize("data", [hdf5() + b"x", hdf5()[:-1], hdf5()[:40]])
def test_a_file_of_another_length_than_it_says_is_refused(data: bytes) -> None:
    assert codes(data) == ["HDF5-MALFORMED"]


def test_a_block_before_the_file_is_not_read() -> None:
    assert codes(bytes(512) + hdf5()) == ["HDF5-UNREAD"]


@given(
    st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), max_size=8),
    st.integers(0, 20),
)
def test_changed_files_raise_nothing(changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(hdf5(json.dumps(LEGACY).encode()))
    for at, value in changes:
        data[at % len(data)] = value
    parse("m.h5", Memory(bytes(data[: len(data) - cut])))

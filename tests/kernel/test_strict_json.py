"""The strict reader: one reading or none, within bounds, whatever the bytes."""

import contextlib
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.kernel import LotaError, strict_json, strict_struct

MAX = 64 * 1024


def code_of(data: bytes, **limits: int) -> str:
    with pytest.raises(LotaError) as refused:
        strict_json(data, max_bytes=limits.pop("max_bytes", MAX), **limits)
    return refused.value.code


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'{"a":1,"a":1}', "JSON_DUPLICATE_KEY"),
        (b'{"a":1,"\\u0061":2}', "JSON_DUPLICATE_KEY"),
        (b'[{"x":{"k":1,"k":2}}]', "JSON_DUPLICATE_KEY"),
        (b"NaN", "JSON_MALFORMED"),
        (b"[Infinity]", "JSON_MALFORMED"),
        (b"-Infinity", "JSON_MALFORMED"),
        (b"1e999", "JSON_NUMBER_RANGE"),
        (b"9007199254740992", "JSON_NUMBER_RANGE"),
        (b"-9007199254740992", "JSON_NUMBER_RANGE"),
        (b"1" * 5000, "JSON_NUMBER_RANGE"),
        (b'"\\ud800"', "JSON_SURROGATE"),
        (b'{"\\udc00\\ud800":1}', "JSON_SURROGATE"),
        (b'"\xed\xa0\x80"', "JSON_NOT_UTF8"),
        (b"\xff", "JSON_NOT_UTF8"),
        ("{}".encode("utf-16"), "JSON_NOT_UTF8"),
        ("{}".encode("utf-16-le"), "JSON_MALFORMED"),
        (b"\xef\xbb\xbf{}", "JSON_MALFORMED"),
        (b"", "JSON_MALFORMED"),
        (b"{} {}", "JSON_MALFORMED"),
        (b"{'a':1}", "JSON_MALFORMED"),
        (b"[1,]", "JSON_MALFORMED"),
        (b"01", "JSON_MALFORMED"),
        (b'"\n"', "JSON_MALFORMED"),
        (b'"\\x41"', "JSON_MALFORMED"),
        (b"// no\n1", "JSON_MALFORMED"),
    ],
)
def test_a_text_with_more_than_one_reading_is_refused(data: bytes, code: str) -> None:
    assert code_of(data) == code


def test_an_escaped_pair_of_surrogates_is_one_character() -> None:
    assert strict_json(b'"\\ud83d\\ude00"', max_bytes=20) == "\U0001f600"


@pytest.mark.parametrize("opener", [b"[", b'{"a":'])
def test_a_text_deeper_than_allowed_is_refused_before_it_is_parsed(opener: bytes) -> None:
    assert code_of(opener * 10_000) == "JSON_TOO_DEEP"
    assert code_of(b"[[[1]]]", max_depth=2) == "JSON_TOO_DEEP"


def test_the_deepest_text_allowed_is_read() -> None:
    assert strict_json(b"[[1],[2],[3]]", max_bytes=20, max_depth=2) == [[1], [2], [3]]
    assert strict_json(b"1", max_bytes=1, max_depth=0) == 1


def test_brackets_inside_strings_are_not_counted_as_depth() -> None:
    assert strict_json(b'["[[[[\\"[[[["]', max_bytes=20, max_depth=1) == ['[[[["[[[[']


def test_a_text_longer_than_allowed_is_refused_and_one_of_that_length_is_read() -> None:
    assert code_of(b"[1]", max_bytes=2) == "JSON_TOO_LARGE"
    assert strict_json(b"[1]", max_bytes=3) == [1]


@pytest.mark.parametrize(
    "unit", [b'"\\"', b'\\"', b'"', b"[", b'["\\', b'{"":', b"\\", b"1", b"[]"], ids=repr
)
def test_no_text_takes_more_than_linear_time(unit: bytes) -> None:
    data = unit * (1024 * 1024 // len(unit))
    started = time.perf_counter()
    with pytest.raises(LotaError):
        strict_json(data, max_bytes=len(data))
    # Quadratic would be hours: the bound only has to tell the two apart.
    assert time.perf_counter() - started < 5


@given(
    st.binary(max_size=200) | st.text(alphabet='[]{}",:\\u0dcTf1e9-. ', max_size=80).map(str.encode)
)
def test_any_bytes_give_a_value_or_our_own_error(data: bytes) -> None:
    with contextlib.suppress(LotaError):
        strict_json(data, max_bytes=MAX)


class Shape(msgspec.Struct, forbid_unknown_fields=True):
    count: int


@pytest.mark.parametrize(
    "data",
    [b'{"count":1.0}', b'{"count":true}', b'{"count":"1"}', b'{"count":null}', b"{}", b"[]",
     b'{"count":1,"more":2}'],
)  # fmt: skip
def test_a_document_of_another_shape_is_refused_and_nothing_is_converted(data: bytes) -> None:
    with pytest.raises(LotaError, match="JSON_SHAPE"):
        strict_struct(data, Shape, max_bytes=MAX)


def test_a_document_of_the_right_shape_is_read() -> None:
    assert strict_struct(b'{"count":1}', Shape, max_bytes=MAX).count == 1

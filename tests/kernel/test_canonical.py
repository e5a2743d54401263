"""RFC 8785: its own examples as known answers, and what has no canonical form."""

import json
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.kernel import LotaError, canonical, strict_json

# RFC 8785 appendix B: the bits of a double and its text.
NUMBERS = [
    ("0000000000000000", "0"),
    ("8000000000000000", "0"),
    ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("ffefffffffffffff", "-1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"),
    ("c340000000000000", "-9007199254740992"),
    ("4430000000000000", "295147905179352830000"),
    ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"),
    ("44b52d02c7e14af7", "1.0000000000000001e+23"),
    ("444b1ae4d6e2ef4e", "999999999999999700000"),
    ("444b1ae4d6e2ef4f", "999999999999999900000"),
    ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555553", "333333333.3333332"),
    ("41b3de4355555554", "333333333.33333325"),
    ("41b3de4355555555", "333333333.3333333"),
    ("41b3de4355555556", "333333333.3333334"),
    ("41b3de4355555557", "333333333.33333343"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
]

# A double of 2**53 up to 1e21 is written as an integer that strict_json refuses to read: RFC 8785
# and RFC 7493 differ there, and we keep to each.
DOUBLES = st.floats(allow_nan=False, allow_infinity=False).filter(
    lambda x: abs(x) < 2**53 or abs(x) >= 1e21
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | DOUBLES
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=12,
)


def double(bits: str) -> float:
    value: float = struct.unpack(">d", bytes.fromhex(bits))[0]
    return value


@pytest.mark.parametrize(("bits", "text"), NUMBERS)
def test_a_number_is_written_as_in_the_table_of_rfc_8785(bits: str, text: str) -> None:
    assert canonical(double(bits)) == text.encode()


@pytest.mark.parametrize("bits", ["7fffffffffffffff", "7ff0000000000000", "fff0000000000000"])
def test_a_number_that_is_not_finite_has_no_canonical_form(bits: str) -> None:
    with pytest.raises(LotaError, match="JSON_NOT_CANONICAL"):
        canonical(double(bits))


def test_the_example_of_section_3_2_2_gives_the_bytes_of_section_3_2_4() -> None:
    source = rb"""{
        "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]
    }"""
    assert canonical(strict_json(source, max_bytes=1000)) == (
        b'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        b'"string":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


def test_keys_are_ordered_by_utf_16_code_units_as_in_section_3_2_3() -> None:
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    written = canonical(dict.fromkeys(keys, 0)).decode()
    assert list(json.loads(written)) == [
        "\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33",
    ]  # fmt: skip


@given(JSON)
def test_strict_json_reads_back_what_canonical_wrote_and_it_is_written_the_same_again(
    value: object,
) -> None:
    written = canonical(value)
    read = strict_json(written, max_bytes=len(written))
    assert read == value
    assert canonical(read) == written


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_survives_its_text(value: float) -> None:
    assert math.isclose(float(canonical(value)), value, rel_tol=0, abs_tol=0)


@pytest.mark.parametrize(
    "value",
    [
        {1: "a"},
        2**53,
        -(2**53),
        "\ud800",
        {"\udfff": 1},
        b"bytes",
        {1, 2},
        pytest.param(object(), id="object"),
        [float("nan")],
    ],
    ids=repr,
)
def test_what_other_readers_could_misread_has_no_canonical_form(value: object) -> None:
    with pytest.raises(LotaError, match="JSON_NOT_CANONICAL"):
        canonical(value)


def test_a_value_that_holds_itself_is_refused_and_not_followed() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(LotaError, match="JSON_NOT_CANONICAL"):
        canonical(loop)

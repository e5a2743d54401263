from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.appraisal.document import MAX_BYTES, MAX_DEPTH, MAX_NODES, read_document
from lotabots.kernel import LotaError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1\nb: [x, 'y', \"z\"]\n", {"a": 1, "b": ["x", "y", "z"]}),
        ("a: true\nb: false\nc: null\nd: -3", {"a": True, "b": False, "c": None, "d": -3}),
        ("until: 2026-12-31T00:00:00Z", {"until": "2026-12-31T00:00:00Z"}),
        ("day: 2026-12-31", {"day": "2026-12-31"}),
        ("age: 30d", {"age": "30d"}),
        ("driver: 550.90.07", {"driver": "550.90.07"}),
        ("'on': 'on'", {"on": "on"}),
        ("on: x", {"on": "x"}),
        ("when: >\n  a\n  b\n", {"when": "a b\n"}),
        ('{"a": [1, {"b": "c"}]}', {"a": [1, {"b": "c"}]}),
    ],
)
def test_a_document_is_read_as_json_values(text: str, value: object) -> None:
    assert read_document(text.encode()) == value


@pytest.mark.parametrize(
    "text",
    [
        "a: &x 1\nb: *x",
        "a: &x 1",
        "a: !!python/object:os.system x",
        "a: !!str 1",
        "<<: {a: 1}\nb: !x y",
        "a: 1\na: 2",
        '{"a": 1, "a": 2}',
        "a: yes",
        "a: off",
        "a: 1.5",
        "a: 1e3",
        "a: 0x10",
        "a: 010",
        "a: 12:30",
        "a: .inf",
        "a: ~",
        "a:",
        "a: 99999999999999999999",
        "? [a]\n: b",
        "? {a: b}\n: c",
        "a: 1\n---\nb: 2",
        "",
        "# nothing",
        "a: [",
        "a: \x00",
        "\tb: 1",
    ],
)
def test_a_text_with_more_than_one_reading_is_refused(text: str) -> None:
    with pytest.raises(LotaError) as refusal:
        read_document(text.encode())
    assert refusal.value.code in {"POLICY_MALFORMED", "JSON_DUPLICATE_KEY"}


def test_size_depth_and_count_are_bounded() -> None:
    for bomb in (
        b"a" * (MAX_BYTES + 1),
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        b"[" * 60_000,
        b"[" + b"1," * MAX_NODES + b"1]",
        b'{"a":' * 10_000,
    ):
        with pytest.raises(LotaError):
            read_document(bomb)


def test_a_refusal_names_its_line() -> None:
    with pytest.raises(LotaError, match="line 3"):
        read_document(b"a: 1\nb: 2\nc: yes\n")


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(LotaError):
        read_document(data)


@given(st.lists(st.sampled_from([*"[]{}:,-?|>&*!%@#'\" \n\tax1", "---", "..."]), max_size=40))
def test_any_marks_of_yaml_are_read_or_refused(marks: list[str]) -> None:
    with suppress(LotaError):
        read_document("".join(marks).encode())

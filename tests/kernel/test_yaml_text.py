from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.kernel import Json, LotaError
from lotabots.kernel.yaml_text import MAX_DEPTH, MAX_NODES, Reading, read_yaml

STRICT = Reading("list", "LIST_MALFORMED", "LIST_TOO_LARGE")
AS_TEXT = STRICT._replace(ambiguous=True)
MAX_BYTES = STRICT.max_bytes


def read(data: bytes) -> Json:
    return read_yaml(data, STRICT)


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
    assert read(text.encode()) == value


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
        read(text.encode())
    assert refusal.value.code in {"LIST_MALFORMED", "JSON_DUPLICATE_KEY"}


def test_size_depth_and_count_are_bounded() -> None:
    for bomb in (
        b"a" * (MAX_BYTES + 1),
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        b"[" * 60_000,
        b"[" + b"1," * MAX_NODES + b"1]",
        b'{"a":' * 10_000,
    ):
        with pytest.raises(LotaError):
            read(bomb)


def test_a_refusal_names_its_line() -> None:
    with pytest.raises(LotaError, match="line 3"):
        read(b"a: 1\nb: 2\nc: yes\n")


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(LotaError):
        read(data)


@given(st.lists(st.sampled_from([*"[]{}:,-?|>&*!%@#'\" \n\tax1", "---", "..."]), max_size=40))
def test_any_marks_of_yaml_are_read_or_refused(marks: list[str]) -> None:
    with suppress(LotaError):
        read("".join(marks).encode())


@pytest.mark.parametrize("word", ["no", "0.85", "1e-5", "~", "12:30", "0x10"])
def test_a_word_with_several_readings_is_its_text_where_a_reading_says_so(word: str) -> None:
    assert read_yaml(f"a: {word}".encode(), AS_TEXT) == {"a": word}


@pytest.mark.parametrize("text", ["a: &x 1\nb: *x", "a: !!str 1", "a: 1\na: 2", "? [a]\n: b"])
def test_what_is_no_word_is_refused_there_too(text: str) -> None:
    with pytest.raises(LotaError) as refusal:
        read_yaml(text.encode(), AS_TEXT)
    assert refusal.value.code == "LIST_MALFORMED"


def test_a_refusal_has_the_words_and_codes_of_its_reading() -> None:
    with pytest.raises(LotaError, match="A list is at most 65536 bytes") as refusal:
        read(b"a" * (MAX_BYTES + 1))
    assert refusal.value.code == "LIST_TOO_LARGE"

"""Names have one reading, and those that loaders read are known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.models import read_by_loaders
from lotabots.models.paths import MAX_PATH, collisions, covered, flaw_of


@pytest.mark.parametrize(
    "path", ["a", "a/b.c", ".hidden", "a b", "...", "a:0:4", "mod\u00e8le", "\u6a21\u578b", "-"]
)
def test_a_canonical_name_has_no_flaw(path: str) -> None:
    assert flaw_of(path) == ""


@pytest.mark.parametrize(
    "path",
    [
        "", ".", "..", "./a", "a/.", "a/../b", "../a", "/a", "a//b", "a/", "a\\b", "a\0", "a\nb",
        "\x1b[2J", "\x85", "a\ud800", "x" * (MAX_PATH + 1),
    ],
)  # fmt: skip
def test_any_other_name_says_why(path: str) -> None:
    assert flaw_of(path) != ""


@given(st.text(max_size=20))
def test_any_text_has_an_answer(path: str) -> None:
    flaw = flaw_of(path)
    assert isinstance(read_by_loaders(path), bool)
    assert flaw or path.encode()


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["a", "b"], []),
        (["README", "readme"], ["PATH-COLLISION"]),
        (["stra\u00dfe", "STRASSE"], ["PATH-COLLISION"]),
        (["caf\u00e9", "cafe\u0301"], ["PATH-UNICODE", "PATH-COLLISION"]),
        (["cafe\u0301"], ["PATH-UNICODE"]),
    ],
)
def test_names_that_another_system_takes_for_one_are_told(
    names: list[str], told: list[str]
) -> None:
    assert [one.code for one in collisions(names)] == told


def test_an_ignored_name_covers_itself_and_what_is_below_it_and_nothing_else() -> None:
    assert covered("a", ["a"])
    assert covered("a/b/c", ["a"])
    assert covered("a/b", ["x", "a/b"])
    assert not covered("ab", ["a"])
    assert not covered("b/a", ["a"])
    assert not covered("a", ["a/b"])
    assert not covered("a", ["*"])


@pytest.mark.parametrize(
    "path",
    [
        "modeling_x.py", "__init__.py", "x/Y.PY", "config.json", "model.safetensors", "a.gguf",
        "pytorch_model.bin", "model.bin.part", "libx.so", "libx.so.1", "chat_template.jinja",
        "tokenizer.model", "vocab.txt", "merges.txt", "model.safetensors.index.json", "a.pkl",
        "x.tar.gz", "saved.mlpackage/Manifest", "model.onnx", "model.onnx.data", "Modelfile",
        "run.sh",
        "weights.H5", "x.npz", "requirements.txt", "config.yaml", ".env.json",
    ],
)  # fmt: skip
def test_what_loaders_read_is_known_by_its_name(path: str) -> None:
    assert read_by_loaders(path)


@pytest.mark.parametrize(
    "path", ["README.md", "LICENSE", "NOTICE.txt", "model.sig", "ignore-me", "images/a.png", ".git"]
)
def test_what_they_do_not_read_may_be_ignored(path: str) -> None:
    assert not read_by_loaders(path)

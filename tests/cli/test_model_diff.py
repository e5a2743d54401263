"""`lotabots model diff` names what differs, and exits with what it means."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cli.conftest import Ran
from models.made import layers, write

EMBEDDING = "model.embed_tokens.weight"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_two_copies_are_the_same(lotabots: Callable[..., Ran], tmp_path: Path) -> None:
    a, b = (write(tmp_path / name, layers(), config_json=b"{}") for name in "ab")
    ran = lotabots("model", "diff", a, b)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("the same  7 tensors and 2 files are the same")


def test_a_changed_tensor_is_named_with_its_rows(
    lotabots: Callable[..., Ran], tmp_path: Path
) -> None:
    changed = layers()
    data = bytearray(changed[EMBEDDING][2])
    data[8 * 3] ^= 1
    changed[EMBEDDING] = ("BF16", [10, 4], bytes(data))
    a, b = write(tmp_path / "a", layers()), write(tmp_path / "b", changed)
    ran = lotabots("model", "diff", a, b, "-o", "json")
    assert (ran.status, ran.json["verdict"]) == (1, "differs")
    assert [(one["change"], one["name"]) for one in ran.json["tensors"]] == [("changed", EMBEDDING)]
    assert ran.json["rows"] == {EMBEDDING: "1 of 10 rows: 3"}
    assert "1 of 10 rows: 3" in lotabots("model", "diff", a, b).out


def test_a_grown_vocabulary_is_told_as_rows(lotabots: Callable[..., Ran], tmp_path: Path) -> None:
    grown = layers()
    grown[EMBEDDING] = ("BF16", [12, 4], bytes(range(96)))
    a, b = write(tmp_path / "a", layers()), write(tmp_path / "b", grown)
    ran = lotabots("model", "diff", a, b)
    assert ran.status == 1
    assert "BF16 [10, 4]" in ran.out
    assert "BF16 [12, 4]" in ran.out
    assert "1 rows" in ran.out


def test_the_same_tensors_in_other_files_are_recognised(
    lotabots: Callable[..., Ran], tmp_path: Path
) -> None:
    every = layers()
    names = sorted(every)
    first, second = ({name: every[name] for name in part} for part in (names[:3], names[3:]))
    a, b = write(tmp_path / "a", every), write(tmp_path / "b", second, first)
    ran = lotabots("model", "diff", a, b, "-o", "json")
    assert (ran.status, ran.json["verdict"]) == (1, "resharded")
    assert (ran.json["tensors"], len(ran.json["moved"])) == ([], 7)
    assert lotabots("model", "diff", a, b, "--by-tensors").status == 0


def test_what_could_not_be_read_is_never_the_same(
    lotabots: Callable[..., Ran], tmp_path: Path
) -> None:
    a, b = (write(tmp_path / name, layers()) for name in "ab")
    (b / "outside").symlink_to("/etc/passwd")
    ran = lotabots("model", "diff", a, b)
    assert ran.status == 3
    assert "FILE-SYMLINK-OUTSIDE" in ran.err


@pytest.mark.parametrize("more", [(), ("--by-tensors",)])
def test_two_models_of_nothing_are_not_the_same(
    more: tuple[str, ...], lotabots: Callable[..., Ran], tmp_path: Path
) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    assert lotabots("model", "diff", tmp_path / "a", tmp_path / "b", *more).status == 3


def test_a_name_that_would_move_the_terminal_is_escaped(
    lotabots: Callable[..., Ran], tmp_path: Path
) -> None:
    odd = {"w\u202ex": ("U8", [1], b"\1")}
    a, b = write(tmp_path / "a", odd), write(tmp_path / "b")
    out = lotabots("model", "diff", a, b).out
    assert "\u202e" not in out
    assert "\\u202e" in out


def test_the_second_comparison_takes_digests_from_the_cache(
    lotabots: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = (write(tmp_path / name, layers()) for name in "ab")
    monkeypatch.setattr("lotabots.models.cache.RACY_NS", 0)
    runs = [lotabots("model", "diff", a, b, "-o", "json").json for _ in range(2)]
    assert [run["cached"] for run in runs] == [False, True]
    assert lotabots("model", "diff", a, b, "--no-cache", "-o", "json").json["cached"] is False
    key = tmp_path / "config" / "lotabots" / "model-digests.key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.chmod(0o644)
    ran = lotabots("model", "diff", a, b, "-o", "json")
    assert ran.json["cached"] is False, "a key that others can read seals nothing"

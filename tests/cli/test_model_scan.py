"""`lotabots model scan` says what is wrong, where, why it matters and what to do about it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cli.conftest import Ran
from models.hostile.repository import (
    BASE,
    INSTRUCTING,
    PROGRAM,
    SWAPPED,
    changed,
    config,
    digest,
    llama,
    lora,
    template,
    tokenizer,
    weights,
)

from lotabots.models.repository.templates import template_digest


def put(folder: Path, files: "dict[str, bytes]") -> Path:
    folder.mkdir()
    for path, data in files.items():
        (folder / path).write_bytes(data)
    return folder


def test_a_good_model_is_accepted(lotabots: Callable[..., Ran], tmp_path: Path) -> None:
    ran = lotabots("model", "scan", put(tmp_path / "m", llama()))
    assert ran.status == 0
    assert "accepted" in ran.out
    assert "does not say whose model it is" in ran.err


def test_a_hostile_model_is_rejected_in_words(lotabots: Callable[..., Ran], tmp_path: Path) -> None:
    files = {**config(auto_map={"AutoModel": "modeling_x.M"}), "modeling_x.py": PROGRAM}
    ran = lotabots("model", "scan", put(tmp_path / "m", files))
    assert ran.status == 1
    for words in ("REMOTE-CODE", "where  config.json: auto_map: modeling_x.M", "why  ", "do  "):
        assert words in ran.out


def test_what_cannot_be_judged_is_inconclusive(
    lotabots: Callable[..., Ran], tmp_path: Path
) -> None:
    ran = lotabots("model", "scan", put(tmp_path / "m", dict(changed(x_dot_dat=b"\x00\x01"))))
    assert ran.status == 3
    assert "inconclusive" in ran.out


def test_a_program_gets_everything(lotabots: Callable[..., Ran], tmp_path: Path) -> None:
    model = put(tmp_path / "m", dict(changed(x_dot_dat=b"\x00\x01")))
    found = lotabots("model", "scan", model, "-o", "json").json
    assert found["outcome"] == "inconclusive"
    (one,) = found["findings"]
    assert (one["code"], one["path"], one["severity"]) == ("SCAN-UNKNOWN", "x.dat", "inconclusive")
    assert one["fix"]
    assert {file["path"] for file in found["files"]} == {*llama(), "x.dat"}


def test_what_was_approved_is_accepted(lotabots: Callable[..., Ran], tmp_path: Path) -> None:
    model = put(tmp_path / "t", dict(template(INSTRUCTING)))
    assert lotabots("model", "scan", model).status == 3
    named = template_digest(INSTRUCTING)
    assert lotabots("model", "scan", model, "--approve-template", named).status == 0
    bare = named.removeprefix("sha256:")
    assert lotabots("model", "scan", model, "--approve-template", bare).status == 0
    pinned = put(tmp_path / "c", dict(changed(x_dot_py=PROGRAM)))
    assert lotabots("model", "scan", pinned).status == 1
    assert lotabots("model", "scan", pinned, "--pin-code", digest(PROGRAM)).status == 0


def test_drift_is_refused(lotabots: Callable[..., Ran], tmp_path: Path) -> None:
    model = put(tmp_path / "m", llama())
    right = digest(llama()["generation_config.json"])
    named = f"generation_config.json={right}"
    assert lotabots("model", "scan", model, "--approve-file", named).status == 0
    other = f"generation_config.json={digest(b'')}"
    assert "CONFIG-DRIFT" in lotabots("model", "scan", model, "--approve-file", other).out
    swapped = put(tmp_path / "s", dict(tokenizer(SWAPPED)))
    vocabulary = lotabots("model", "scan", model, "-o", "json").json["facts"]["tokenizers"]
    ran = lotabots("model", "scan", swapped, "--approve-tokenizer", vocabulary["tokenizer.json"])
    assert "TOKENIZER-DRIFT" in ran.out


def test_an_adapter_is_held_against_its_base(lotabots: Callable[..., Ran], tmp_path: Path) -> None:
    adapter = put(tmp_path / "a", dict(lora()))
    base = put(tmp_path / "b", {"model.safetensors": weights(BASE)})
    assert lotabots("model", "scan", adapter).status == 3
    assert lotabots("model", "scan", adapter, "--base", base).status == 0


@pytest.mark.parametrize(
    "arguments", [("--approve-template", "x"), ("--approve-file", "x"), ("--pin-code", "md5:0")]
)
def test_what_is_no_digest_is_a_usage_error(
    arguments: tuple[str, str], lotabots: Callable[..., Ran], tmp_path: Path
) -> None:
    assert lotabots("model", "scan", tmp_path, *arguments).status == 2


def test_what_is_not_there_has_its_code(lotabots: Callable[..., Ran], tmp_path: Path) -> None:
    ran = lotabots("model", "scan", tmp_path / "missing")
    assert (ran.status, "MODEL_READ_FAILED" in ran.err) == (4, True)

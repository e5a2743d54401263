"""`lotabots model inspect` shows a model by its headers, for people and for programs."""

import os
from collections.abc import Callable
from pathlib import Path

from cli.conftest import Ran
from models.made import layers, write


def test_layers_of_one_kind_share_a_line(lotabots: Callable[..., Ran], tmp_path: Path) -> None:
    ran = lotabots("model", "inspect", write(tmp_path / "m", layers(), config_json=b"{}"))
    assert (ran.status, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0].startswith("2 files, ")
    assert lines[0].endswith(", 7 tensors, 100 parameters")
    line = next(one for one in lines if "mlp" in one)
    assert line.split() == ["model.layers.*.mlp.weight", "3", "BF16", "4", "x", "4", "48"]
    assert any("safetensors" in one for one in lines)


def test_each_tensor_is_listed_on_request(lotabots: Callable[..., Ran], tmp_path: Path) -> None:
    out = lotabots("model", "inspect", write(tmp_path / "m", layers()), "--tensors").out
    assert "model.layers.2.norm.weight" in out


def test_a_program_gets_everything(lotabots: Callable[..., Ran], tmp_path: Path) -> None:
    model = write(tmp_path / "m", layers(), config_json=b"{}")
    found = lotabots("model", "inspect", model, "-o", "json").json
    assert found["parameters"] == 40 + 3 * (16 + 4)
    assert found["files"][1]["facts"]["embedding_rows"] == 10
    assert [one["path"] for one in found["files"]] == [
        "config.json",
        "model-1-of-1.safetensors",
    ]
    assert len(found["tensors"]) == 7
    assert found["findings"] == []


def test_a_single_file_is_looked_into(lotabots: Callable[..., Ran], tmp_path: Path) -> None:
    (file,) = write(tmp_path / "m", layers()).iterdir()
    assert "7 tensors" in lotabots("model", "inspect", file).out


def test_what_cannot_be_read_is_said(lotabots: Callable[..., Ran], tmp_path: Path) -> None:
    model = write(tmp_path / "m", layers())
    os.mkfifo(model / "pipe")
    (model / "bad.safetensors").write_bytes(b"\xff\0\0\0\0\0\0\0{")
    ran = lotabots("model", "inspect", model)
    assert ran.status == 3
    assert "FILE-SPECIAL" in ran.err
    assert "SAFETENSORS-HEADER-LENGTH" in ran.err


def test_what_is_not_there_has_its_code(lotabots: Callable[..., Ran], tmp_path: Path) -> None:
    ran = lotabots("model", "inspect", tmp_path / "missing")
    assert ran.status == 4
    assert "MODEL_READ_FAILED" in ran.err

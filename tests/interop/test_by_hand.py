"""What docs/audit.md tells an auditor to type works, here on a log that others made."""

import shutil
from pathlib import Path

import pytest
from interop import by_hand

VKEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
"""Of Tessera's test log (its README)."""


@pytest.fixture
def copy(vectors: Path, tmp_path: Path) -> Path:
    """Tessera's test log of 15 entries, to change at will."""
    shutil.copytree(vectors / "tlog" / "tessera" / "testdata" / "log", tmp_path / "log")
    return tmp_path / "log"


def change(file: Path, old: bytes, new: bytes) -> None:
    data = file.read_bytes()
    assert data.count(old) == 1
    file.write_bytes(data.replace(old, new))


def test_the_commands_accept_a_log_that_holds(copy: Path, tmp_path: Path) -> None:
    signed = by_hand.signature(copy, VKEY, tmp_path)
    assert (signed.returncode, signed.stdout) == (0, "Signature Verified Successfully\n"), signed
    ran = by_hand.tree(copy)
    assert ran.stdout == "15 entries are those of example.com/log/testdata\n", ran.stderr


@pytest.mark.parametrize("size", range(16))
def test_the_commands_accept_every_checkpoint_of_its_past(
    copy: Path, tmp_path: Path, size: int
) -> None:
    (copy / f"checkpoint.{size}").replace(copy / "checkpoint")
    assert by_hand.signature(copy, VKEY, tmp_path).returncode == 0
    assert by_hand.tree(copy).returncode == 0


def test_the_commands_refuse_a_checkpoint_that_nobody_signed(copy: Path, tmp_path: Path) -> None:
    change(copy / "checkpoint", b"\n15\n", b"\n14\n")
    assert by_hand.signature(copy, VKEY, tmp_path).returncode != 0
    assert "not those of the checkpoint" in by_hand.tree(copy).stderr


def test_the_commands_refuse_the_signature_of_another_key(copy: Path, tmp_path: Path) -> None:
    stranger = VKEY.replace("AeHTu4", "AeHTu5")
    assert by_hand.signature(copy, stranger, tmp_path).returncode != 0


def test_the_commands_refuse_an_entry_that_was_changed(copy: Path) -> None:
    change(copy / "tile" / "entries" / "000.p" / "15", b"seven", b"Seven")
    assert "not those of the checkpoint" in by_hand.tree(copy).stderr

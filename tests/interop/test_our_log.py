"""A log that we wrote, read by those who know nothing of us: `aics-tlog`, `openssl`, Python."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from interop import by_hand
from interop.published import ORIGIN, VKEY, publish, served

PROGRAM = Path(__file__).with_name("aics_audit.py")
ENTRIES = [b"entry %d" % number for number in range(66_000)]
SMALL = ENTRIES[:2000]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    publish(tmp_path / "log", SMALL, (1, 2, 255, 300, 1024, 1999, 2000))
    return tmp_path / "log"


def audited(aics_tlog: Path, folder: Path, vkey: str = VKEY) -> dict[str, object]:
    """What `aics-tlog` says of the log in that folder, served over HTTP."""
    environ = os.environ | {"PYTHONPATH": str(aics_tlog)}
    with served(folder) as url:
        ran = subprocess.run(
            [sys.executable, PROGRAM, url, vkey],
            env=environ, capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
    answer: dict[str, object] = json.loads(ran.stdout)
    return answer


def flip(file: Path, offset: int) -> None:
    data = bytearray(file.read_bytes())
    data[offset] ^= 1
    file.write_bytes(data)


def test_a_verifier_that_we_did_not_write_accepts_our_log(aics_tlog: Path, copy: Path) -> None:
    assert audited(aics_tlog, copy) == {"size": 2000, "tiles": 9, "bundles": 8}


def test_it_accepts_a_log_of_three_levels(aics_tlog: Path, tmp_path: Path) -> None:
    publish(tmp_path, ENTRIES, (65_535, 65_536, 66_000))
    answer = audited(aics_tlog, tmp_path)
    assert (answer["size"], answer["bundles"]) == (66_000, 258)


@pytest.mark.parametrize(
    "path", ["tile/entries/003", "tile/entries/007.p/208", "tile/0/003", "tile/1/000.p/7"]
)
def test_it_names_a_file_of_ours_in_which_a_bit_was_flipped(
    aics_tlog: Path, copy: Path, path: str
) -> None:
    flip(copy / path, 40)
    refused = str(audited(aics_tlog, copy)["refused"])
    assert path in refused or (path.startswith("tile/1") and "right-edge" in refused)


def test_it_refuses_our_checkpoint_when_a_bit_of_it_was_flipped(
    aics_tlog: Path, copy: Path
) -> None:
    flip(copy / "checkpoint", len(ORIGIN) + 3)
    assert "refused" in audited(aics_tlog, copy)


def test_the_commands_of_the_page_accept_our_log(copy: Path, tmp_path: Path) -> None:
    signed = by_hand.signature(copy, VKEY, tmp_path)
    assert (signed.returncode, signed.stdout) == (0, "Signature Verified Successfully\n"), signed
    assert by_hand.tree(copy).stdout == f"2000 entries are those of {ORIGIN}\n"

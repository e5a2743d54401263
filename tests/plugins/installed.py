"""Environments that hold what one lock pins, and our wheel: what a user of that install has."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command: object, ok: bool = True) -> "subprocess.CompletedProcess[str]":
    """What the command printed; it must succeed, unless `ok` is False."""
    return subprocess.run(
        [str(part) for part in command], check=ok, capture_output=True, text=True, cwd=ROOT
    )


def environment(folder: Path, lock: str) -> Path:
    """The bin folder of an environment with this lock and our wheel, and nothing else."""
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
    (wheel,) = folder.glob("*.whl")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "env")
    python = folder / "env" / "bin" / "python"
    install = (sys.executable, "-m", "pip", "--python", python, "install", "-qq", "--no-input")
    locked = run(*install, "--require-hashes", "-r", ROOT / lock, ok=False)
    if locked.returncode and not os.environ.get("CI"):
        pytest.skip(f"SKIPPED: {lock} cannot be installed (no index?): {locked.stderr}")
    assert locked.returncode == 0, locked.stderr
    run(*install, "--no-deps", wheel)
    return python.parent

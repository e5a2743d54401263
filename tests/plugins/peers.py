"""Programs that others wrote, installed on first use beside the checkout, never among ours."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / ".bench"


@pytest.fixture(scope="session")
def aics_tlog() -> Path:
    """A folder with `aics_tlog`, to put on the path of another Python, or a loud skip.

    It states that it needs Python 3.12 and runs on 3.11; what it stands on is installed already.
    """
    return _installed("aics-tlog", "0.2.1", "--no-deps", "--ignore-requires-python")


@pytest.fixture(scope="session")
def cyclonedx_schemas() -> Path:
    """The folder of the official CycloneDX schemas, or a loud skip.

    `cyclonedx-python-lib` ships them; nothing of it is imported, so nothing that it needs is here.
    """
    place = _installed("cyclonedx-python-lib", "11.12.0", "--no-deps")
    return place / "cyclonedx" / "schema" / "_res"


@pytest.fixture(scope="session")
def trestle() -> Path:
    """A folder with `compliance-trestle` and all that it needs, or a loud skip."""
    return _installed("compliance-trestle", "5.2.0")


def _installed(name: str, version: str, *options: str) -> Path:
    place = BENCH / f"{name}-{version}"
    BENCH.mkdir(exist_ok=True)
    with (BENCH / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker of this test run may be at it
        if place.is_dir():
            return place
        draft = BENCH / f".{name}.{os.getpid()}"
        pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        wanted = ["--target", str(draft), *options, f"{name}=={version}"]
        ran = subprocess.run([*pip, *wanted], capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            shutil.rmtree(draft, ignore_errors=True)
            pytest.skip(f"SKIPPED: {name} cannot be installed (no index?): {ran.stderr[-300:]}")
        draft.rename(place)
    return place

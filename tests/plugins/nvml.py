"""A libnvidia-ml for tests: built with gcc, loaded by NVIDIA's binding in a process of its own.

Without gcc the tests that need it say so at the end and are skipped, but in CI (CI=true) they fail:
there it must run.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

STUB = Path(__file__).parents[1] / "agent" / "nvml_stub.c"
NAME = "libnvidia-ml.so.1"

SAY = """
import sys
from datetime import UTC, datetime
import msgspec
from lotabots.agent.host import Host
from lotabots.agent.inventory import take_inventory, take_report
from lotabots.agent.nvml import Driver
host, driver, now = Host(), Driver(), datetime(2026, 1, 1, tzinfo=UTC)
take = {"machine": take_inventory, "report": take_report}
said = [take[word](host, driver, now) for word in sys.argv[1:]]
sys.stdout.buffer.write(msgspec.json.encode(said))
driver.close()
"""


class Nvml:
    """The stub, and what the agent says on a machine where it does as `script` tells."""

    def __init__(self, library: Path, folder: Path) -> None:
        self.library = library
        self.folder = folder

    def say(self, script: str, *words: str) -> Any:
        """What the agent says to each of these words, `machine` or `report`, in one process."""
        return json.loads(self.run(script, SAY, *words))

    def machine(self, script: str) -> Any:
        return self.say(script, "machine")[0]

    def report(self, script: str) -> Any:
        return self.say(script, "report")[0]

    def run(self, script: str, program: str, *args: str) -> bytes:
        file = self.folder / "script"
        file.write_bytes(script.encode("latin-1"))
        environ = os.environ | {
            "LOTABOTS_NVML_STUB": str(file),
            "LD_LIBRARY_PATH": str(self.library.parent),
        }
        done = subprocess.run(
            [sys.executable, "-c", program, *args],
            check=False,
            env=environ,
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr.decode()[-4000:]
        return done.stdout


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stub as a shared library under the name by which the binding asks for it."""
    gcc = shutil.which("gcc")
    if gcc is None:
        if os.environ.get("CI") == "true":
            pytest.fail("gcc is not installed, and in CI it must be")
        pytest.skip("SKIPPED: gcc is not installed")
    library = tmp_path_factory.mktemp("nvml") / NAME
    subprocess.run(
        [gcc, "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", library, STUB],
        check=True,
    )
    return library


@pytest.fixture
def nvml(nvml_library: Path, tmp_path: Path) -> Nvml:
    """NVML as a script tells it."""
    return Nvml(nvml_library, tmp_path)

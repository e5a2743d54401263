"""What every test shares: where the published vectors are, and how hard Hypothesis tries."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = [
    "plugins.database",
    "plugins.process",
    "plugins.api",
    "plugins.events",
    "plugins.nvml",
    "plugins.people",
    "plugins.peers",
    "plugins.redis",
    "plugins.shell",
    "plugins.swtpm",
]

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile(
    "quick",
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile("long", settings.get_profile("quick"), max_examples=5000)
settings.load_profile(os.environ.get("LOTABOTS_HYPOTHESIS", "quick"))


def _vectors() -> Path | None:
    path = Path(os.environ.get("LOTABOTS_VECTORS", ROOT.parent / "shared" / "vectors"))
    return path if path.is_dir() else None


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The folder of published vectors, or a loud skip where it is missing."""
    path = _vectors()
    if path is None:
        pytest.skip("SKIPPED: the published vectors are not here; set LOTABOTS_VECTORS to run this")
    return path


@pytest.fixture
def anyio_backend() -> str:
    """One event loop: the one that we run on."""
    return "asyncio"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says once, at the end, that the vectors were missing: a skip that nobody sees is a lie."""
    if _vectors() is None:
        terminalreporter.section("published vectors MISSING", red=True)
        terminalreporter.line(
            "The tests against real NVIDIA evidence were SKIPPED: no folder ../shared/vectors "
            "and LOTABOTS_VECTORS is not set."
        )
    if not any(map(shutil.which, ("redis-server", "valkey-server"))):
        terminalreporter.section("redis-server MISSING", red=True)
        terminalreporter.line(
            "The tests of rate limits in Redis were SKIPPED: install redis-server (with CI=true "
            "they fail instead)."
        )
    if not shutil.which("gcc"):
        terminalreporter.section("gcc MISSING", red=True)
        terminalreporter.line(
            "The tests of NVML were SKIPPED: install gcc, which builds their stub of its library "
            "(with CI=true they fail instead)."
        )

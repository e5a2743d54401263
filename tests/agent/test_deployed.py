"""How the agent is installed: its lock alone, its service, its image."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from plugins.installed import environment, run

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy" / "agent"
NOT_THE_AGENT_S = ("alembic", "asyncpg", "bcrypt", "litestar", "obstore", "sqlalchemy", "uvicorn")
LOOSEST = 2.0
"""Of `systemd-analyze security`, from 0 to 10: below 2 it calls a service OK or safe."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment that has the agent's lock and our wheel, and no more."""
    return environment(tmp_path_factory.mktemp("agent"), "requirements-agent.lock")


def test_the_agent_has_no_server_in_it_and_works(installed: Path, tmp_path: Path) -> None:
    probe = f"import importlib.util as u; print([n for n in {NOT_THE_AGENT_S} if u.find_spec(n)])"
    assert run(installed / "python", "-c", probe).stdout.strip() == "[]"
    agent = (installed / "lotabots", "agent")
    state = ("--state", tmp_path / "agent")
    status = run(*agent, "status", *state, ok=False)
    assert (status.returncode, "AGENT_NOT_ENROLLED" in status.stderr) == (4, True)
    doctor = run(*agent, "doctor", *state, "-o", "json", ok=False)
    assert (doctor.returncode, doctor.stderr) == (1, "")
    joined = run(*agent, "join", "lote_x@http://127.0.0.1:1", "--simulated", *state, ok=False)
    assert "ENROLMENT_TOKEN_INVALID" in joined.stderr


def test_the_base_install_says_what_the_agent_needs(tmp_path: Path) -> None:
    hidden = tmp_path / "structlog.py"
    hidden.write_text("raise ModuleNotFoundError('no', name='structlog')")
    environ = os.environ | {"PYTHONPATH": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-m", "lotabots", "agent", "status"],
        env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 2
    assert "lotabots[agent]" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that is here."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("SKIPPED: there is no systemd here")
    text = (DEPLOY / "lotabots-agent.service").read_text()
    path = tmp_path / "lotabots-agent.service"
    path.write_text(text.replace("/opt/lotabots/bin/lotabots", "/bin/true"))
    return path


def test_systemd_takes_the_unit(unit: Path) -> None:
    said = run("systemd-analyze", "verify", unit)
    assert said.stdout + said.stderr == ""


def test_the_service_is_shut_in(unit: Path) -> None:
    said = run("systemd-analyze", "security", "--offline=true", unit)
    [score] = re.findall(r"Overall exposure level for \S+: ([0-9.]+)", said.stdout + said.stderr)
    assert float(score) < LOOSEST


def test_the_image_has_the_agent_s_lock_a_user_without_rights_and_what_it_copies() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
    assert all((ROOT / name).exists() for line in copied for name in line.split())
    assert "requirements-agent.lock" in text
    assert "requirements-server" not in text
    assert re.search(r"^USER 65532:65532$", text, re.MULTILINE)
    assert "EXPOSE" not in text

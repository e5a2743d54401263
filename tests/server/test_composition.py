"""A server starts from nothing, serves what was asked for, stops cleanly and comes back."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
from plugins.database import DatabaseUrls

from lotabots.kernel import LotaError
from lotabots.reference import ReferenceSettings
from lotabots.runtime.web import WebSettings
from lotabots.server import NAMES, SERVICES, read_settings
from lotabots.server.services import chosen
from lotabots.server.settings import SECTIONS, data_directory

SERVE = """
import os, sys
from lotabots.server import read_settings, serve
def ready(server):
    print(server.url, server.admin_password, flush=True)
serve(sys.argv[1:], read_settings(os.environ), os.environ, ready=ready)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="lotabots-server-") as name:
        path = Path(name)
        path.chmod(0o711)
        yield path


def start(folder: Path, *names: str, **settings: str) -> "subprocess.Popen[str]":
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LOTA_")}
    environ |= {"LOTA_DATA_DIRECTORY": str(folder), "LOTA_WEB_PORT": "0"} | settings
    return subprocess.Popen(
        [sys.executable, "-c", SERVE, *(names or NAMES)],
        env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def ready(process: "subprocess.Popen[str]") -> tuple[str, str]:
    assert process.stdout is not None
    url, _, password = process.stdout.readline().strip().partition(" ")
    assert url.startswith("http://"), process.stderr and process.stderr.read()
    return url, password


def stop(process: "subprocess.Popen[str]", by: signal.Signals = signal.SIGTERM) -> str:
    process.send_signal(by)
    _, said = process.communicate(timeout=30)
    return said


def test_a_server_starts_from_an_empty_folder_stops_cleanly_and_comes_back(folder: Path) -> None:
    with start(folder) as process:
        url, password = ready(process)
        login = {"username": "admin", "password": password}
        assert httpx.post(f"{url}/v1/login", json=login, trust_env=False).status_code == 200
        assert httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
        stop(process)
        assert process.returncode == 0
    with start(folder) as process:
        url, again = ready(process)
        assert again == "None"  # the password is shown once
        assert httpx.post(f"{url}/v1/login", json=login, trust_env=False).status_code == 200
        stop(process, signal.SIGINT)
        assert process.returncode == 0


def test_a_server_that_is_killed_leaves_no_database_behind_and_comes_back(folder: Path) -> None:
    with start(folder) as process:
        ready(process)
        stop(process, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while (process := start(folder)).stdout:  # the old database may take a moment to end
        with process:
            if process.stdout and process.stdout.readline().startswith("http://"):
                stop(process)
                assert process.returncode == 0
                return
            process.wait(30)
        assert time.monotonic() < deadline


def test_a_process_serves_only_the_services_that_it_was_given(
    folder: Path, fresh_database_urls: DatabaseUrls
) -> None:
    with start(folder, "audit", LOTA_DATABASE_URL=fresh_database_urls.app) as process:
        url, password = ready(process)
        assert password == "None"
        assert httpx.get(f"{url}/v1/audit/entries", trust_env=False).status_code == 401
        assert httpx.get(f"{url}/v1/nodes", trust_env=False).status_code == 404
        stop(process)


def test_a_database_that_was_never_migrated_is_refused_with_a_code(
    folder: Path, fresh_database_urls: DatabaseUrls
) -> None:
    elsewhere = fresh_database_urls.app.replace("/test_", "/absent_")
    with start(folder, LOTA_DATABASE_URL=elsewhere) as process:
        _, said = process.communicate(timeout=30)
        assert process.returncode != 0
        assert "DATABASE_" in said


def test_a_process_with_another_keyring_key_than_the_first_is_refused_at_its_start(
    folder: Path, fresh_database_urls: DatabaseUrls
) -> None:
    (folder / "first").mkdir()
    (folder / "second").mkdir()
    with start(folder / "first", "identity", LOTA_DATABASE_URL=fresh_database_urls.app) as process:
        ready(process)
        stop(process)
    with start(folder / "second", "audit", LOTA_DATABASE_URL=fresh_database_urls.app) as process:
        _, said = process.communicate(timeout=30)
        assert process.returncode != 0
        assert "KEYRING_SEAL_BROKEN" in said


def test_there_is_one_section_for_each_name_and_each_can_be_set_by_the_environment() -> None:
    settings = read_settings({"LOTA_WEB_PORT": "1234", "LOTA_REFERENCE_TRUSTED_KEYS": "/x"})
    assert settings.section(WebSettings).port == 1234
    assert settings.section(ReferenceSettings).trusted_keys == "/x"
    assert {shown.name.partition(".")[0] for shown in settings.shown} == set(SECTIONS)


def test_a_name_that_is_no_setting_is_refused() -> None:
    with pytest.raises(LotaError, match="SETTINGS_INVALID"):
        read_settings({"LOTA_ATTESTATION_SIMULATED_ANCHOR": "typing mistake"})


def test_a_log_level_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(LotaError, match="debug, info, warning, error"):
        read_settings({"LOTA_LOG_LEVEL": "loud"})


def test_secrets_are_not_shown() -> None:
    settings = read_settings(
        {"LOTA_DATABASE_URL": "postgresql://secret", "LOTA_KEYRING_KEY": "k" * 9}
    )
    assert not [
        shown for shown in settings.shown if "secret" in shown.value or "kkk" in shown.value
    ]


def test_the_data_directory_is_the_setting_or_the_state_directory(folder: Path) -> None:
    given = read_settings({"LOTA_DATA_DIRECTORY": str(folder)})
    assert data_directory(given, {}) == folder
    assert data_directory(read_settings({}), {"HOME": "/home/x"}).name == "lotabots"


def test_services_have_one_name_each_and_unknown_ones_are_refused() -> None:
    assert len(set(NAMES)) == len(SERVICES)
    assert [plan.name for plan in chosen(["audit", "identity"])] == ["identity", "audit"]
    for names in ([], ["attestations"]):
        with pytest.raises(LotaError, match="SERVICE_UNKNOWN"):
            chosen(names)

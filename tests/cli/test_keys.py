"""`lotabots keys`: beside a running server and without one, on its own database or another."""

import base64
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
import httpx
import pytest
from plugins.database import DatabaseUrls
from plugins.own_server import server

from lotabots.server import run

Run = Callable[..., Any]


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="lotabots-keys-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


def listed(lotabots: Run, folder: Path) -> dict[tuple[str, str], str]:
    ran = lotabots("keys", "list", "--data", folder, "-o", "json")
    assert ran.status == 0, ran.err
    return {(key["purpose"], key["place"]): key["kid"] for key in ran.json}


def test_a_key_is_revoked_beside_a_running_server_which_then_refuses_what_it_signed(
    lotabots: Run, folder: Path
) -> None:
    with server(folder) as (url, password), httpx.Client(base_url=url, trust_env=False) as client:
        login = {"username": "admin", "password": password}
        token = client.post("/v1/login", json=login).json()["access_token"]
        caller = {"authorization": f"Bearer {token}"}
        assert client.get("/v1/me", headers=caller).status_code == 200
        before = listed(lotabots, folder)
        ran = lotabots(
            "keys", "revoke", "user-token", before["user-token", "current"], "--yes",
            "--data", folder,
        )  # fmt: skip
        assert ran.status == 0, ran.err
        deadline = time.monotonic() + 1
        while (status := client.get("/v1/me", headers=caller).status_code) == 200:
            assert time.monotonic() < deadline, "believed for more than a second"
        assert status == 401
        assert listed(lotabots, folder)["user-token", "current"] == before["user-token", "next"]
        token = client.post("/v1/login", json=login).json()["access_token"]
        caller = {"authorization": f"Bearer {token}"}
        page = client.get("/v1/audit/entries", headers=caller).json()
        verbs = {one["entry"]["verb"]: one["entry"] for one in page["entries"]}
        assert verbs["key.revoke"]["actor"] == "system"
        assert verbs["key.revoke"]["subject"] == "purpose:user-token"
        assert verbs["key.revoke"]["digests"] == {"current": before["user-token", "current"]}
    after = listed(lotabots, folder)  # on the database of the server that has stopped
    with server(folder):
        assert listed(lotabots, folder) == after


def test_without_an_installation_nothing_is_made(lotabots: Run, folder: Path) -> None:
    ran = lotabots("keys", "list", "--data", folder / "nothing")
    assert (ran.status, ran.out) == (4, "")
    assert "INSTALLATION_MISSING" in ran.err
    assert list(folder.iterdir()) == []


def test_keys_on_another_database_are_rotated_at_most_once_an_hour(
    lotabots: Run, fresh_database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setenv("LOTA_DATABASE_URL", fresh_database_urls.app)
    ran = lotabots("keys", "list", "--data", folder)
    assert (ran.status, "KEYRING_KEY_INVALID" in ran.err) == (4, True)  # a key is not made up
    monkeypatch.setenv("LOTA_KEYRING_KEY", "A" * 43 + "=")
    before = listed(lotabots, folder)
    again = lotabots("keys", "rotate", "user-token", "--data", folder)
    assert (again.status, "KEY_ROTATED_LATELY" in again.err) == (4, True)
    run(_age(fresh_database_urls.owner))
    ran = lotabots("keys", "rotate", "user-token", "--data", folder)
    assert ran.status == 0, ran.err
    after = listed(lotabots, folder)
    assert after["user-token", "previous"] == before["user-token", "current"]
    assert after["user-token", "current"] == before["user-token", "next"]
    monkeypatch.setenv("LOTA_KEYRING_KEY", base64.b64encode(bytes([1] * 32)).decode())
    ran = lotabots("keys", "revoke", "user-token", after["user-token", "next"], "--yes")
    assert (ran.status, "KEYRING_SEAL_BROKEN" in ran.err) == (4, True)


def test_a_purpose_or_a_kid_that_is_not_there_is_refused(
    lotabots: Run, fresh_database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setenv("LOTA_DATABASE_URL", fresh_database_urls.app)
    monkeypatch.setenv("LOTA_KEYRING_KEY", "A" * 43 + "=")
    ran = lotabots("keys", "rotate", "user-tokens", "--data", folder)
    assert (ran.status, "KEY_PURPOSE_UNKNOWN" in ran.err) == (4, True)
    ran = lotabots("keys", "revoke", "user-token", "x" * 43, "--yes", "--data", folder)
    assert (ran.status, "KEY_NOT_HELD" in ran.err) == (4, True)


def test_without_an_answer_nothing_is_revoked(
    lotabots: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    ran = lotabots("keys", "revoke", "user-token", "x" * 43, "--data", folder)
    assert ran.status == 130


async def _age(url: str) -> None:
    owner = await asyncpg.connect(url)
    await owner.execute("update runtime.signing_keys set placed_at = now() - interval '2 hours'")
    await owner.close()


def test_the_id_of_a_key_may_begin_with_a_dash(
    lotabots: Run, fresh_database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setenv("LOTA_DATABASE_URL", fresh_database_urls.app)
    monkeypatch.setenv("LOTA_KEYRING_KEY", "A" * 43 + "=")
    dashed = "-H" + "a" * 41
    ran = lotabots("keys", "revoke", "user-token", dashed, "--yes", "--data", folder)
    assert (ran.status, "KEY_NOT_HELD" in ran.err) == (4, True), ran.err

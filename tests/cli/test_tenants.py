"""`lotabots tenant`: beside a running server, with its own access to the database."""

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
from plugins.own_server import server

Run = Callable[..., Any]
PASSWORD = "staple otter window lamp"


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="lotabots-tenants-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


def test_a_tenant_is_made_listed_disabled_and_enabled_beside_a_running_server(
    lotabots: Run, folder: Path
) -> None:
    def tenant(*words: str) -> Any:
        return lotabots("tenant", *words, "--data", folder)

    login = {"username": "grace", "password": PASSWORD}
    with server(folder) as (url, _), httpx.Client(base_url=url, trust_env=False) as client:
        made = tenant("create", "acme", "--owner", "grace", "--email", "grace@example.org")
        assert (made.status, "acme was made" in made.err) == (0, True), made.err
        accepted = {"token": made.out.strip(), "password": PASSWORD}
        assert client.post("/v1/login/invitation", json=accepted).status_code == 204
        assert client.post("/v1/login", json=login).status_code == 200
        listed = tenant("list", "-o", "json")
        assert [(one["name"], one["disabled_at"]) for one in listed.json] == [
            ("acme", None),
            ("operator", None),
        ]
        assert "acme" in tenant("list").out
        disabled = tenant("disable", "acme", "--yes")
        assert (disabled.status, "kept out: 1." in disabled.err) == (0, True), disabled.err
        assert client.post("/v1/login", json=login).status_code == 401
        assert "disabled" in tenant("list").out
        assert tenant("enable", "acme").status == 0
        assert client.post("/v1/login", json=login).status_code == 200
        refused = tenant("create", "acme", "--owner", "other", "--email", "o@example.org")
        assert (refused.status, "TENANT_EXISTS" in refused.err) == (4, True), refused.err


def test_a_tenant_is_disabled_only_after_a_yes(lotabots: Run, folder: Path) -> None:
    ran = lotabots("tenant", "disable", "operator", "--data", folder)
    assert ran.status != 0
    assert "Keep everybody of operator out?" in ran.err

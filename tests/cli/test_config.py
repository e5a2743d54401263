"""`lotabots config`: what file and environment say here, and what a server has and is told."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from plugins.api import Servers
from plugins.process import MASTER_KEY, Tokens

from lotabots.kernel import OPERATOR_TENANT
from lotabots.runtime.database import Database
from lotabots.runtime.keyring import Keyring
from lotabots.runtime.web import TOKEN_PURPOSE

Run = Callable[..., Any]
KEY = "identity.token_seconds"


@pytest.fixture
def server(servers: Servers, monkeypatch: pytest.MonkeyPatch, lotabots: Run) -> Iterator[str]:
    """The address of identity, with the token of the operator's administrator at hand."""

    async def token() -> str:
        database = await Database.open(servers.database_url, connections=1)
        keys = await Keyring(database, MASTER_KEY).load(TOKEN_PURPOSE)
        await database.close()
        return Tokens(keys.current, OPERATOR_TENANT).token()

    monkeypatch.setenv("LOTABOTS_TOKEN", asyncio.run(token()))
    yield servers.url
    assert lotabots("config", "unset", KEY, "--server", servers.url).status == 0


def of(shown: list[dict[str, Any]], name: str) -> tuple[str, str]:
    return next((one["value"], one["origin"]) for one in shown if one["name"] == name)


def test_a_setting_is_shown_set_and_unset_on_a_server(lotabots: Run, server: str) -> None:
    def shown() -> tuple[str, str]:
        ran = lotabots("config", "show", "-o", "json", "--server", server)
        assert ran.status == 0, ran.err
        return of(ran.json, KEY)

    assert shown() == ("600", "default")
    ran = lotabots("config", "set", KEY, "240", "--server", server)
    assert (ran.status, ran.err) == (0, f"{KEY} is 240 (database).\n")
    assert shown() == ("240", "database")
    table = lotabots("config", "show", "--server", server).out
    assert "LOTA_KEYRING_KEY" in table
    assert "*****" in table
    ran = lotabots("config", "unset", KEY, "--server", server)
    assert (ran.status, ran.err) == (0, f"{KEY} is 600 (default).\n")
    assert shown() == ("600", "default")


def test_what_the_server_refuses_is_said_with_its_code(lotabots: Run, server: str) -> None:
    for key, value, code in (
        (KEY, "1", "SETTINGS_INVALID"),
        ("web.port", "1", "SETTING_FIXED"),
        ("../users", "1", "SETTING_UNKNOWN"),
    ):
        ran = lotabots("config", "set", key, value, "--server", server)
        assert ran.status == 4, ran.err
        assert code in ran.err or "ROUTE_UNKNOWN" in ran.err


def test_what_file_and_environment_say_here_is_shown_without_a_server(
    lotabots: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, secret = tmp_path / "lota.toml", tmp_path / "pepper"
    file.write_text('[log]\nlevel = "warning"\n')
    secret.write_text("p" * 40)
    monkeypatch.setenv("LOTA_WEB_PORT", "9000")
    monkeypatch.setenv("LOTA_IDENTITY_PEPPER_FILE", str(secret))
    ran = lotabots("config", "show", "--config", file, "-o", "json")
    assert ran.status == 0, ran.err
    assert of(ran.json, "log.level") == ("warning", str(file))
    assert of(ran.json, "web.port") == ("9000", "LOTA_WEB_PORT")
    assert of(ran.json, "identity.pepper")[1] == "LOTA_IDENTITY_PEPPER_FILE"
    assert of(ran.json, KEY) == ("600", "default")
    assert "pppp" not in ran.out

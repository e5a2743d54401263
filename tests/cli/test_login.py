"""`lotabots login` with a server that sees another address than its clients do."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from plugins.own_server import server

from lotabots.cli import kept_session

Run = Callable[..., Any]


def test_where_no_proof_can_hold_the_session_is_unbound_and_that_is_said(
    lotabots: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TemporaryDirectory(prefix="lotabots-login-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        monkeypatch.delenv("LOTABOTS_TOKEN", raising=False)
        elsewhere = {"LOTA_TOKEN_PUBLIC_URL": "https://lotabots.example.org"}
        with server(folder / "data", **elsewhere) as (url, password):
            words = ("login", "--username", "admin", "--server", url, "--password")
            ran = lotabots(*words, password)
            assert ran.status == 0, ran.err
            assert "The session is not bound to a key." in ran.err
            kept = kept_session.kept_for(url)
            assert kept is not None
            assert kept.key is None
            shown = lotabots("account", "sessions", "--server", url, "-o", "json")
            assert [one["bound"] for one in shown.json] == [False]
            assert "LOGIN_FAILED" in lotabots(*words, "not the password").err

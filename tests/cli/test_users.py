"""Users, keys and sessions from the command line, against servers that run."""

import asyncio
import base64
import csv
import io
import json
import stat
from typing import Any

import pytest
from click.testing import CliRunner, Result
from plugins.people import PASSWORD, People
from plugins.shell import Shell

from lotabots.cli import kept_session
from lotabots.cli.root import root
from lotabots.identity.codes import code_at, step_of
from lotabots.kernel import Role
from lotabots.runtime.clock import utc_now

pytestmark = pytest.mark.anyio

NEW = "staple otter window lamp"


def listed(text: str) -> dict[str, Any]:
    return {one["username"]: one for one in json.loads(text)}


async def test_tokens_and_keys_are_kept_for_this_user_only(shell: Shell) -> None:
    user = await shell.people.made()
    for way in ((), ("--bearer",)):
        await shell.done("login", "--username", user["username"], "--password", PASSWORD, *way)
        kept = [path for path in (shell.home / "lotabots").iterdir() if path.name != "lock"]
        assert {path.name for path in kept} == {"session", *(["token"] if way else [])}
        assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}
    assert stat.S_IMODE((shell.home / "lotabots").stat().st_mode) == 0o700


async def test_a_user_is_invited_and_logs_in(shell: Shell) -> None:
    grace = shell.named("grace")
    asked = ("--email", f"{grace}@b.org", "--role", "operator")
    token = await shell.done("user", "invite", grace, *asked)
    await shell.done("account", "accept", "--token", token, "--new-password", NEW)
    await shell.log_in(grace, NEW)
    assert await shell.refused("user", "list") == "PERMISSION_DENIED"


async def test_users_are_made_listed_changed_and_exported(shell: Shell) -> None:
    linus, batch = shell.named("linus"), shell.named("batch")
    made = await shell.add(linus, "viewer")
    await shell.add(batch, "service", "--no-password")
    await shell.done("user", "role", linus, "auditor")
    await shell.done("user", "disable", made)
    users = listed(await shell.done("user", "list", "-o", "json"))
    assert (users[linus]["role"], users[linus]["id"]) == ("auditor", made)
    assert users[linus]["disabled_at"] is not None
    assert list(listed(await shell.done("user", "list", "--disabled", "-o", "json"))) == [linus]
    assert linus in await shell.done("user", "list", "--role", "auditor")
    await shell.done("user", "enable", linus)
    assert json.loads(await shell.done("user", "show", linus))["disabled_at"] is None
    table = list(csv.DictReader(io.StringIO(await shell.done("user", "export", "--format", "csv"))))
    assert {one["username"] for one in table} >= {linus, batch}
    for nobody in (linus[:-1], f"{linus}-", "a", "zz"):
        assert await shell.refused("user", "show", nobody) == "USER_UNKNOWN"


async def test_a_password_is_reset_by_an_administrator(shell: Shell) -> None:
    linus = shell.named("linus")
    await shell.add(linus, "viewer")
    token = await shell.done("user", "reset", linus)
    await shell.done("account", "accept", "--token", token, "--new-password", NEW)
    await shell.log_in(linus, NEW)


async def test_a_key_is_made_used_and_revoked(shell: Shell) -> None:
    batch = shell.named("batch")
    await shell.add(batch, "service", "--no-password")
    key = await shell.done(
        *("key", "create", "nightly", "--user", batch, "--days", "7"),
        *("--permission", "node.read"),
    )
    assert await shell.refused("user", "list", LOTABOTS_TOKEN=key) == "PERMISSION_DENIED"
    [shown] = json.loads(await shell.done("key", "list", "--user", batch, "-o", "json"))
    assert (shown["name"], shown["permissions"]) == ("nightly", ["node.read"])
    assert shown["last_used_at"] is not None
    await shell.done("key", "revoke", shown["id"], "--user", batch)
    assert "revoked" in await shell.done("key", "list", "--user", batch)
    own = await shell.done("key", "create", "mine")
    assert len(listed(await shell.done("user", "list", "-o", "json", LOTABOTS_TOKEN=own))) == 2


async def test_a_session_is_refreshed_when_it_must_be_also_by_many_at_once(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = shell.environ["LOTABOTS_SERVER"]
    before = kept_session.kept_for(server)
    assert before is not None
    assert kept_session.is_fresh(before)
    file = shell.home / "lotabots" / "session"
    stale = json.loads(file.read_text()) | {"expires_at": 0}
    file.write_text(json.dumps(stale))
    command = [*("account", "sessions", "-o", "json")]
    results = [await shell.done(*command) for _ in range(2)]
    after = kept_session.kept_for(server)
    assert after is not None
    assert after.refresh_token != before.refresh_token
    assert kept_session.is_fresh(after)
    assert [len(json.loads(one)) for one in results] == [1, 1]
    assert kept_session.kept_for("http://elsewhere") is None


async def test_a_session_is_bound_to_a_key_that_is_kept_here_and_its_token_alone_is_worth_nothing(
    shell: Shell, people: People
) -> None:
    kept = kept_session.kept_for(shell.environ["LOTABOTS_SERVER"])
    assert kept is not None
    assert kept.key is not None
    assert not kept_session.token_file().exists()
    [session] = json.loads(await shell.done("account", "sessions", "-o", "json"))
    assert session["bound"]
    assert await shell.refused("account", "sessions", LOTABOTS_TOKEN=kept.access_token) == (
        "PROOF_ABSENT"
    )
    stolen = await people.refresh(kept.refresh_token)
    assert stolen.json()["code"] in {"REFRESH_REFUSED", "PROOF_ABSENT"}


async def test_a_script_may_have_a_session_whose_token_is_enough(shell: Shell) -> None:
    user = await shell.people.made()
    login = ("login", "--username", user["username"], "--password", PASSWORD)
    await shell.done(*login, "--bearer")
    token = kept_session.token_file().read_text()
    [session] = json.loads(
        await shell.done("account", "sessions", "-o", "json", LOTABOTS_TOKEN=token)
    )
    assert not session["bound"]
    await shell.done(*login)
    assert not kept_session.token_file().exists()


async def test_whoever_logs_out_is_out(shell: Shell) -> None:
    token = shell.home / "lotabots" / "session"
    assert token.exists()
    await shell.done("logout")
    assert not token.exists()
    assert await shell.refused("account", "sessions") == "TOKEN_ABSENT"
    async with shell.people.api.database.transaction(None) as tx:
        told = await tx.fetch_value("select count(*) from runtime.revoked_tokens")
    assert isinstance(told, int)
    assert told >= 1


async def test_sessions_of_a_user_are_seen_and_ended(shell: Shell, people: People) -> None:
    ada = await people.logged_in()
    [session] = json.loads(await shell.done("user", "sessions", ada.name, "-o", "json"))
    assert session["id"] == ada.tokens["session_id"]
    await shell.done("user", "sessions", ada.name, "--end")
    assert json.loads(await shell.done("user", "sessions", ada.name, "-o", "json")) == []


async def test_a_second_factor_is_put_in_force_asked_for_and_taken_away(
    shell: Shell, people: People
) -> None:
    user = await people.made(Role.VIEWER)
    await shell.log_in(user["username"])

    def asked(*words: str) -> Result:
        """The command, which is answered with the code of the secret that it shows."""
        runner = CliRunner(env=shell.environ)

        def prompt(*_: object, **__: object) -> str:
            return code_at(secrets[0], step_of(utc_now().timestamp()))

        secrets: list[bytes] = []

        def say(text: str) -> None:
            if text.startswith("Put this secret"):
                secrets.append(base64.b32decode(text.rpartition(" ")[2]))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("lotabots.cli.account.say", say)
            patch.setattr("click.prompt", prompt)
            return runner.invoke(root, words, standalone_mode=False)

    result = await asyncio.to_thread(asked, "account", "enable-codes", "--password", PASSWORD)
    assert result.exception is None, result.output
    recovery = result.stdout.split()
    assert len(recovery) == 10
    login = ("login", "--username", user["username"], "--password", PASSWORD)
    assert await shell.refused(*login, "--code", "000") == "LOGIN_CODE"
    await shell.done(*login, typed=f"{recovery[0]}\n")
    renewed = (await shell.done("account", "recovery-codes", "--code", recovery[1])).split()
    await shell.done("account", "disable-codes", "--code", renewed[0])
    await shell.done(*login)


async def test_one_gets_ones_data_and_an_erased_user_is_gone(shell: Shell, people: People) -> None:
    await shell.done("account", "consent", "newsletter", "--text-version", "v1")
    own = json.loads(await shell.done("account", "data"))
    assert [one["purpose"] for one in own["consents"]] == ["newsletter"]
    ada = await people.made()
    data = json.loads(await shell.done("user", "data", ada["username"]))
    assert data["user"]["id"] == ada["id"]
    await shell.done("user", "erase", ada["username"], "--reason", "letter 7", "--yes")
    assert await shell.refused("user", "show", ada["username"]) == "USER_UNKNOWN"


async def test_an_auditor_lists_users_and_sessions_without_what_an_auditor_may_not_see(
    shell: Shell, people: People
) -> None:
    ada, ivy = await people.logged_in(), await people.made(Role.AUDITOR)
    await shell.log_in(ivy["username"])
    seen = listed(await shell.done("user", "list", "-o", "json"))[ada.name]
    assert (seen["role"], seen["email"]) == ("viewer", None)
    assert ada.name in await shell.done("user", "list")
    assert "@b.org" not in await shell.done("user", "export", "--format", "csv")
    [session] = json.loads(await shell.done("user", "sessions", ada.name, "-o", "json"))
    assert session["address"] is None
    assert "password" in await shell.done("user", "sessions", ada.name)

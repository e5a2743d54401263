"""Commands run in this process as one user of a machine, against servers that run."""

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from plugins.people import PASSWORD, People

from lotabots.cli.root import root
from lotabots.kernel import LotaError, Role


class Shell:
    """Runs commands as one user of this machine."""

    def __init__(self, people: People, home: Path) -> None:
        self.people = people
        self.home = home
        self.environ = {
            "LOTABOTS_SERVER": people.api.servers.url,
            "LOTABOTS_TOKEN": "",
            "XDG_CONFIG_HOME": str(home),
        }

    async def run(self, *words: str, typed: str = "", **environ: str) -> Result:
        def invoked() -> Result:
            runner = CliRunner(env=self.environ | environ)
            return runner.invoke(root, words, input=typed, standalone_mode=False)

        return await asyncio.to_thread(invoked)

    async def done(self, *words: str, typed: str = "", **environ: str) -> str:
        result = await self.run(*words, typed=typed, **environ)
        assert result.exception is None, (words, result.output, result.exception)
        assert result.return_value in (None, 0), result.output
        return result.stdout.strip()

    async def refused(self, *words: str, **environ: str) -> str:
        result = await self.run(*words, **environ)
        assert isinstance(result.exception, LotaError), result.output
        return result.exception.code

    def named(self, name: str) -> str:
        """A name that no other test has."""
        return f"{name}{self.people.api.tenant.hex[:12]}"

    async def add(self, name: str, role: str, *words: str) -> str:
        """The id of a user that was made."""
        email = f"{name}@b.org"
        return await self.done(
            *("user", "add", name, "--email", email, "--role", role, *words),
            LOTABOTS_NEW_PASSWORD=PASSWORD,
        )

    async def log_in(self, name: str, password: str = PASSWORD) -> None:
        await self.done("login", "--username", name, "--password", password)


@pytest.fixture
async def shell(people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """The shell of an administrator who has logged in."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    shell = Shell(people, tmp_path)
    admin = await people.made(Role.ADMIN)
    await shell.log_in(admin["username"])
    return shell

"""`lotabots keys`: the keys that sign, listed, rotated and revoked by whoever runs the server."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TypeVar

import click

from lotabots.cli.installation import config_option, data_option, with_options
from lotabots.cli.output import Exit, output_option, print_json, print_table, say
from lotabots.kernel import format_time
from lotabots.server import Keys, attached, read_settings, run

T = TypeVar("T")


@click.group("keys")
def command() -> None:
    """The keys that sign user tokens, results and reference bundles.

    These commands open the database as the server does, with its settings and its keyring key: run
    them where it runs. They need no token, for the key of the tokens may be the one that leaked.
    """


@command.command("list")
@data_option
@config_option
@output_option
def list_keys(data: Path | None, config: Path | None, output: str) -> int:
    """Each key by purpose: the previous, the current and the next one. All are published."""
    keys = _with_keys(data, config, lambda keys: keys.listed())
    if output == "json":
        print_json(keys)
        return Exit.OK
    rows = [(key.purpose, key.place, key.kid, format_time(key.placed_at)) for key in keys]
    print_table(["purpose", "place", "kid", "since"], rows)
    return Exit.OK


@command.command("rotate")
@click.argument("purposes", metavar="PURPOSE...", nargs=-1, required=True)
@data_option
@config_option
def rotate(purposes: tuple[str, ...], data: Path | None, config: Path | None) -> int:
    """Let the next key sign from now on. Nobody is refused: what the current one signed holds on.

    At most once an hour, so that what the previous key signed has expired when it goes.
    """

    async def all_of_them(keys: Keys) -> None:
        for purpose in purposes:
            await keys.rotate(purpose)
            say(f"{purpose}: the next key signs now.")

    _with_keys(data, config, all_of_them)
    return Exit.OK


# The id of a key is base64url: it may begin with a dash.
@command.command("revoke", context_settings={"ignore_unknown_options": True})
@click.argument("purpose")
@click.argument("kid")
@click.option("--yes", is_flag=True, help="Do not ask.")
@data_option
@config_option
def revoke(purpose: str, kid: str, yes: bool, data: Path | None, config: Path | None) -> int:
    """Throw away a key that is compromised. Whatever it signed is refused within a second."""
    if not yes:
        click.confirm(f"Refuse everything that {kid} signed?", abort=True, err=True)
    place = _with_keys(data, config, lambda keys: keys.revoke(purpose, kid))
    follows = "; the next key signs now" if place == "current" else ""
    say(f"{purpose}: the {place} key is gone{follows}.")
    return Exit.OK


def _with_keys(
    data: Path | None, config: Path | None, act: Callable[[Keys], Coroutine[object, object, T]]
) -> T:
    environ = with_options(data)

    async def main() -> T:
        async with attached(read_settings(environ, file=config), environ) as found:
            keys = Keys(found.database, found.keyring)
            return await act(keys)

    return run(main())

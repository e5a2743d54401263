"""`lotabots tenant`: the tenants of an installation, made and disabled by whoever runs it."""

from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import click

from lotabots.cli.installation import config_option, data_option, with_options
from lotabots.cli.output import Exit, output_option, print_json, print_table, say
from lotabots.identity import IdentitySettings, Tenants
from lotabots.kernel import format_time
from lotabots.server import attached, read_settings, run

T = TypeVar("T")


@click.group("tenant")
def command() -> None:
    """The tenants of an installation: who shares its servers, and sees nothing of each other.

    These commands open the database as the server does, with its settings and its keyring key: run
    them where it runs. No token lets anybody do this, for every user belongs to one tenant.
    """


@command.command("create")
@click.argument("name")
@click.option("--owner", required=True, help="User name of the first owner; no other has it yet.")
@click.option("--email", required=True, help="The owner's.")
@data_option
@config_option
def create(name: str, owner: str, email: str, data: Path | None, config: Path | None) -> int:
    """Make a tenant and its first owner, who chooses a password with the token that is printed."""
    made = _with_tenants(data, config, lambda tenants: tenants.create(name, owner, email))
    say(f"The tenant {name} was made: {made.tenant.id}. Its owner {owner} sets a password, once,")
    say(f"until {format_time(made.owner.expires_at)}, with `lotabots account accept`:")
    click.echo(made.owner.token)
    return Exit.OK


@command.command("list")
@data_option
@config_option
@output_option
def list_tenants(data: Path | None, config: Path | None, output: str) -> int:
    """Every tenant, by name."""
    found = _with_tenants(data, config, lambda tenants: tenants.listed())
    if output == "json":
        print_json(found)
        return Exit.OK
    rows = [
        (one.name, format_time(one.created_at), "disabled" if one.disabled_at else "", str(one.id))
        for one in found
    ]
    print_table(("tenant", "made", "", "id"), rows)
    return Exit.OK


@command.command("disable")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@data_option
@config_option
def disable(name: str, yes: bool, data: Path | None, config: Path | None) -> int:
    """Keep everybody of a tenant out: sessions end, API keys are revoked, the data stays."""
    if not yes:
        click.confirm(f"Keep everybody of {name} out?", abort=True, err=True)
    count = _with_tenants(data, config, lambda tenants: tenants.disable(name))
    say(f"{name} is disabled. Users that this kept out: {count}.")
    return Exit.OK


@command.command("enable")
@click.argument("name")
@data_option
@config_option
def enable(name: str, data: Path | None, config: Path | None) -> int:
    """Let those in again who were disabled with the tenant. API keys stay revoked."""
    count = _with_tenants(data, config, lambda tenants: tenants.enable(name))
    say(f"{name} is enabled. Users that may log in again: {count}.")
    return Exit.OK


def _with_tenants(
    data: Path | None, config: Path | None, act: Callable[[Tenants], Coroutine[object, object, T]]
) -> T:
    environ = with_options(data)

    async def main() -> T:
        async with attached(read_settings(environ, file=config), environ) as found:
            hours = found.settings.section(IdentitySettings).invitation_hours
            return await act(Tenants(found.database, found.keyring, timedelta(hours=hours)))

    return run(main())

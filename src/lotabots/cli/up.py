"""`lotabots up`: everything in one process, on a database of its own unless one is given."""

import os
from pathlib import Path

import click

from lotabots.cli.output import Exit, say
from lotabots.server import Running, read_settings
from lotabots.server import up as serve_everything

data_option = click.option(
    "--data", type=Path, help="Where data is kept. Default: the user's state directory."
)
config_option = click.option("--config", type=Path, help="A TOML file of settings.")
host_option = click.option("--host", help="Address to listen on. Default: 127.0.0.1.")
port_option = click.option("--port", type=click.IntRange(0, 65535), help="Default: 8470.")


@click.command("up")
@data_option
@config_option
@host_option
@port_option
def command(data: Path | None, config: Path | None, host: str | None, port: int | None) -> int:
    """Serve everything in one process. The first start makes an administrator and says so."""
    environ = with_options(data, host, port)
    serve_everything(read_settings(environ, file=config), environ, ready=announce)
    return Exit.OK


def with_options(data: Path | None, host: str | None, port: int | None) -> dict[str, str]:
    """The environment with the options of the command line put over it."""
    given = {"LOTA_DATA_DIRECTORY": data, "LOTA_WEB_HOST": host, "LOTA_WEB_PORT": port}
    put = {name: str(value) for name, value in given.items() if value is not None}
    return dict(os.environ) | put


def announce(server: Running) -> None:
    """Says where it answers, and once the first administrator's password."""
    say(f"LotaBots answers at {server.url} (API: {server.url}/openapi.json). Stop it with Ctrl-C.")
    if server.admin_password is not None:
        say("The first administrator was made. This password is not shown again:")
        say(f"  username  admin\n  password  {server.admin_password}")

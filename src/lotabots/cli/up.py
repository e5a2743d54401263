"""`lotabots up`: everything in one process, on a database of its own unless one is given."""

from pathlib import Path

import click

from lotabots.cli.installation import (
    config_option,
    data_option,
    host_option,
    port_option,
    with_options,
)
from lotabots.cli.output import Exit, say
from lotabots.server import Running, read_settings
from lotabots.server import up as serve_everything


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


def announce(server: Running) -> None:
    """Says where it answers, and once the first administrator's password."""
    say(f"LotaBots answers at {server.url} (API: {server.url}/openapi.json). Stop it with Ctrl-C.")
    if server.admin_password is not None:
        say("The first administrator was made. This password is not shown again:")
        say(f"  username  admin\n  password  {server.admin_password}")

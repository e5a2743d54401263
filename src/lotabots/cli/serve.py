"""`lotabots serve SERVICE...`: some of the services, as a process of their own."""

from pathlib import Path

import click

from lotabots.cli.installation import (
    config_option,
    data_option,
    host_option,
    port_option,
    with_options,
)
from lotabots.cli.output import Exit
from lotabots.cli.up import announce
from lotabots.server import EVERYTHING, read_settings
from lotabots.server import serve as serve_services


@click.command("serve")
@click.argument(
    "services", type=click.Choice(EVERYTHING), nargs=-1, required=True, metavar="SERVICE..."
)
@data_option
@config_option
@host_option
@port_option
def command(
    services: tuple[str, ...],
    data: Path | None,
    config: Path | None,
    host: str | None,
    port: int | None,
) -> int:
    """Serve these services: gateway, identity, attestation, watch, reference, audit.

    The gateway passes on what it does not serve itself to the addresses in LOTA_GATEWAY_SERVICES.
    Processes that belong together share a database (LOTA_DATABASE_URL) and the keyring's key.
    """
    environ = with_options(data, host, port)
    serve_services(services, read_settings(environ, file=config), environ, ready=announce)
    return Exit.OK

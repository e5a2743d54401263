"""The options that say which installation is meant: its data, its settings, where it listens."""

import os
from pathlib import Path

import click

data_option = click.option(
    "--data", type=Path, help="Where data is kept. Default: the user's state directory."
)
config_option = click.option("--config", type=Path, help="A TOML file of settings.")
host_option = click.option("--host", help="Address to listen on. Default: 127.0.0.1.")
port_option = click.option("--port", type=click.IntRange(0, 65535), help="Default: 8470.")


def with_options(
    data: Path | None, host: str | None = None, port: int | None = None
) -> dict[str, str]:
    """The environment with the options of the command line put over it."""
    given = {"LOTA_DATA_DIRECTORY": data, "LOTA_WEB_HOST": host, "LOTA_WEB_PORT": port}
    put = {name: str(value) for name, value in given.items() if value is not None}
    return dict(os.environ) | put

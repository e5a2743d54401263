"""`lotabots config`: every setting with its origin, and those that can change at run time."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import click
import msgspec

from lotabots.cli.client import connect, server_option
from lotabots.cli.installation import config_option, with_options
from lotabots.cli.output import Exit, output_option, print_json, print_table, say


class Setting(msgspec.Struct):
    """A setting as the server shows it."""

    name: str
    value: str
    origin: str
    changeable: bool


@click.group("config")
def command() -> None:
    """The settings of an installation."""


@command.command("show")
@click.option("--local", is_flag=True, help="What file and environment say here; asks no server.")
@config_option
@output_option
@server_option
def show(local: bool, config: Path | None, output: str, server: str) -> int:
    """Each setting with its value and origin: default, file, variable, or database.

    The server's answer is that of the process which serves identity. Secrets are stars.
    """
    settings = _local(config) if local or config is not None else _served(server)
    if output == "json":
        print_json(settings)
        return Exit.OK
    rows = [
        (one.name, one.value, one.origin, "at run time" if one.changeable else "")
        for one in settings
    ]
    print_table(["setting", "value", "origin", "changeable"], rows)
    return Exit.OK


@command.command("set")
@click.argument("key")
@click.argument("value")
@server_option
def set_value(key: str, value: str, server: str) -> int:
    """Give a setting another value in every process, within a second."""
    with connect(server) as client:
        _say(client.put(f"/v1/config/{quote(key, safe='')}", {"value": value}))
    return Exit.OK


@command.command("unset")
@click.argument("key")
@server_option
def unset_value(key: str, server: str) -> int:
    """Give a setting its value of file, environment or default again."""
    with connect(server) as client:
        _say(client.delete(f"/v1/config/{quote(key, safe='')}"))
    return Exit.OK


def _say(answer: bytes) -> None:
    setting = msgspec.json.decode(answer, type=Setting)
    say(f"{setting.name} is {setting.value} ({setting.origin}).")


def _served(server: str) -> list[Setting]:
    with connect(server) as client:
        return msgspec.json.decode(client.get("/v1/config"), type=list[Setting])


def _local(config: Path | None) -> Sequence[Setting]:
    from lotabots.server import read_settings

    shown = read_settings(with_options(None), file=config).shown
    return [Setting(one.name, one.value, one.origin, one.changeable) for one in shown]

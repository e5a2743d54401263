"""A group whose commands are imported when they are called."""

import importlib
from collections.abc import Mapping
from typing import ClassVar

import click

from lotabots.cli.output import needs_server


class Lazy(click.Group):
    """A group whose commands are imported when they are called: start-up stays light."""

    LOADS: ClassVar[Mapping[str, tuple[str, str]]] = {}
    """The name of each command, with its module and its words in `--help`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Names of all commands."""
        return sorted(self.LOADS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, imported now; None where there is none."""
        if cmd_name not in self.LOADS:
            return None
        module, _ = self.LOADS[cmd_name]
        try:
            command = importlib.import_module(module).command
        except ModuleNotFoundError as error:
            ctx.exit(needs_server(" ".join([*ctx.command_path.split()[1:], cmd_name]), error))
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}.command is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list of commands in `--help`, from words kept here: no command is imported for it."""
        rows = [(name, words) for name, (_, words) in sorted(self.LOADS.items())]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

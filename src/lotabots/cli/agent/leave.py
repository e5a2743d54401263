"""`lotabots agent leave`: this machine forgets that it was a node."""

from pathlib import Path

import click

from lotabots.agent import State
from lotabots.cli.agent.options import config_option, settings_of, state_option
from lotabots.cli.output import Exit, say


@click.command("leave")
@click.option("--yes", is_flag=True, help="Do not ask.")
@state_option
@config_option
def command(yes: bool, state: Path | None, config: Path | None) -> int:
    """Forget session key, credential and attestation key of this machine.

    The server is not told: to it the node falls silent, and its devices stay pinned to it until an
    operator frees them.
    """
    folder = State(settings_of(state=state, config=config).folder)
    with folder.alone():
        try:
            kept = folder.read()
        except OSError:
            kept = None
        name = "this node" if kept is None else f"{kept.name} ({kept.node})"
        if not yes:
            click.confirm(f"Forget key and credential of {name}?", abort=True, err=True)
        folder.forget()
    say(f"Forgotten. An operator ends the node itself: lotabots node revoke {name}")
    return Exit.OK

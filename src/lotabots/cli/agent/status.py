"""`lotabots agent status`: who this machine is to its server, and how it last fared."""

from datetime import datetime
from pathlib import Path

import click

from lotabots.agent import Kept, State, Status
from lotabots.cli.agent.options import config_option, settings_of, state_option
from lotabots.cli.output import EXIT_OF, Exit, output_option, paint, print_json


@click.command("status")
@state_option
@config_option
@output_option
def command(state: Path | None, config: Path | None, output: str) -> int:
    """Show the node, its credential and its newest verdict; asks no server.

    Exit codes: that of the verdict; 3 where there is none yet, or where the agent has failed since.
    """
    folder = State(settings_of(state=state, config=config).folder)
    kept, status = folder.enrolled(), folder.status()
    if output == "json":
        print_json(_document(kept, status))
    else:
        _show(kept, status)
    if status is None or status.outcome is None or status.error is not None:
        return Exit.INCONCLUSIVE
    return EXIT_OF[status.outcome]


def _document(kept: Kept, status: Status | None) -> dict[str, object]:
    return {
        "node": kept.node,
        "name": kept.name,
        "server": kept.url,
        "identity": kept.identity,
        "simulated": kept.simulation is not None,
        "credential_expires_at": kept.expires_at,
        "status": status,
    }


def _show(kept: Kept, status: Status | None) -> None:
    word = "  SIMULATED" if kept.simulation else ""
    click.echo(f"{kept.name}  {kept.node}{word}")
    click.echo(f"server      {kept.url}\nidentity    {kept.identity}")
    click.echo(f"credential  until {_time(kept.expires_at)}")
    if status is None:
        click.echo("verdict     none yet")
        return
    if status.outcome is not None:
        reason = f"  {status.reason}" if status.reason else ""
        click.echo(f"verdict     {paint(status.outcome)}{reason}  at {_time(status.judged_at)}")
    if status.error is not None:
        click.echo(f"since then  {status.failures} failures, last {status.error}")
    if status.next_at is not None:
        click.echo(f"next        {_time(status.next_at)}")


def _time(moment: datetime | None) -> str:
    return "unknown" if moment is None else moment.isoformat(timespec="seconds")

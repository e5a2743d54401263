"""`lotabots agent doctor`: what the agent needs here, and how to mend what it lacks."""

from pathlib import Path

import click

from lotabots.agent import look
from lotabots.cli.agent.options import config_option, settings_of, state_option, tcti_option
from lotabots.cli.doctor import report
from lotabots.cli.output import output_option


@click.command("doctor")
@state_option
@tcti_option
@config_option
@output_option
def command(state: Path | None, tcti: str | None, config: Path | None, output: str) -> int:
    """Look at TPM, GPUs, clock, server and credential, as the user that the agent runs as."""
    return report(look(settings_of(state=state, config=config, tcti=tcti)), output)

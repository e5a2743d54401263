"""`lotabots model rollback`: a stage goes back to a version that it has had."""

import click

from lotabots.cli.client import server_option
from lotabots.cli.model.promote import moved
from lotabots.cli.model.served import model_argument, stage_option
from lotabots.cli.output import output_option


@click.command("rollback")
@model_argument
@stage_option
@output_option
@server_option
def command(model: str, stage: str, output: str, server: str) -> int:
    """Give a stage MODEL back, which it has had before, accepted, and approved for that.

    MODEL is a digest or ORG/NAME@VERSION. The approval is one of its own: `approve --rollback`.
    """
    return moved(model, stage, "rollback", output, server)

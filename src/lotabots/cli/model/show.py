"""`lotabots model show`: everything that a server knows of one model."""

import click
import msgspec

from lotabots.cli.client import connect, server_option
from lotabots.cli.model.served import Model, found, model_argument
from lotabots.cli.model.verdicts import print_model
from lotabots.cli.output import EXIT_OF, Exit, output_option


@click.command("show")
@model_argument
@output_option
@server_option
def command(model: str, output: str, server: str) -> int:
    """Show MODEL: verdict, signers, findings, files, approvals, moves, and where it runs.

    MODEL is a digest or ORG/NAME@VERSION. The exit code is that of its newest verdict, 3 without.
    """
    with connect(server) as client:
        answer = client.get(f"/v1/models/{found(client, model)}")
    shown = msgspec.json.decode(answer, type=Model)
    if output == "json":
        click.echo(answer.decode())
    else:
        print_model(shown)
    return EXIT_OF[shown.outcome] if shown.outcome else Exit.INCONCLUSIVE

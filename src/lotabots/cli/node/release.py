"""`lotabots node release`: the end of a quarantine."""

import click

from lotabots.cli.client import server_option
from lotabots.cli.node.changing import change, reason_option
from lotabots.cli.node.served import node_argument
from lotabots.cli.output import output_option


@click.command("release")
@node_argument
@reason_option
@output_option
@server_option
def command(node: str, reason: str, output: str, server: str) -> int:
    """Put NODE back into service: it is as good as its next attestation."""
    return change(node, "release", reason, output, server)

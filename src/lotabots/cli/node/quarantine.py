"""`lotabots node quarantine`: a node out of service until it is released."""

import click

from lotabots.cli.client import server_option
from lotabots.cli.node.changing import change, reason_option
from lotabots.cli.node.served import node_argument
from lotabots.cli.output import output_option


@click.command("quarantine")
@node_argument
@reason_option
@output_option
@server_option
def command(node: str, reason: str, output: str, server: str) -> int:
    """Take NODE out of service: it is rejected whatever it shows, and its results are taken back.

    It can go on attesting; `lotabots node release` ends it.
    """
    return change(node, "quarantine", reason, output, server)

"""`lotabots node revoke`: the end of a node."""

import click

from lotabots.cli.client import server_option
from lotabots.cli.node.changing import change, reason_option
from lotabots.cli.node.served import node_argument
from lotabots.cli.output import output_option, printable


@click.command("revoke")
@node_argument
@reason_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@output_option
@server_option
def command(node: str, reason: str, yes: bool, output: str, server: str) -> int:
    """End NODE for good: its credential, its results, and every renewal.

    Its devices stay pinned to it until they are freed with `lotabots node devices remove`; then the
    machine can enrol again, as another node.
    """
    if not yes:
        click.confirm(f"End {printable(node)} for good?", abort=True, err=True)
    return change(node, "revoke", reason, output, server)

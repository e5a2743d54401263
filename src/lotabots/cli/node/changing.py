"""What the commands share that change a node's life: they say why, and show what came of it."""

import click

from lotabots.cli.client import connect
from lotabots.cli.node.served import node_id, print_node, read_node
from lotabots.cli.output import Exit

reason_option = click.option(
    "--reason", required=True, help="Why: it stands in the audit log and in `lotabots why`."
)


def change(node: str, what: str, reason: str, output: str, server: str) -> int:
    """Has the server do this to the node, and prints the node."""
    with connect(server) as client:
        answer = client.post(f"/v1/nodes/{node_id(client, node)}/{what}", {"reason": reason})
    if output == "json":
        click.echo(answer.decode())
    else:
        print_node(read_node(answer))
    return Exit.OK

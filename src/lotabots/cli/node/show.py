"""`lotabots node show`: one node, how it stands and what it is."""

import click

from lotabots.cli.client import connect, server_option
from lotabots.cli.node.served import node_argument, node_id, print_node, read_node
from lotabots.cli.output import EXIT_OF, Exit, output_option


@click.command("show")
@node_argument
@output_option
@server_option
def command(node: str, output: str, server: str) -> int:
    """Show NODE with its devices.

    The exit code is that of its standing: 0 accepted, 1 rejected, 3 anything else.
    """
    with connect(server) as client:
        answer = client.get(f"/v1/nodes/{node_id(client, node)}")
    shown = read_node(answer)
    if output == "json":
        click.echo(answer.decode())
    else:
        print_node(shown)
    return EXIT_OF.get(shown.standing, Exit.INCONCLUSIVE)

"""`lotabots node watch`: what happens to a node, as it happens."""

import click
import msgspec

from lotabots.cli.client import connect, server_option
from lotabots.cli.following import Event, Page, followed, line_of
from lotabots.cli.node.served import STANDINGS, node_argument, node_id, print_node, read_node
from lotabots.cli.output import EXIT_OF, Exit, output_option


@click.command("watch")
@node_argument
@click.option("--until", type=click.Choice(STANDINGS), help="End once it stands so.")
@output_option
@server_option
def command(node: str, until: str | None, output: str, server: str) -> int:
    """Show NODE, then follow what happens to it, until you interrupt it. -o json: a line each.

    With --until the exit code is that of the standing: 0 accepted, 1 rejected, 3 anything else.
    """
    with connect(server) as client:
        ref = node_id(client, node)
        # Asked for before the node: what happens between is told, and not missed.
        page = msgspec.json.decode(client.get("/v1/events", node=ref, limit=1), type=Page)
        answer = client.get(f"/v1/nodes/{ref}")
    if output == "json":
        click.echo(answer.decode())
    else:
        print_node(read_node(answer))
    if until is not None and read_node(answer).standing == until:
        return EXIT_OF.get(until, Exit.INCONCLUSIVE)
    for data in followed(server, page.next, node=ref):
        event = msgspec.json.decode(data, type=Event)
        click.echo(data.decode() if output == "json" else line_of(event))
        if until is not None and event.data.get("after") == until:
            return EXIT_OF.get(until, Exit.INCONCLUSIVE)
    return Exit.OK

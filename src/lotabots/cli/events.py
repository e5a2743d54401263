"""`lotabots events`: what happened to nodes, the newest of it, and what happens from now on."""

import click
import msgspec

from lotabots.cli.client import connect, server_option
from lotabots.cli.following import Event, Page, followed, line_of
from lotabots.cli.node.served import node_id
from lotabots.cli.output import Exit, output_option, say


class _RawPage(msgspec.Struct):
    items: list[msgspec.Raw]


@click.command("events")
@click.option("--follow", is_flag=True, help="Go on with what happens, until interrupted.")
@click.option("--node", help="Only of this node, by name or id.")
@click.option("--kind", "kinds", multiple=True, help="Only of this kind; may be repeated.")
@click.option("--after", help="From behind this position; 0-0 is before all that is kept.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@output_option
@server_option
def command(
    follow: bool,
    node: str | None,
    kinds: tuple[str, ...],
    after: str | None,
    limit: int,
    output: str,
    server: str,
) -> int:
    """Show what happened: the newest, or what came after a position.

    With --follow every event is told once, also across restarts of the server. -o json: the page as
    one document; with --follow one event a line.
    """
    with connect(server) as client:
        of_node = None if node is None else node_id(client, node)
        kind = ",".join(kinds) or None
        answer = client.get("/v1/events", node=of_node, kind=kind, after=after, limit=limit)
    page = msgspec.json.decode(answer, type=Page)
    if output == "json" and not follow:
        click.echo(answer.decode())
        return Exit.OK
    if output == "json":
        for one in msgspec.json.decode(answer, type=_RawPage).items:
            click.echo(bytes(one).decode())
    else:
        for event in page.items:
            click.echo(line_of(event, with_node=node is None))
    if not follow:
        if not page.items:
            say("Nothing has happened that is kept.")
        say(f"More: --after {page.next}")
        return Exit.OK
    for data in followed(server, page.next, node=of_node, kind=kind):
        if output == "json":
            click.echo(data.decode())
        else:
            click.echo(line_of(msgspec.json.decode(data, type=Event), with_node=node is None))
    return Exit.OK

"""`lotabots node list`: the nodes of a server by name, each as it stands now."""

import click
import msgspec

from lotabots.cli.client import connect, server_option
from lotabots.cli.node.served import STANDINGS, Node, NodePage, seen
from lotabots.cli.output import Exit, output_option, paint, print_table, printable, say


@click.command("list")
@click.option("--standing", type=click.Choice(STANDINGS), help="Only those that stand so.")
@click.option("--class", "node_class", help="Only those of this class.")
@click.option("--lifecycle", type=click.Choice(["active", "quarantined", "revoked"]))
@click.option("--identity", type=click.Choice(["declared", "software", "tee", "tpm"]))
@click.option("--limit", type=click.IntRange(1, 500), default=100, show_default=True)
@click.option("--after", help="The name that the page before ended with.")
@output_option
@server_option
def command(
    standing: str | None,
    node_class: str | None,
    lifecycle: str | None,
    identity: str | None,
    limit: int,
    after: str | None,
    output: str,
    server: str,
) -> int:
    """List nodes by name."""
    with connect(server) as client:
        answer = client.get(
            "/v1/nodes",
            standing=standing,
            node_class=node_class,
            lifecycle=lifecycle,
            identity=identity,
            limit=limit,
            after=after,
        )
    if output == "json":
        click.echo(answer.decode())
        return Exit.OK
    page = msgspec.json.decode(answer, type=NodePage)
    print_table(
        ["node", "standing", "heard", "identity", "level", "class", "id"], map(_row, page.items)
    )
    if not page.items and after is None:
        say("There is no such node: lotabots node enroll")
    if page.next:
        say(f"More: --after {printable(page.next)}")
    return Exit.OK


def _row(node: Node) -> tuple[str, ...]:
    standing = paint(node.standing)
    if node.lifecycle != "active":
        standing += f" ({node.lifecycle})"
    level = f"{node.level} SIMULATED" if node.simulated else node.level or ""
    return (
        printable(node.name),
        standing,
        seen(node),
        node.identity,
        level,
        node.node_class,
        node.id,
    )

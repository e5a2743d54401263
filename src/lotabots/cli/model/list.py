"""`lotabots model list`: the models of a server, newest first."""

import click
import msgspec

from lotabots.cli.client import connect, server_option
from lotabots.cli.model.served import Page
from lotabots.cli.output import Exit, output_option, paint, print_table, say


@click.command("list")
@click.option("--name", help="Only versions of ORGANISATION/NAME.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@click.option("--after", help="The cursor that the page before ended with.")
@output_option
@server_option
def command(name: str | None, limit: int, after: str | None, output: str, server: str) -> int:
    """List registered models with their verdicts and the stages that have them."""
    with connect(server) as client:
        answer = client.get("/v1/models", name=name, limit=limit, after=after)
    if output == "json":
        click.echo(answer.decode())
        return Exit.OK
    page = msgspec.json.decode(answer, type=Page)
    rows = [
        (
            one.name,
            one.version,
            paint(one.outcome) if one.outcome else "not judged",
            ", ".join(one.stages),
            one.digest,
        )
        for one in page.items
    ]
    print_table(["name", "version", "verdict", "stages", "digest"], rows)
    if not rows:
        say("No model is registered here: lotabots model register PATH")
    if page.next:
        say(f"More: --after {page.next}")
    return Exit.OK

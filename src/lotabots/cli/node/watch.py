"""`lotabots node watch`: what happens to a node, as it happens."""

import time
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlencode

import click
import msgspec

from lotabots.cli.client import Client, connect, server_option
from lotabots.cli.node.served import STANDINGS, node_argument, node_id, print_node, read_node
from lotabots.cli.output import COLOUR_OF, EXIT_OF, Exit, output_option, paint, printable, say
from lotabots.kernel import Kind, LotaError

AGAIN_SECONDS = 1.0
"""How long after its end, or a failure, the stream is asked for again."""


class Event(msgspec.Struct):
    """What is printed of an event."""

    position: str
    at: datetime
    kind: str
    data: dict[str, str | int | None]


class Page(msgspec.Struct):
    """Where the events of a node stand."""

    next: str


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
    for data in _followed(server, ref, page.next):
        event = msgspec.json.decode(data, type=Event)
        click.echo(data.decode() if output == "json" else _line(event))
        if until is not None and event.data.get("after") == until:
            return EXIT_OF.get(until, Exit.INCONCLUSIVE)
    return Exit.OK


def _followed(server: str, node: str, position: str) -> Iterator[bytes]:
    """The node's events from behind this position on, whatever happens to the line."""
    lost = False
    while True:
        try:
            with connect(server) as client:
                for data in _events(client, node, position):
                    lost = False
                    position = msgspec.json.decode(data, type=Event).position
                    yield data
        except LotaError as error:
            if error.kind is not Kind.UNAVAILABLE:
                raise
            if not lost:
                say(f"{error.code}: {error.detail}; trying again")
            lost = True
        time.sleep(AGAIN_SECONDS)


def _events(client: Client, node: str, position: str) -> Iterator[bytes]:
    return client.events(f"/v1/events?{urlencode({'node': node, 'after': position})}")


def _line(event: Event) -> str:
    """One event for a person."""
    told = []
    for name, value in event.data.items():
        text = printable(str(value))
        if name == "before":
            continue
        if name == "after":
            before = event.data.get("before")
            told.append(f"{_painted(before)} -> {_painted(value)}")
        elif value is not None:
            told.append(text if name in ("code", "reason") else f"{name} {text}")
    return f"{event.at:%H:%M:%S}  {event.kind:<18} {'  '.join(told)}".rstrip()


def _painted(standing: str | int | None) -> str:
    text = str(standing)
    return paint(text) if text in COLOUR_OF else printable(text)

"""`lotabots node`: one node of a server, and what it says of itself."""

import click

from lotabots.cli.lazy import Lazy

COMMANDS: dict[str, tuple[str, str]] = {
    "resources": ("lotabots.cli.node.resources", "Show what a node says of its resources."),
}


class Node(Lazy):
    """The commands about nodes."""

    LOADS = COMMANDS


@click.group("node", cls=Node)
def command() -> None:
    """Look at the nodes of a server (--server, after `lotabots login`)."""

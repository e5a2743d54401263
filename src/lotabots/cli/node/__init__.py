"""`lotabots node`: nodes of a server, from their enrolment to their end."""

import click

from lotabots.cli.lazy import Lazy

COMMANDS: dict[str, tuple[str, str]] = {
    "devices": ("lotabots.cli.node.devices", "List, add and remove the devices of a node."),
    "enroll": ("lotabots.cli.node.enroll", "Print the line with which one machine joins."),
    "list": ("lotabots.cli.node.list", "List nodes, each as it stands now."),
    "quarantine": ("lotabots.cli.node.quarantine", "Take a node out of service."),
    "release": ("lotabots.cli.node.release", "Put a node back into service."),
    "resources": ("lotabots.cli.node.resources", "Show what a node says of its resources."),
    "revoke": ("lotabots.cli.node.revoke", "End a node and its credential for good."),
    "show": ("lotabots.cli.node.show", "Show one node with its devices."),
    "watch": ("lotabots.cli.node.watch", "Follow what happens to a node."),
}


class Node(Lazy):
    """The commands about nodes."""

    LOADS = COMMANDS


@click.group("node", cls=Node)
def command() -> None:
    """Enrol nodes, look at them, and take them out of service. NODE is a name or an id.

    Why a node stands as it does: `lotabots why NODE`. All of them at a glance: `lotabots fleet`.
    """

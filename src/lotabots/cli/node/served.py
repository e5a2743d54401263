"""Nodes as a server shows them, and one of them by name."""

from datetime import datetime, timedelta

import click
import msgspec

from lotabots.cli.client import Client
from lotabots.cli.output import paint, print_table, printable
from lotabots.kernel import Kind, LotaError
from lotabots.runtime.clock import utc_now

STANDINGS = ("accepted", "inconclusive", "rejected", "stale", "unknown")
node_argument = click.argument("node")


class Device(msgspec.Struct):
    """One device of a node."""

    subject: str
    kind: str
    device_id: str
    standing: str | None


class Agent(msgspec.Struct):
    """The credential that a node's agent has."""

    key_thumbprint: str
    expires_at: datetime


class Node(msgspec.Struct, kw_only=True):
    """What is printed of a node; all of it is in the JSON."""

    id: str
    name: str
    node_class: str
    identity: str
    lifecycle: str
    lifecycle_reason: str
    policy: str | None
    standing: str
    standing_at: datetime | None
    freshness: str
    last_attempt_at: datetime | None
    last_success_at: datetime | None
    due_at: datetime | None
    overdue_at: datetime | None
    level: str | None
    simulated: bool | None
    inventory: list[Device] = []
    agent: Agent | None = None


class NodePage(msgspec.Struct):
    """One page of nodes."""

    items: list[Node]
    next: str | None


def read_node(answer: bytes) -> Node:
    """The node in an answer."""
    return msgspec.json.decode(answer, type=Node)


def node_id(client: Client, ref: str) -> str:
    """The id of the node of this id or name. Raises `NODE_NOT_FOUND`."""
    if len(ref) == 36 and ref.count("-") == 4:
        return ref
    found = msgspec.json.decode(client.get("/v1/nodes", name=ref), type=NodePage).items
    if not found:
        raise LotaError(Kind.NOT_FOUND, "NODE_NOT_FOUND", f"There is no node called {ref}.")
    return found[0].id


def print_node(node: Node) -> None:
    """The node for a person: how it stands first, then what it is."""
    since = f" since {node.standing_at:%Y-%m-%d %H:%M:%S} UTC" if node.standing_at else ""
    click.echo(f"{printable(node.name)} is {paint(node.standing)}{since}")
    if node.lifecycle != "active":
        click.echo(f"An operator has it {node.lifecycle}: {printable(node.lifecycle_reason)}")
    rows = [
        ("id", node.id),
        ("class", node.node_class),
        ("identity", _identity(node)),
        ("level", node.level or "none"),
        ("policy", node.policy or "the one in force"),
        ("freshness", node.freshness),
        ("tried", _ago(node.last_attempt_at)),
        ("accepted", _ago(node.last_success_at)),
    ]
    if node.due_at and node.overdue_at:
        rows.append(
            ("deadlines", f"stale {_until(node.due_at)}, rejected {_until(node.overdue_at)}")
        )
    if node.agent:
        rows.append(("credential", f"ends {_until(node.agent.expires_at)}"))
    for name, value in rows:
        click.echo(f"  {name:<11}{value}")
    if node.inventory:
        click.echo()
        print_devices(node)


def print_devices(node: Node) -> None:
    """The devices of a node."""
    print_table(
        ["device", "standing", "id"],
        [
            (device.subject, paint(device.standing or "unknown"), printable(device.device_id))
            for device in node.inventory
        ],
    )


def seen(node: Node) -> str:
    """How long ago a node was heard of, and whether that is too long."""
    late = f" ({node.freshness})" if node.freshness in ("stale", "silent") else ""
    return _ago(node.last_attempt_at) + late


def _identity(node: Node) -> str:
    told = {
        "declared": "declared by an operator; it has no key of its own",
        "software": "a software key: whoever copies it is this node",
        "tpm": "a TPM",
    }
    marked = " (SIMULATED)" if node.simulated else ""
    return told.get(node.identity, node.identity) + marked


def _ago(moment: datetime | None) -> str:
    return "never" if moment is None else f"{_long(utc_now() - moment)} ago"


def _until(moment: datetime) -> str:
    return f"in {_long(moment - utc_now())}" if moment > utc_now() else _ago(moment)


def _long(time: timedelta) -> str:
    """The time in its largest unit, as people say it."""
    seconds = max(int(time.total_seconds()), 0)
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"

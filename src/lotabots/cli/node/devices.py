"""`lotabots node devices`: what is pinned to a node, which an operator alone changes."""

from urllib.parse import quote

import click

from lotabots.cli.client import connect, server_option
from lotabots.cli.node.served import Node, node_argument, node_id, print_devices, read_node
from lotabots.cli.output import Exit, output_option, print_json


@click.group("devices")
def command() -> None:
    """List, add and remove the devices of a node. A device stands in one node only."""


@command.command("list")
@node_argument
@output_option
@server_option
def list_devices(node: str, output: str, server: str) -> int:
    """List the devices of NODE."""
    with connect(server) as client:
        answer = client.get(f"/v1/nodes/{node_id(client, node)}")
    return _printed(read_node(answer), output)


@command.command("add")
@node_argument
@click.argument("kind")
@click.argument("device_id")
@output_option
@server_option
def add(node: str, kind: str, device_id: str, output: str, server: str) -> int:
    """Pin a device of this KIND (gpu, switch) and id to NODE."""
    body = {"kind": kind, "device_id": device_id}
    with connect(server) as client:
        answer = client.post(f"/v1/nodes/{node_id(client, node)}/devices", body)
    return _printed(read_node(answer), output)


@command.command("remove")
@node_argument
@click.argument("kind")
@click.argument("device_id")
@output_option
@server_option
def remove(node: str, kind: str, device_id: str, output: str, server: str) -> int:
    """Free a device of NODE: it may then stand in another. A TPM is freed after the node's end."""
    with connect(server) as client:
        path = f"/v1/nodes/{node_id(client, node)}/devices/{quote(kind, '')}/{quote(device_id, '')}"
        answer = client.delete(path)
    return _printed(read_node(answer), output)


def _printed(node: Node, output: str) -> int:
    if output == "json":
        print_json(node.inventory)
    else:
        print_devices(node)
    return Exit.OK

"""`lotabots audit`: the log read, checked, copied and watched; most of it needs no server."""

import click

from lotabots.cli.audit.entries import list_command
from lotabots.cli.audit.erase import erase_command
from lotabots.cli.audit.export import export_command
from lotabots.cli.audit.fsck import fsck_command
from lotabots.cli.audit.monitor import monitor_command
from lotabots.cli.audit.receipt import receipt_group
from lotabots.cli.audit.verify import verify_command
from lotabots.cli.audit.witness import witness_command


@click.group("audit")
def command() -> None:
    """Read, check, copy, watch and witness an audit log."""


command.add_command(erase_command)
command.add_command(export_command)
command.add_command(fsck_command)
command.add_command(list_command)
command.add_command(monitor_command)
command.add_command(receipt_group)
command.add_command(verify_command)
command.add_command(witness_command)

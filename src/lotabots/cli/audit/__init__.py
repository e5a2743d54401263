"""`lotabots audit`: the log checked, copied, watched and witnessed, with the base install alone."""

import click

from lotabots.cli.audit.export import export_command
from lotabots.cli.audit.monitor import monitor_command
from lotabots.cli.audit.receipt import receipt_group
from lotabots.cli.audit.verify import verify_command
from lotabots.cli.audit.witness import witness_command


@click.group("audit")
def command() -> None:
    """Check, copy, watch and witness an audit log."""


command.add_command(export_command)
command.add_command(monitor_command)
command.add_command(receipt_group)
command.add_command(verify_command)
command.add_command(witness_command)

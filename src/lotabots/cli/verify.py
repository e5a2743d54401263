"""`lotabots verify`: evidence of GPUs, or a result token, offline and with the base install."""

import click

from lotabots.cli.verify_gpu import gpu
from lotabots.cli.verify_token import token_command


@click.group("verify")
def command() -> None:
    """Verify evidence or a result token, offline."""


command.add_command(gpu)
command.add_command(token_command)

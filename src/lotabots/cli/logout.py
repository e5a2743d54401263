"""`lotabots logout`: ends the session of `lotabots login`, or every session of its user."""

import click

from lotabots.cli.client import connect, server_option
from lotabots.cli.kept_session import forget
from lotabots.cli.output import Exit, say


@click.command("logout")
@click.option("--everywhere", is_flag=True, help="End every session of yours, on any machine.")
@server_option
def command(everywhere: bool, server: str) -> int:
    """Log out: the session ends on the server, and its tokens are deleted here."""
    with connect(server) as client:
        if everywhere:
            client.delete("/v1/me/sessions")
        else:
            client.post("/v1/me/logout", None)
    forget()
    say("Logged out everywhere." if everywhere else "Logged out.")
    return Exit.OK

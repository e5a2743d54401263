"""`lotabots login`: trades a password for a session, kept for this user only and refreshed."""

import click
import msgspec

from lotabots.cli.client import Client, server_option
from lotabots.cli.kept_session import Tokens, keep
from lotabots.cli.output import Exit, say
from lotabots.kernel import LotaError


@click.command("login")
@click.option("--username", prompt=True)
@click.option("--password", prompt=True, hide_input=True, envvar="LOTABOTS_PASSWORD")
@click.option("--code", help="A one-time or recovery code, where one is needed; else it is asked.")
@server_option
def command(username: str, password: str, code: str | None, server: str) -> int:
    """Log in; tokens are kept in files that only you can read, and refreshed when needed."""
    claimed = {"username": username, "password": password}
    if code is not None:
        claimed["code"] = code
    with Client(server) as client:
        try:
            answer = client.post("/v1/login", claimed)
        except LotaError as error:
            if error.code != "LOGIN_CODE" or code is not None:
                raise
            claimed["code"] = click.prompt("One-time code")
            answer = client.post("/v1/login", claimed)
    tokens = msgspec.json.decode(answer, type=Tokens)
    keep(server, tokens)
    say(f"Logged in as {username} for {tokens.expires_in // 60} minutes.")
    return Exit.OK

"""`lotabots login`: trades a password for a short-lived token, kept for this user only."""

import os

import click
import msgspec

from lotabots.cli.client import Client, server_option, token_file
from lotabots.cli.output import Exit, say


class Token(msgspec.Struct):
    """What the log-in answers."""

    access_token: str
    expires_in: int


@click.command("login")
@click.option("--username", prompt=True)
@click.option("--password", prompt=True, hide_input=True, envvar="LOTABOTS_PASSWORD")
@server_option
def command(username: str, password: str, server: str) -> int:
    """Log in; the token is kept in a file that only you can read, until it expires."""
    with Client(server) as client:
        answer = client.post("/v1/login", {"username": username, "password": password})
    token = msgspec.json.decode(answer, type=Token)
    path = token_file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(token.access_token)
    say(f"Logged in as {username} for {token.expires_in // 60} minutes.")
    return Exit.OK

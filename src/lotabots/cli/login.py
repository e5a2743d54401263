"""`lotabots login`: trades a password for a session, kept for this user only and refreshed."""

import click
import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from lotabots.cli.client import Client, server_option
from lotabots.cli.kept_session import Tokens, keep
from lotabots.cli.output import Exit, say
from lotabots.kernel import LotaError, SigningKey


@click.command("login")
@click.option("--username", prompt=True)
@click.option("--password", prompt=True, hide_input=True, envvar="LOTABOTS_PASSWORD")
@click.option("--code", help="A one-time or recovery code, where one is needed; else it is asked.")
@click.option("--bearer", is_flag=True, help="Tokens that work without a key, for scripts.")
@server_option
def command(username: str, password: str, code: str | None, bearer: bool, server: str) -> int:
    """Log in; tokens are kept in files that only you can read, and refreshed when needed.

    The session is bound to a key that is made here and kept beside it (DPoP, RFC 9449): whoever
    finds one of its tokens in a log or on the way cannot use it.
    """
    claimed = {"username": username, "password": password}
    if code is not None:
        claimed["code"] = code
    key = None if bearer else SigningKey(generate_private_key(SECP256R1()))
    with Client(server, key=key) as client:
        try:
            answer = _logged_in(client, claimed)
        except LotaError as error:
            if error.code != "LOGIN_CODE" or code is not None:
                raise
            claimed["code"] = click.prompt("One-time code")
            answer = _logged_in(client, claimed)
        tokens = msgspec.json.decode(answer, type=Tokens)
        keep(server, tokens, client.key if tokens.token_type == "DPoP" else None)  # noqa: S105
    say(f"Logged in as {username} for {tokens.expires_in // 60} minutes.")
    return Exit.OK


def _logged_in(client: Client, claimed: dict[str, str]) -> bytes:
    """The answer; without the key where the server sees another address than we do, which is said.

    That is a server behind a proxy that it was not told of: no proof of ours can hold there.
    """
    try:
        return client.post("/v1/login", claimed)
    except LotaError as error:
        if error.code != "PROOF_INVALID":
            raise
        say(f"The session is not bound to a key. {error.detail}")
        client.key = None
        return client.post("/v1/login", claimed)

"""`lotabots key`: API keys, one's own and those of services and agents."""

import click
import msgspec

from lotabots.cli.client import Client, connect, server_option
from lotabots.cli.output import Exit, output_option, print_json, print_table, say
from lotabots.cli.user_lookup import ROLES, found


class Key(msgspec.Struct):
    """One key as the server lists it."""

    id: str
    name: str
    role: str
    permissions: list[str]
    expires_at: str
    last_used_at: str | None
    revoked: bool


class KeyList(msgspec.Struct):
    """What the server answers."""

    keys: list[Key]


class MadeKey(msgspec.Struct):
    """A key that was made just now."""

    key: str
    shown: Key


user_option = click.option("--user", help="A service or an agent; left out: yourself.")


@click.group("key")
def command() -> None:
    """Make, list and revoke API keys."""


@command.command("create")
@click.argument("name")
@user_option
@click.option("--role", type=ROLES, help="Less than the user's own.")
@click.option("--permission", "permissions", multiple=True, help="Only this; may be repeated.")
@click.option("--days", type=click.IntRange(1, 366), default=90, show_default=True)
@server_option
def create(
    name: str,
    user: str | None,
    role: str | None,
    permissions: tuple[str, ...],
    days: int,
    server: str,
) -> int:
    """Make an API key called NAME, and print it, this once."""
    body: dict[str, object] = {"name": name, "days": days}
    if role is not None:
        body["role"] = role
    if permissions:
        body["permissions"] = list(permissions)
    with connect(server) as client:
        answer = client.post(path_of(client, user), body)
    made = msgspec.json.decode(answer, type=MadeKey)
    say(f"Good until {made.shown.expires_at}; it is not shown again. Set LOTABOTS_TOKEN to it:")
    click.echo(made.key)
    return Exit.OK


@command.command("list")
@user_option
@output_option
@server_option
def list_keys(user: str | None, output: str, server: str) -> int:
    """List API keys, with when they were last used."""
    with connect(server) as client:
        keys = msgspec.json.decode(client.get(path_of(client, user)), type=KeyList).keys
    if output == "json":
        print_json(keys)
    else:
        rows = [
            (
                one.id,
                one.name,
                one.role,
                "revoked" if one.revoked else one.expires_at,
                one.last_used_at or "never",
            )
            for one in keys
        ]
        print_table(("key", "name", "role", "good until", "last used"), rows)
    return Exit.OK


@command.command("revoke")
@click.argument("key")
@user_option
@server_option
def revoke(key: str, user: str | None, server: str) -> int:
    """Revoke the API key with the id KEY."""
    with connect(server) as client:
        client.delete(f"{path_of(client, user)}/{key}")
    say("The key was revoked.")
    return Exit.OK


def path_of(client: Client, user: str | None) -> str:
    """Where the keys of that user are."""
    return "/v1/me/keys" if user is None else f"/v1/users/{found(client, user)}/keys"

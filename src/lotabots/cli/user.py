"""`lotabots user`: the users of a tenant, for those who manage them."""

import csv
import io

import click
import msgspec

from lotabots.cli.account import show_sessions
from lotabots.cli.client import connect, server_option
from lotabots.cli.output import Exit, output_option, print_json, print_table, say
from lotabots.cli.user_lookup import ROLES, User, found, pages

COLUMNS = ("id", "username", "email", "role", "node_id", "created_at", "last_used_at",
           "disabled_at")  # fmt: skip


class Invitation(msgspec.Struct):
    """The one-time token of a user, shown once."""

    user_id: str
    token: str
    expires_at: str


email_option = click.option("--email", required=True)
role_option = click.option("--role", type=ROLES, required=True)
node_option = click.option("--node", help="The node of an agent.")


@click.group("user")
def command() -> None:
    """Manage users. USER is a user name or an id."""


@command.command("list")
@click.option("--role", type=ROLES, help="Only those with this role.")
@click.option("--disabled/--enabled", default=None, help="Only those who may not, or may, log in.")
@output_option
@server_option
def list_users(role: str | None, disabled: bool | None, output: str, server: str) -> int:
    """List users, with when they were last seen."""
    with connect(server) as client:
        users = list(pages(client, role, disabled))
    if output == "json":
        print_json(users)
    else:
        rows = [
            (
                one.username,
                one.role,
                one.email or "",
                one.last_used_at or "never",
                "disabled" if one.disabled_at else "",
                one.id,
            )
            for one in users
        ]
        print_table(("user", "role", "e-mail", "last used", "", "id"), rows)
    return Exit.OK


@command.command("export")
@click.option("--format", "form", type=click.Choice(["json", "csv"]), default="json")
@server_option
def export(form: str, server: str) -> int:
    """Print every user, as JSON or CSV."""
    with connect(server) as client:
        users = [msgspec.to_builtins(one) for one in pages(client, None, None)]
    if form == "json":
        print_json(users)
    else:
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS)
        writer.writeheader()
        writer.writerows(users)
        click.echo(text.getvalue(), nl=False)
    return Exit.OK


@command.command("show")
@click.argument("user")
@server_option
def show(user: str, server: str) -> int:
    """Print one user as JSON."""
    with connect(server) as client:
        print_json(msgspec.json.decode(client.get(f"/v1/users/{found(client, user)}")))
    return Exit.OK


@command.command("add")
@click.argument("username")
@email_option
@role_option
@node_option
@click.option("--no-password", is_flag=True, help="For a service, which has API keys.")
@click.option("--password", envvar="LOTABOTS_NEW_PASSWORD", help="Asked for if it is left out.")
@server_option
def add(
    username: str,
    email: str,
    role: str,
    node: str | None,
    no_password: bool,
    password: str | None,
    server: str,
) -> int:
    """Make a user, with a password that you choose."""
    body: dict[str, object] = {"username": username, "email": email, "role": role}
    if node is not None:
        body["node_id"] = node
    if not no_password:
        body["password"] = password or click.prompt(
            "Password", hide_input=True, confirmation_prompt=True, err=True
        )
    with connect(server) as client:
        made = msgspec.json.decode(client.post("/v1/users", body), type=User)
    say(f"{made.username} was made, with the role {made.role}.")
    click.echo(made.id)
    return Exit.OK


@command.command("invite")
@click.argument("username")
@email_option
@role_option
@node_option
@server_option
def invite(username: str, email: str, role: str, node: str | None, server: str) -> int:
    """Make a user who chooses their own password, with the token that is printed."""
    body = {"username": username, "email": email, "role": role}
    if node is not None:
        body["node_id"] = node
    with connect(server) as client:
        _show_invitation(client.post("/v1/users/invitations", body))
    return Exit.OK


@command.command("reset")
@click.argument("user")
@server_option
def reset(user: str, server: str) -> int:
    """Print a token with which USER sets a new password: for one that was lost."""
    with connect(server) as client:
        _show_invitation(client.post(f"/v1/users/{found(client, user)}/invitation", None))
    return Exit.OK


@command.command("role")
@click.argument("user")
@click.argument("role", type=ROLES)
@node_option
@server_option
def set_role(user: str, role: str, node: str | None, server: str) -> int:
    """Give USER another ROLE; their sessions end."""
    body = {"role": role} | ({} if node is None else {"node_id": node})
    with connect(server) as client:
        client.post(f"/v1/users/{found(client, user)}/role", body)
    say(f"{user} has the role {role}.")
    return Exit.OK


@command.command("disable")
@click.argument("user")
@server_option
def disable(user: str, server: str) -> int:
    """Keep USER out: sessions end, API keys are revoked."""
    with connect(server) as client:
        client.post(f"/v1/users/{found(client, user)}/disable", None)
    say(f"{user} is disabled.")
    return Exit.OK


@command.command("enable")
@click.argument("user")
@server_option
def enable(user: str, server: str) -> int:
    """Let USER in again."""
    with connect(server) as client:
        client.post(f"/v1/users/{found(client, user)}/enable", None)
    say(f"{user} is enabled.")
    return Exit.OK


@command.command("sessions")
@click.argument("user")
@click.option("--end", is_flag=True, help="End all of them.")
@output_option
@server_option
def sessions(user: str, end: bool, output: str, server: str) -> int:
    """List the sessions of USER, or end them."""
    with connect(server) as client:
        path = f"/v1/users/{found(client, user)}/sessions"
        if end:
            client.delete(path)
            say(f"{user} is logged out everywhere.")
        else:
            show_sessions(client.get(path), output)
    return Exit.OK


@command.command("reset-codes")
@click.argument("user")
@server_option
def reset_codes(user: str, server: str) -> int:
    """Ask USER for no one-time code any more: for a lost authenticator."""
    with connect(server) as client:
        client.delete(f"/v1/users/{found(client, user)}/codes")
    say(f"{user} logs in without a code.")
    return Exit.OK


@command.command("link")
@click.argument("user")
@click.option("--issuer", required=True, help="The identity provider, as it calls itself.")
@click.option("--subject", required=True, help="Who the user is there (`sub`).")
@server_option
def link(user: str, issuer: str, subject: str, server: str) -> int:
    """Let USER log in through an identity provider."""
    with connect(server) as client:
        body = {"issuer": issuer, "subject": subject}
        client.post(f"/v1/users/{found(client, user)}/links", body)
    say(f"{user} may log in through {issuer}.")
    return Exit.OK


@command.command("data")
@click.argument("user")
@server_option
def data(user: str, server: str) -> int:
    """Print all that there is about USER, as JSON."""
    with connect(server) as client:
        answer = client.get(f"/v1/users/{found(client, user)}/personal-data")
    print_json(msgspec.json.decode(answer))
    return Exit.OK


@command.command("erase")
@click.argument("user")
@click.option("--reason", required=True, help="Kept with the entry; name nobody in it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@server_option
def erase(user: str, reason: str, yes: bool, server: str) -> int:
    """Forget who USER was, here and in the audit log. Cannot be undone."""
    if not yes:
        click.confirm(f"Erase {user} for good?", abort=True, err=True)
    with connect(server) as client:
        client.post(f"/v1/users/{found(client, user)}/erasure", {"reason": reason})
    say("The user was erased.")
    return Exit.OK


def _show_invitation(answer: bytes) -> None:
    invitation = msgspec.json.decode(answer, type=Invitation)
    say(f"Good once, until {invitation.expires_at}, with `lotabots account accept`:")
    click.echo(invitation.token)

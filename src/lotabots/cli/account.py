"""`lotabots account`: one's own password, sessions, second factor, consents and data."""

import click
import msgspec

from lotabots.cli.client import Client, connect, server_option
from lotabots.cli.output import Exit, output_option, print_json, print_table, say


class Session(msgspec.Struct, kw_only=True):
    """One session as the server lists it."""

    id: str
    method: str
    address: str | None = None
    """Absent for whoever may list the sessions of others and not end them."""
    opened_at: str
    last_used_at: str
    expires_at: str
    bound: bool
    current: bool


class SessionList(msgspec.Struct):
    """What the server answers."""

    sessions: list[Session]


class Codes(msgspec.Struct):
    """Recovery codes, shown once."""

    codes: list[str]


class Enrolment(msgspec.Struct):
    """A secret for an authenticator, shown once."""

    secret: str
    uri: str


new_password = click.option(
    "--new-password", prompt=True, hide_input=True, confirmation_prompt=True
)


@click.group("account")
def command() -> None:
    """Look after your own account."""


@command.command("password")
@click.option("--password", prompt="Current password", hide_input=True, envvar="LOTABOTS_PASSWORD")
@new_password
@server_option
def password(password: str, new_password: str, server: str) -> int:
    """Change your password. Every session of yours ends: log in again."""
    with connect(server) as client:
        client.post("/v1/me/password", {"current": password, "new": new_password})
    say("The password was changed. Log in again.")
    return Exit.OK


@command.command("accept")
@click.option("--token", prompt="Invitation", hide_input=True, help="What the invitation says.")
@new_password
@server_option
def accept(token: str, new_password: str, server: str) -> int:
    """Set your password with the one-time token of an invitation."""
    with Client(server) as client:
        client.post("/v1/login/invitation", {"token": token, "password": new_password})
    say("The password was set. Log in with it.")
    return Exit.OK


@command.command("sessions")
@output_option
@server_option
def sessions(output: str, server: str) -> int:
    """List your sessions, the one used last first."""
    with connect(server) as client:
        show_sessions(client.get("/v1/me/sessions"), output)
    return Exit.OK


@command.command("end-session")
@click.argument("session")
@server_option
def end_session(session: str, server: str) -> int:
    """End one of your sessions by its id."""
    with connect(server) as client:
        client.delete(f"/v1/me/sessions/{session}")
    say("The session has ended.")
    return Exit.OK


@command.command("enable-codes")
@click.option("--password", prompt=True, hide_input=True, envvar="LOTABOTS_PASSWORD")
@server_option
def enable_codes(password: str, server: str) -> int:
    """Ask for a one-time code at every log-in of yours, beside the password."""
    with connect(server) as client:
        enrolment = msgspec.json.decode(
            client.post("/v1/me/codes", {"password": password}), type=Enrolment
        )
        say(f"Put this secret into your authenticator: {enrolment.secret}")
        say(f"Or this address, as a QR code: {enrolment.uri}")
        code = click.prompt("The code that it shows")
        answer = client.post("/v1/me/codes/confirm", {"code": code})
    _show_codes(answer)
    return Exit.OK


@command.command("recovery-codes")
@click.option("--code", prompt="One-time code")
@server_option
def recovery_codes(code: str, server: str) -> int:
    """Get ten new recovery codes; the old ones are worth nothing any more."""
    with connect(server) as client:
        _show_codes(client.post("/v1/me/codes/recovery", {"code": code}))
    return Exit.OK


@command.command("disable-codes")
@click.option("--code", prompt="One-time code")
@server_option
def disable_codes(code: str, server: str) -> int:
    """Ask for no one-time code any more."""
    with connect(server) as client:
        client.post("/v1/me/codes/remove", {"code": code})
    say("No code is asked for any more.")
    return Exit.OK


@command.command("consent")
@click.argument("purpose")
@click.option("--text-version", required=True, help="Of the text that you agree to.")
@click.option("--withdraw", is_flag=True, help="Take it back.")
@server_option
def consent(purpose: str, text_version: str, withdraw: bool, server: str) -> int:
    """Write down that you agree to PURPOSE, or not any more."""
    body = {"purpose": purpose, "version": text_version, "given": not withdraw}
    with connect(server) as client:
        client.post("/v1/me/consents", body)
    say("It was written down.")
    return Exit.OK


@command.command("data")
@server_option
def data(server: str) -> int:
    """Print all that the server has about you, as JSON."""
    with connect(server) as client:
        print_json(msgspec.json.decode(client.get("/v1/me/personal-data")))
    return Exit.OK


def show_sessions(answer: bytes, output: str) -> None:
    """The list of sessions, as asked for."""
    listed = msgspec.json.decode(answer, type=SessionList).sessions
    if output == "json":
        print_json(listed)
        return
    rows = [
        (
            one.id,
            f"{one.method}{', bound to a key' if one.bound else ''}",
            one.address or "",
            one.opened_at,
            one.last_used_at,
            "this one" if one.current else "",
        )
        for one in listed
    ]
    print_table(("session", "opened by", "from", "opened", "last used", ""), rows)


def _show_codes(answer: bytes) -> None:
    say("Each of these recovery codes stands in for a one-time code, once. Keep them safe:")
    for code in msgspec.json.decode(answer, type=Codes).codes:
        click.echo(code)

"""`lotabots revocation`: what is not vouched for any more, and what stood on it."""

import click
import msgspec

from lotabots.cli.client import connect, server_option
from lotabots.cli.output import Exit, output_option, print_table, printable, say


class Row(msgspec.Struct):
    """What is printed of a revocation."""

    id: str
    kind: str
    value: str
    reason: str
    made_at: str
    lifted_at: str | None


class Made(msgspec.Struct):
    """A revocation, and what it met."""

    revocation: Row
    affected: list[str]
    results: int


@click.group("revocation")
def command() -> None:
    """Revoke a device, a driver version, a reference file or a key, for every node at once.

    Nodes are taken out of service by `lotabots node quarantine` and `lotabots node revoke`.
    """


@command.command("add")
@click.argument("kind", type=click.Choice(["device", "driver", "reference", "key"]))
@click.argument("value")
@click.option("--reason", required=True, help="Why: every verdict that it decides says so.")
@output_option
@server_option
def add(kind: str, value: str, reason: str, output: str, server: str) -> int:
    """Revoke VALUE: a device id, a driver version, or the SHA-256 (hex) of a file or key.

    A key is named by its SubjectPublicKeyInfo. Results of every node that stands on it end at once.
    """
    with connect(server) as client:
        body = {"kind": kind, "value": value, "reason": reason}
        answer = client.post("/v1/revocations", body)
    if output == "json":
        click.echo(answer.decode())
        return Exit.OK
    made = msgspec.json.decode(answer, type=Made)
    say(f"Revoked. {len(made.affected)} nodes stand on it; {made.results} results ended.")
    for node in made.affected:
        say(f"  lotabots why {node}")
    click.echo(made.revocation.id)
    return Exit.OK


@command.command("list")
@click.option("--lifted", is_flag=True, help="Also those that were lifted.")
@output_option
@server_option
def list_revocations(lifted: bool, output: str, server: str) -> int:
    """List what is revoked, newest first; nodes that are out of service stand there, too."""
    with connect(server) as client:
        answer = client.get("/v1/revocations", lifted="true" if lifted else None, limit=1000)
    if output == "json":
        click.echo(answer.decode())
        return Exit.OK
    rows = [
        (
            one.kind,
            printable(one.value),
            printable(one.reason),
            one.made_at if one.lifted_at is None else f"lifted {one.lifted_at}",
            one.id,
        )
        for one in msgspec.json.decode(answer, type=list[Row])
    ]
    print_table(("kind", "what", "why", "since", "id"), rows)
    return Exit.OK


@command.command("lift")
@click.argument("revocation")
@server_option
def lift(revocation: str, server: str) -> int:
    """Lift the REVOCATION of this id. What it ended stays ended: nodes attest anew."""
    with connect(server) as client:
        answer = client.delete(f"/v1/revocations/{revocation}")
    row = msgspec.json.decode(answer, type=Row)
    say(f"{row.kind} {printable(row.value)} is not revoked any more.")
    return Exit.OK

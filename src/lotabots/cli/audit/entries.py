"""`lotabots audit list`: the entries of one's tenant, and who stands in them."""

from datetime import datetime
from uuid import UUID

import click
import msgspec

from lotabots.cli.client import connect, server_option
from lotabots.cli.output import Exit, output_option, print_table, say
from lotabots.cli.values import TimeValue
from lotabots.kernel import format_time

ERASED = "erased"
"""Stands for a person of whom only the commitment is left."""
NOBODYS = ("system", "anonymous")
NODE = "node:"
"""Actors that are no person, and how those begin that are nodes."""
PERSONS = ("user", "address")
"""Kinds of subjects that are persons."""


class Recorded(msgspec.Struct):
    """What is shown of an entry; the rest is in its JSON."""

    version: int
    at: str
    actor: str
    verb: str
    subject: str
    outcome: str


class Disclosed(msgspec.Struct):
    """A personal field in clear text."""

    text: str


class Logged(msgspec.Struct):
    """An entry with its place in the log, if it has one, and who stands in it."""

    entry: Recorded
    index: int | None
    disclosed: dict[str, Disclosed]


class Page(msgspec.Struct):
    """One page of the list."""

    entries: list[Logged]
    next: str | None


@click.command("list")
@click.option(
    "--actor", help="Only by this user (its id), address:..., `system`, `anonymous`, `node`."
)
@click.option("--subject", help="Only of this subject, such as node:ID or user:ID.")
@click.option("--verb", help="Only of this kind, such as attestation.record.")
@click.option("--outcome", help="Only with this outcome.")
@click.option("--since", type=TimeValue(), help="Only from this time on.")
@click.option("--until", type=TimeValue(), help="Only before this time.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@click.option("--after", type=UUID, help="The cursor that the page before ended with.")
@output_option
@server_option
def list_command(
    actor: str | None,
    subject: str | None,
    verb: str | None,
    outcome: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    after: UUID | None,
    output: str,
    server: str,
) -> int:
    """List the audit entries of your tenant, newest first."""
    with connect(server) as client:
        answer = client.get(
            "/v1/audit/entries",
            actor=actor,
            subject=subject,
            verb=verb,
            outcome=outcome,
            since=None if since is None else format_time(since),
            until=None if until is None else format_time(until),
            limit=limit,
            after=None if after is None else str(after),
        )
    if output == "json":
        click.echo(answer.decode())
        return Exit.OK
    page = msgspec.json.decode(answer, type=Page)
    print_table(["when", "place", "actor", "verb", "subject", "outcome"], map(row, page.entries))
    if page.next:
        say(f"More: --after {page.next}")
    return Exit.OK


def row(logged: Logged) -> tuple[str, ...]:
    """A line of the table."""
    entry = logged.entry
    place = "waiting" if logged.index is None else str(logged.index)
    return entry.at, place, actor_of(logged), entry.verb, subject_of(logged), entry.outcome


def actor_of(logged: Logged) -> str:
    """Who did it, as far as it is known."""
    actor = logged.entry.actor
    if (known := logged.disclosed.get("actor")) is not None:
        return known.text
    # Version 1 had users in clear text.
    nobody = actor in NOBODYS or actor.startswith(NODE)
    return actor if nobody or logged.entry.version == 1 else ERASED


def subject_of(logged: Logged) -> str:
    """To what it was done, with a person as far as it is known."""
    subject = logged.entry.subject
    kind, _, _ = subject.partition(":")
    if (known := logged.disclosed.get("subject")) is not None:
        return f"{kind}:{known.text}"
    return subject if kind not in PERSONS or logged.entry.version == 1 else f"{kind}:{ERASED}"

"""`lotabots audit erase`: what leads from entries to a person is destroyed; the log stays."""

import click
import msgspec

from lotabots.cli.client import connect, server_option
from lotabots.cli.output import Exit, say


class Erased(msgspec.Struct):
    """The entry that says so, and its leaf hash in hex."""

    entry: str
    leaf: str


@click.command("erase")
@click.argument("person", metavar="user:ID|address:ADDRESS")
@click.option("--reason", required=True, help="Why; kept with the entry, for your own tenant.")
@server_option
def erase_command(person: str, reason: str, server: str) -> int:
    """Erase a person from your tenant's audit log. It cannot be undone.

    Entries, tree, checkpoints and receipts stay as they are; the person's secret and texts are
    gone, and no entry leads to the person any more. An entry says who erased someone and why, and
    not whom. Needs the role admin; nobody erases themselves.
    """
    with connect(server) as client:
        answer = client.post("/v1/audit/erasures", {"person": person, "reason": reason})
    erased = msgspec.json.decode(answer, type=Erased)
    click.echo(erased.entry)
    say("Erased. The entry above says so; backups of the database hold the person until they go.")
    return Exit.OK

"""`lotabots fleet`: all nodes at a glance, and what another policy would say of each."""

from collections import Counter
from pathlib import Path

import click
import msgspec

from lotabots.appraisal import load_policy
from lotabots.cli.client import Client, connect, server_option
from lotabots.cli.output import Exit, output_option, paint, print_json, print_table, printable, say
from lotabots.cli.values import read_file
from lotabots.evidence import Finding


class Reason(msgspec.Struct):
    """A code, and of how many nodes it is the first reason."""

    code: str
    title: str
    nodes: int


class Silent(msgspec.Struct):
    """A node that has said nothing for too long."""

    name: str
    standing: str
    due_at: str
    last_success_at: str | None


class Fleet(msgspec.Struct):
    """What is printed of the fleet; the rest is in its JSON."""

    nodes: int
    standing: dict[str, int]
    lifecycle: dict[str, int]
    identity: dict[str, int]
    classes: dict[str, int]
    reasons: list[Reason]
    silent: list[Silent]


class Reappraisal(msgspec.Struct):
    """What a policy would say of one node."""

    node: str
    name: str
    attestation: str
    before: str
    after: str | None
    findings: list[Finding]
    error: str | None


class Page(msgspec.Struct):
    """Some nodes."""

    policy: str
    items: list[Reappraisal]
    next: str | None


@click.group("fleet", invoke_without_command=True)
@output_option
@server_option
@click.pass_context
def command(ctx: click.Context, output: str, server: str) -> int:
    """Show all nodes, counted by how they stand, and the reasons of those that are not accepted."""
    if ctx.invoked_subcommand is not None:
        return Exit.OK
    with connect(server) as client:
        answer = client.get("/v1/fleet")
    if output == "json":
        click.echo(answer.decode())
    else:
        show(msgspec.json.decode(answer, type=Fleet))
    return Exit.OK


@command.command("reappraise")
@click.option("--policy", "file", type=Path, required=True, help="The policy to try.")
@click.option("--all", "everything", is_flag=True, help="Also the nodes that would not change.")
@output_option
@server_option
def reappraise(file: Path, everything: bool, output: str, server: str) -> int:
    """Judge the newest stored evidence of every node again, by the policy FILE. Changes nothing.

    Lists the nodes whose verdict would change. Exit code 1 when an accepted node would not be
    accepted any more, 3 when some could not be judged again, else 0.
    """
    source = read_file(file)
    load_policy(source)  # a mistake is found here, before a server is asked
    with connect(server) as client:
        items = everyone(client, source.decode())
    changed = [one for one in items if one.after != one.before]
    if output == "json":
        print_json({"items": items if everything else changed, "judged": len(items)})
    else:
        print_table(
            ["node", "is", "would be", "because"],
            [
                (printable(one.name), paint(one.before), _after(one), _because(one))
                for one in (items if everything else changed)
            ],
        )
        say(_told(items))
    if any(one.before == "accepted" and one.after not in ("accepted", None) for one in items):
        return Exit.REJECTED
    return Exit.INCONCLUSIVE if any(one.error for one in items) else Exit.OK


def everyone(client: Client, source: str) -> list[Reappraisal]:
    """Every node of the tenant that was ever attested, judged again; asked for page by page."""
    items: list[Reappraisal] = []
    after: str | None = None
    while True:
        body = {"source": source} | ({} if after is None else {"after": after})
        page = msgspec.json.decode(client.post("/v1/fleet/reappraisals", body), type=Page)
        items += page.items
        if page.next is None:
            return items
        after = page.next


def show(fleet: Fleet) -> None:
    """The fleet for a person."""
    if not fleet.nodes:
        click.echo("No nodes yet. Enrol one: lotabots node enroll")
        return
    counts = "  ".join(f"{count} {paint(name)}" for name, count in fleet.standing.items())
    click.echo(f"{fleet.nodes} nodes: {counts}")
    for title, counted in (
        ("class", fleet.classes), ("identity", fleet.identity), ("lifecycle", fleet.lifecycle),
    ):  # fmt: skip
        shown = ", ".join(f"{count} {name}" for name, count in counted.items())
        click.echo(f"{title + ':':11}{shown}")
    if fleet.reasons:
        click.echo("\nNot accepted, first reason:")
        print_table(
            ["nodes", "code", "what it means"],
            [(str(one.nodes), one.code, one.title) for one in fleet.reasons],
        )
    if fleet.silent:
        click.echo("\nSilent beyond their deadline:")
        print_table(
            ["node", "now", "due", "last heard"],
            [
                (
                    printable(one.name),
                    paint(one.standing),
                    one.due_at,
                    one.last_success_at or "never",
                )
                for one in fleet.silent
            ],
        )


def _after(one: Reappraisal) -> str:
    return "could not be judged" if one.after is None else paint(one.after)


def _because(one: Reappraisal) -> str:
    if one.error is not None:
        return one.error
    if not one.findings:
        return ""
    first = one.findings[0]
    return f"{first.subject}: {first.rule or first.code} {first.title}"


def _told(items: list[Reappraisal]) -> str:
    counted = Counter(
        f"{one.before} -> {one.after or 'not judged'}" for one in items if one.after != one.before
    )
    if not counted:
        return f"{len(items)} nodes judged again; none would change."
    changes = ", ".join(f"{count} {change}" for change, count in sorted(counted.items()))
    return f"{len(items)} nodes judged again: {changes}."

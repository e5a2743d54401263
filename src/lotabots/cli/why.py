"""`lotabots why NODE`: why a node stands as it does, and what to do about it."""

import click
import msgspec

from lotabots.cli.client import connect, server_option
from lotabots.cli.node.served import node_id
from lotabots.cli.output import EXIT_OF, Exit, output_option, paint, printable, say
from lotabots.evidence import Finding

MOST = 12
"""Changed facts that are printed; all of them are in the JSON."""


class Node(msgspec.Struct):
    """What is printed of a node."""

    id: str
    name: str
    standing: str
    standing_at: str | None = None
    lifecycle: str = "active"
    lifecycle_reason: str = ""
    identity: str = "declared"


class FactChange(msgspec.Struct):
    """One fact that is not what it was."""

    subject: str
    fact: str
    before: str | None
    after: str | None


class Change(msgspec.Struct):
    """What is different since the node was last accepted."""

    facts: list[FactChange]
    appeared: list[Finding]
    vanished: list[Finding]


class Binding(msgspec.Struct):
    """How strongly two things are tied together."""

    between: str
    strength: str
    why: str


class Affected(msgspec.Struct):
    """What hangs on the node."""

    results: int
    devices: list[str]
    models: list[str]


class Why(msgspec.Struct):
    """The explanation of a server."""

    node: Node
    evaluated_at: str | None
    policy: str | None
    reasons: list[Finding]
    bindings: list[Binding]
    last_good_at: str | None
    changed: Change | None
    affected: Affected


@click.command("why")
@click.argument("node")
@output_option
@server_option
def command(node: str, output: str, server: str) -> int:
    """Say why NODE (id or name) stands as it does: reasons, changes, what is affected, the fix.

    The exit code is that of its standing: 0 accepted, 1 rejected, 3 anything else.
    """
    with connect(server) as client:
        answer = client.get(f"/v1/nodes/{node_id(client, node)}/why")
    why = msgspec.json.decode(answer, type=Why)
    if output == "json":
        click.echo(answer.decode())
    else:
        show(why)
    return EXIT_OF.get(why.node.standing, Exit.INCONCLUSIVE)


def show(why: Why) -> None:
    """The explanation for a person: the answer first, then how it came about."""
    node = why.node
    since = f" since {node.standing_at}" if node.standing_at else ""
    click.echo(
        f"{printable(node.name)} is {paint(node.standing)}{since}  (identity: {node.identity})"
    )
    if node.lifecycle != "active":
        click.echo(f"An operator has it {node.lifecycle}: {printable(node.lifecycle_reason)}")
    if why.evaluated_at is None:
        click.echo("It has never sent any evidence. On the node: lotabots agent run --once")
        return
    click.echo(f"judged at {why.evaluated_at} by {why.policy}")
    for number, finding in enumerate(why.reasons, 1):
        click.echo(f"\n{number}. {finding.code} ({finding.subject}) {finding.title}")
        click.echo(f"   expected  {printable(finding.expected)}")
        click.echo(f"   measured  {printable(finding.measured)}")
        click.echo(f"   fix       {finding.fix}")
    if not why.reasons:
        click.echo("\nNothing speaks against it.")
    weak = [one for one in why.bindings if one.strength != "strong"]
    if weak:
        click.echo("\nNot strongly bound:")
        for one in weak:
            click.echo(f"   {one.between}: {one.strength}, {one.why}")
    _show_changes(why)
    _show_affected(why)


def _show_changes(why: Why) -> None:
    if why.last_good_at is None:
        click.echo("\nIt was never accepted.")
    elif why.changed is not None:
        click.echo(f"\nChanged since it was last accepted, at {why.last_good_at}:")
        for one in why.changed.facts[:MOST]:
            before = "nothing" if one.before is None else one.before
            after = "nothing" if one.after is None else one.after
            click.echo(f"   {one.subject} {one.fact}: {printable(before)} -> {printable(after)}")
        if len(why.changed.facts) > MOST:
            click.echo(f"   and {len(why.changed.facts) - MOST} more (-o json)")
        if not why.changed.facts:
            click.echo("   no fact; what it is held against, or its age, did")


def _show_affected(why: Why) -> None:
    affected = why.affected
    told = [f"{len(affected.devices)} devices"]
    if affected.results:
        told.append(f"{affected.results} results still in force")
    if affected.models:
        told.append(
            f"{len(affected.models)} models: {', '.join(one[:12] for one in affected.models)}"
        )
    say(f"\nAffected: {'; '.join(told)}.")

"""A registered model and its verdict for a person."""

from collections.abc import Sequence

import click

from lotabots.cli.model.served import Model, Reason, Verdict
from lotabots.cli.output import paint, print_table, printable, say

MOST = 10
"""Findings that are told to a person; JSON has them all."""
COLOURS = {"reject": "red", "inconclusive": "yellow", "warning": "cyan"}


def print_verdict(model: Model) -> None:
    """The newest verdict on the model: outcome, rule, signers, and every reason."""
    verdict = model.verdict
    if verdict is None:
        click.echo(f"not judged  {model.title}")
        return
    by = f"by rule {verdict.rule} ({verdict.mode})" if verdict.rule else "no rule is for this name"
    click.echo(f"{paint(verdict.outcome)}  {model.title}  {by}")
    click.echo(f"digest     {model.digest}")
    click.echo(f"policy     {verdict.policy_id}")
    for line in _signers(verdict):
        click.echo(line)
    print_reasons(verdict.findings)


def _signers(verdict: Verdict) -> list[str]:
    lines = [f"signed by  {one.kind} {printable(one.id)}" for one in verdict.signers] or [
        "signed by  nobody whom the rule allows"
    ]
    lines[0] += f"  ({len(verdict.signers)} of {verdict.threshold} wanted)"
    if verdict.strong:
        lines.append("bound      names, sizes and tensors are signed, too")
    return lines


def print_reasons(findings: Sequence[Reason]) -> None:
    """What was found, worst first, with where and what to do."""
    for one in findings[:MOST]:
        where = " ".join(word for word in (one.path, one.tensor and f"tensor {one.tensor}") if word)
        severity = click.style(one.severity, fg=COLOURS.get(one.severity), bold=True)
        click.echo(f"\n{severity}  {click.style(one.code, bold=True)}  {printable(where)}".rstrip())
        click.echo(f"  why  {one.title}")
        if one.expected or one.measured:
            expected, measured = printable(one.expected), printable(one.measured)
            click.echo(f"  was  {measured or 'nothing'}, expected {expected or 'nothing'}")
        click.echo(f"  do   {one.fix}")
    if len(findings) > MOST:
        say(f"\nand {len(findings) - MOST} more: -o json lists them all.")


def print_model(model: Model) -> None:
    """Everything about the model on one screen."""
    print_verdict(model)
    uploaded = sum(file.uploaded for file in model.files)
    signed = "signed" if model.signed else "not signed"
    click.echo(f"\nregistered {model.registered_at} by {model.registered_by}, {signed}")
    click.echo(f"files      {len(model.files)}, {model.size} bytes; {uploaded} uploaded")
    click.echo(f"stages     {', '.join(model.stages) or 'none'}")
    if (work := model.verification) is not None:
        error = f" ({work.error})" if work.error else ""
        click.echo(f"work       verification {work.id} is {work.state}{error}")
        if work.verdict_digest:
            click.echo(f"verdict    {work.verdict_digest}")
    verdict = None if work is None else work.verdict_digest
    _table(
        ("approved", "for", "under the newest verdict", "by"),
        [
            (one.approved_at, f"{one.move} {one.stage}", _yes(one.verdict_digest == verdict),
             one.approved_by)
            for one in model.approvals
        ],
    )  # fmt: skip
    _table(
        ("moved", "stage", "version", "how", "by"),
        [
            (one.moved_at, f"{one.stage} {one.number}", one.version, one.move, one.moved_by)
            for one in model.moves
        ],
    )
    _table(
        ("runs on", "as of", "verdict on the node"),
        [(printable(one.name), one.at, paint(one.status)) for one in model.running],
    )


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if rows:
        click.echo()
        print_table(columns, rows)

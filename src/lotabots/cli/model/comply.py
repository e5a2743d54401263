"""`lotabots model comply`: a model on this disk, held against controls; reports for others."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from lotabots.appraisal.compliance import (
    PACK_TEXTS,
    Catalogue,
    ComplianceReport,
    evaluate,
    load_catalogue,
    load_waivers,
    markdown,
    oscal,
    page,
    verification_summary,
)
from lotabots.cli.model.known import Asked, look, model_options
from lotabots.cli.output import EXIT_OF, paint, print_table
from lotabots.cli.values import read_file
from lotabots.runtime.appraiser import this_appraiser

FORMATS: Mapping[str, Callable[[ComplianceReport], str]] = {
    "json": lambda report: report.canonical().decode(),
    "markdown": markdown,
    "html": page,
    "oscal": lambda report: oscal(report).decode(),
    "vsa": lambda report: verification_summary(report).decode(),
}
COLOURS = {"pass": "green", "fail": "red", "unknown": "yellow", "waived": "yellow"}


@click.command("comply")
@model_options
@click.option(
    "--catalogue",
    multiple=True,
    metavar="PACK|FILE",
    help=f"A pack of controls: {', '.join(PACK_TEXTS)}, or a file of your own. Default: core.",
)
@click.option("--waivers", type=Path, help="Who answers for what does not pass, until when.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", *FORMATS]),
    default="table",
    show_default=True,
    help="What to write on stdout.",
)
def command(
    catalogue: tuple[str, ...],
    waivers: Path | None,
    output: str,
    **asked: Any,  # noqa: ANN401 - the options of `model_options`, checked where they are named
) -> int:
    """Hold the model at PATH against controls, computed from its files; needs no network.

    Exit 0 when every control passes, does not apply or is waived, 1 when one fails, 3 when one
    could not be judged: unknown is never a pass.
    """
    packs = load(catalogue or ("core",))
    given = () if waivers is None else load_waivers(read_file(waivers))
    known = look(Asked(**asked))
    report = evaluate(
        packs,
        known.evidence,
        waivers=given,
        policy_id="" if known.policy is None else known.policy.id,
        appraiser=this_appraiser(),
    )
    if output == "table":
        show(report)
    else:
        click.echo(FORMATS[output](report), nl=output in {"json", "oscal", "vsa"})
    return EXIT_OF[report.outcome.value]


def load(given: tuple[str, ...]) -> Catalogue:
    """The catalogue of these packs, built in or in files."""
    names = [one for one in given if one in PACK_TEXTS]
    files = [Path(one) for one in given if one not in PACK_TEXTS]
    # What is no file is taken for a name: the error then lists the packs that there are.
    names += [str(path) for path in files if not path.is_file()]
    return load_catalogue(names, [read_file(path) for path in files if path.is_file()])


def show(report: ComplianceReport) -> None:
    """The report for a terminal."""
    click.echo(f"{report.name} {report.version}".rstrip() + f"  {paint(report.outcome.value)}")
    click.echo(f"root {report.root or 'not known'}")
    rows = [
        (
            result.id,
            click.style(result.status.value, fg=COLOURS.get(result.status.value)),
            result.basis.value,
            result.title,
            result.measured,
        )
        for result in report.controls.results
    ]
    print_table(("control", "status", "rests on", "title", "measured"), rows)
    for name, count in (
        ("computed", report.summary.computed),
        ("declared", report.summary.declared),
    ):
        click.echo(
            f"{name}: {count.passed} pass, {count.failed} fail, {count.unknown} unknown, "
            f"{count.not_applicable} not applicable, {count.waived} waived"
        )
    click.echo(f"not evaluated: {', '.join(report.summary.unevaluated) or 'none'}")

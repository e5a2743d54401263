"""`lotabots model bom`: a model on this disk as a CycloneDX bill of materials."""

from typing import Any

import click

from lotabots import __version__
from lotabots.appraisal.compliance import model_bom
from lotabots.cli.model.known import Asked, look, model_options
from lotabots.cli.output import Exit


@click.command("bom")
@model_options
@click.option(
    "-o",
    "--output",
    type=click.Choice(["json"]),
    default="json",
    show_default=True,
    help="CycloneDX 1.6 in JSON, on stdout.",
)
def command(output: str, **asked: Any) -> int:  # noqa: ANN401, ARG001 - see `comply`; one format
    """Write the model at PATH as a CycloneDX 1.6 ML-BOM: files, card, licence, datasets, base.

    It says what is there. Whether that is good, `scan`, `verify` and `comply` say.
    """
    known = look(Asked(**asked))
    bill = model_bom(known.evidence, known.files, known.algorithm, tool_version=__version__)
    click.echo(bill.decode())
    return Exit.OK

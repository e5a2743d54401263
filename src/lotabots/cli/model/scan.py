"""`lotabots model scan`: whether a model holds anything that runs, lies or cannot be judged."""

import re
from collections.abc import Iterator
from pathlib import Path

import click

from lotabots.cli.output import EXIT_OF, Exit, output_option, paint, print_json, printable, say
from lotabots.models import Finding, Severity
from lotabots.models.read import open_folder
from lotabots.models.scan import Base, Options, ScanReport, scan

COLOURS = {Severity.REJECT: "red", Severity.INCONCLUSIVE: "yellow", Severity.WARNING: "cyan"}
_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


class Digest(click.ParamType[str]):
    """A SHA-256 digest, with or without `sha256:` before it."""

    name = "digest"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """`sha256:` and 64 hexadecimal digits in lower case."""
        found = _DIGEST.fullmatch(value.lower())
        return f"sha256:{found[1]}" if found else self.fail(f"{value!r} is no digest", param, ctx)


class PathDigest(click.ParamType[tuple[str, str]]):
    """The path of a file in a model, and the digest that it must have."""

    name = "path=digest"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Both parts."""
        path, _, digest = value.rpartition("=")
        if not path:
            self.fail(f"{value!r} is not PATH=DIGEST", param, ctx)
        return path, Digest().convert(digest, param, ctx)


@click.command("scan")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--approve-template",
    "templates",
    type=Digest(),
    multiple=True,
    help="A chat template that somebody read, by the digest that the scan names. Repeatable.",
)
@click.option(
    "--approve-tokenizer",
    "tokenizers",
    type=Digest(),
    multiple=True,
    help="The only vocabularies that are accepted. Repeatable.",
)
@click.option(
    "--approve-file",
    "files",
    type=PathDigest(),
    multiple=True,
    help="A file that must be exactly so, for instance generation_config.json. Repeatable.",
)
@click.option(
    "--pin-code",
    "code",
    type=Digest(),
    multiple=True,
    help="A program in the model that somebody read, by the digest of the file. Repeatable.",
)
@click.option("--allow-pickle", is_flag=True, help="Judge pickles by what they import.")
@click.option("--base", type=click.Path(path_type=Path), help="The model that an adapter is for.")
@output_option
def command(
    path: Path,
    templates: tuple[str, ...],
    tokenizers: tuple[str, ...],
    files: tuple[tuple[str, str], ...],
    code: tuple[str, ...],
    allow_pickle: bool,
    base: Path | None,
    output: str,
) -> int:
    """Look for what runs, lies or cannot be judged in the files of PATH. Nothing is loaded.

    Exit codes: 0 accepted, 1 rejected, 3 inconclusive, 4 PATH could not be read.
    """
    options = Options(
        allow_pickle=allow_pickle,
        approved_templates=frozenset(templates),
        approved_tokenizers=frozenset(tokenizers),
        approved_files=dict(files),
        pinned_code=frozenset(code),
        base=None if base is None else base_of(base),
    )
    with open_folder(path) as tree:
        report = scan(tree, options)
    if output == "json":
        print_json(document(report))
    else:
        show(path, report)
    return Exit(EXIT_OF[report.outcome])


def base_of(path: Path) -> Base:
    """The tensors of an adapter's base, of which headers are read."""
    with open_folder(path) as tree:
        return Base(tensors=scan(tree, Options(allow_pickle=True)).tensors)


def document(report: ScanReport) -> dict[str, object]:
    """Everything as one JSON document; what a code means and how to mend it stand beside it."""
    return {
        "outcome": report.outcome,
        "findings": [
            {
                "code": found.code,
                "severity": found.severity,
                "path": found.path,
                "tensor": found.tensor,
                "offset": found.offset,
                "expected": found.expected,
                "measured": found.measured,
                "meaning": found.title,
                "fix": found.fix,
            }
            for found in report.findings
        ],
        "files": [
            {"path": file.path, "format": file.format, "size": file.size, "facts": file.facts}
            for file in report.files
        ],
        "facts": report.facts,
    }


def show(path: Path, report: ScanReport) -> None:
    """Everything for a person: each kind of finding with its places, why it matters, what to do."""
    groups: dict[str, list[Finding]] = {}
    for found in report.findings:
        groups.setdefault(found.code, []).append(found)
    for code, findings in groups.items():
        first = findings[0]
        label = click.style(f"{first.severity:<12}", fg=COLOURS[first.severity], bold=True)
        click.echo(f"{label} {click.style(code, bold=True)}")
        for line in places(findings):
            click.echo(f"  where  {line}")
        click.echo(f"  why    {first.title}")
        click.echo(f"  do     {first.fix}\n")
    formats: dict[str, int] = {}
    for file in report.files:
        formats[file.format] = formats.get(file.format, 0) + 1
    kinds = ", ".join(f"{count} {name}" for name, count in sorted(formats.items()))
    click.echo(
        f"{printable(str(path))}: {paint(report.outcome)} ({len(report.files)} files: {kinds})"
    )
    if report.outcome == "accepted":
        say("Accepted means: every file was read, and nothing in them runs or contradicts itself.")
        say("It does not say whose model it is (`lotabots model verify`), nor what it was taught.")


MOST = 10
"""Places of one kind of finding that are shown; `-o json` has all."""


def places(findings: list[Finding]) -> Iterator[str]:
    """One line for each place: file, tensor or offset, and what was found there."""
    for found in findings[:MOST]:
        line = found.path or "the model"
        if found.tensor:
            line += f", tensor {found.tensor}"
        if found.offset is not None:
            line += f", byte {found.offset}"
        if found.measured:
            line += f": {found.measured}"
        if found.expected:
            line += f" (expected: {found.expected})"
        yield printable(line)
    if len(findings) > MOST:
        yield f"and {len(findings) - MOST} more"

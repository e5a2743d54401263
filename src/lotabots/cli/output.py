"""Exit codes, and where words go: results on stdout, what is said about them on stderr."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum

import click
import msgspec


class Exit(IntEnum):
    """Exit codes (DESIGN section 7)."""

    OK = 0
    REJECTED = 1
    USAGE = 2
    INCONCLUSIVE = 3
    FAILED = 4


# Keyed by the words of `appraisal.Outcome`, which is not imported here: `--help` must stay light.
EXIT_OF = {"accepted": Exit.OK, "rejected": Exit.REJECTED, "inconclusive": Exit.INCONCLUSIVE}
COLOUR_OF = {
    "accepted": "green",
    "rejected": "red",
    "inconclusive": "yellow",
    "stale": "yellow",
    "unknown": "white",
}

output_option = click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="json: one document on stdout.",
)


def say(text: str) -> None:
    """Words for a person, on stderr."""
    click.echo(text, err=True)


def printable(text: str) -> str:
    """The text with every character escaped that would move a terminal or hide from a reader.

    For names that others chose: of files, of tensors.
    """
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def needs_server(command: str, missing: ModuleNotFoundError) -> Exit:
    """The exit code of a command that needs more than the base install, which is said.

    Raises the error again if what is missing is a module of ours: that is no missing package.
    """
    if missing.name is None or missing.name.startswith("lotabots"):
        raise missing
    extra = "agent" if command.split(maxsplit=1)[0] == "agent" else "server"
    say(f"`lotabots {command}` needs more than the base install ({missing.name} is missing).")
    say(f"Install it with: pip install 'lotabots[{extra}]'")
    return Exit.USAGE


def print_json(value: object) -> None:
    """One JSON document on stdout."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def paint(outcome: str) -> str:
    """The outcome in its colour, where there is a terminal that wants one."""
    return click.style(outcome, fg=COLOUR_OF[outcome], bold=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on stdout: as wide as the terminal, or plain and never folded where there is none."""
    if not sys.stdout.isatty():
        # Without rich, whose start takes as long as many a command: programs wait for this one.
        click.echo("\n".join(_aligned(columns, rows)))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    context = click.get_current_context(silent=True)
    plain = (context is not None and context.find_root().color is False) or "NO_COLOR" in os.environ
    console = Console(no_color=plain, highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold", expand=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text.from_ansi(cell) for cell in row))
    console.print(table)


def _aligned(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table without colours, its columns two spaces apart."""
    lines = [columns, *([click.unstyle(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield "  ".join(cells).rstrip()

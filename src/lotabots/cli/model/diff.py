"""`lotabots model diff`: which tensors and files of two models differ, by name."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from lotabots.cli.model.digest_cache import cache_option
from lotabots.cli.model.reading import hash_model, read_headers, told, unjudged
from lotabots.cli.output import Exit, output_option, print_json, print_table, printable, say
from lotabots.kernel import LotaError
from lotabots.models import Finding, Hashed, TensorEntry
from lotabots.models.read import Folder, open_folder
from lotabots.models.tensors import Change, Changed, Difference, changed_rows, compare

PIECE = 4 * 1024 * 1024
SHOWN_ROWS = 8


@click.command("diff")
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option(
    "--by-tensors",
    is_flag=True,
    help="Judge by the tensors alone: how they are cut into files does not matter.",
)
@cache_option
@output_option
def command(a: Path, b: Path, by_tensors: bool, cache: bool, output: str) -> int:
    """Say how the model B differs from A: tensors and files changed, added, renamed, re-sharded.

    Exit codes: 0 the same, 1 they differ, 3 it could not be judged.
    """
    with open_folder(a) as first, open_folder(b) as second:
        was, now = read_headers(first), read_headers(second)
        difference = compare(
            was_hashed := hash_model(first, was, cached=cache, words="Reading A"),
            now_hashed := hash_model(second, now, cached=cache, words="Reading B"),
        )
        rows = dict(rows_of(difference, (first, was_hashed), (second, now_hashed)))
    findings = (*was.findings, *was_hashed.findings), (*now.findings, *now_hashed.findings)
    verdict = judge(difference, by_tensors, findings[0] + findings[1])
    if output == "json":
        cached = was_hashed.cached or now_hashed.cached
        print_json(document(verdict, difference, rows, findings, cached))
    else:
        show(verdict, difference, rows)
        for path, found in ((a, findings[0]), (b, findings[1])):
            for line in told(path, found):
                say(line)
    return {"same": Exit.OK, "inconclusive": Exit.INCONCLUSIVE}.get(verdict, Exit.REJECTED)


def judge(difference: Difference, by_tensors: bool, findings: Sequence[Finding]) -> str:
    """`same`, `differs`, `resharded`, or `inconclusive`: equal as far as it could be read."""
    if by_tensors:
        if difference.tensors:
            return "differs"
        nothing = not difference.same_tensors
        return "inconclusive" if nothing or unjudged(tuple(findings)) else "same"
    if difference.resharded:
        return "resharded"
    if not difference.same:
        return "differs"
    nothing = not difference.same_files
    return "inconclusive" if nothing or unjudged(tuple(findings)) else "same"


def rows_of(
    difference: Difference, was: tuple[Folder, Hashed], now: tuple[Folder, Hashed]
) -> Iterator[tuple[str, str]]:
    """Which rows of each changed matrix differ, in a few words."""
    one, other = ({entry.name: entry for entry in side[1].tensors} for side in (was, now))
    for change in difference.tensors:
        if change.change is not Change.CHANGED or change.name not in one:
            continue
        entry = one[change.name]
        if len(entry.shape) == 2 and entry.shape[0] and entry.end > entry.begin:
            try:
                yield change.name, changed_words(was[0], entry, now[0], other[change.name])
            except LotaError:
                continue  # changed since it was hashed; that it differs stands


def changed_words(was: Folder, first: TensorEntry, now: Folder, second: TensorEntry) -> str:
    """The rows in which two tensors of one shape differ; empty if rows are not whole bytes."""
    length, count = first.end - first.begin, first.shape[0]
    if length % count or second.end - second.begin != length:
        return ""
    width = length // count
    step = max(PIECE // width, 1) * width
    one, other = was.content(first.path), now.content(second.path)
    found = changed_rows(
        (
            (
                one.read(first.begin + at, min(step, length - at)),
                other.read(second.begin + at, min(step, length - at)),
            )
            for at in range(0, length, step)
        ),
        width,
    )
    rows = sum(end - begin for begin, end in found)
    shown = [str(a) if b == a + 1 else f"{a}-{b - 1}" for a, b in found[:SHOWN_ROWS]]
    more = ", ..." if len(found) > SHOWN_ROWS else ""
    return f"{rows} of {count} rows: {', '.join(shown)}{more}"


def document(
    verdict: str,
    difference: Difference,
    rows: dict[str, str],
    findings: tuple[tuple[Finding, ...], tuple[Finding, ...]],
    cached: bool,
) -> dict[str, object]:
    """The answer as one JSON document."""
    return {
        "verdict": verdict,
        "same_tensors": difference.same_tensors,
        "same_files": difference.same_files,
        "tensors": difference.tensors,
        "moved": difference.moved,
        "files": difference.files,
        "rows": rows,
        "cached": cached,
        "findings": {"a": findings[0], "b": findings[1]},
    }


WORDS = {
    "same": ("the same", "green"),
    "resharded": ("the same tensors, cut into files otherwise", "yellow"),
    "differs": ("they differ", "red"),
    "inconclusive": ("could not be judged", "yellow"),
}


def show(verdict: str, difference: Difference, rows: dict[str, str]) -> None:
    """The answer for a person: the verdict, the tensors, the files."""
    words, colour = WORDS[verdict]
    click.echo(click.style(words, fg=colour, bold=True) + f"  {counts(difference)}")
    if difference.tensors:
        columns = ["", "tensor", "was", "is now", ""]
        print_table(columns, [row(one, rows.get(one.name, "")) for one in difference.tensors])
    if difference.files:
        print_table(["", "file", "was", "is now", ""], [row(one, "") for one in difference.files])


def row(one: Changed, words: str) -> tuple[str, str, str, str, str]:
    """A line of a table."""
    if one.change is Change.RENAMED:
        words = f"now {one.now}"
    if one.change is Change.RESHAPED and one.same_bytes:
        words = "the same bytes"
    cells = (one.name, one.was_type, one.now_type, words)
    name, was, now, more = map(printable, cells)
    return str(one.change), name, was, now, more


def counts(difference: Difference) -> str:
    """How many of each, in one line."""
    parts = [f"{difference.same_tensors} tensors and {difference.same_files} files are the same"]
    if difference.moved:
        parts.append(f"{len(difference.moved)} tensors are in other files")
    for kind in Change:
        count = sum(one.change is kind for one in difference.tensors)
        if count:
            parts.append(f"{count} {kind}")
    return ", ".join(parts)

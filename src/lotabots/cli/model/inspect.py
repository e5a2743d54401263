"""`lotabots model inspect`: the files of a model, their formats, and the tensors in them."""

import math
import re
from collections.abc import Iterable
from pathlib import Path

import click

from lotabots.cli.model.reading import Headers, read_headers, told
from lotabots.cli.output import Exit, output_option, print_json, print_table, printable, say
from lotabots.kernel import Json
from lotabots.models import FileKind, Severity, TensorEntry
from lotabots.models.read import open_folder

NUMBER = re.compile(r"(?<![^./_-])\d+(?![^./_-])")
"""A number that is a part of a name by itself: of a layer, of an expert."""
MAX_FACT = 60


@click.command("inspect")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--tensors", "every", is_flag=True, help="List each tensor, not each kind of layer.")
@output_option
def command(path: Path, every: bool, output: str) -> int:
    """Show what PATH holds: files, formats, tensors, parameters. Reads headers only.

    What is shown are the words of whoever made the files. Exit codes: 0, and 3 if something could
    not be read.
    """
    with open_folder(path) as tree:
        headers = read_headers(tree)
    tensors = [one for parsed in headers.parsed.values() for one in parsed.tensors]
    if output == "json":
        print_json(document(headers, tensors))
    else:
        show(headers, tensors, every)
        for line in told(path, headers.findings):
            say(line)
    whole = all(one.severity is Severity.WARNING for one in headers.findings)
    return Exit.OK if whole else Exit.INCONCLUSIVE


def document(headers: Headers, tensors: list[TensorEntry]) -> dict[str, object]:
    """Everything as one JSON document."""
    return {
        "size": headers.size,
        "parameters": parameters(tensors),
        "files": [
            {
                "path": one.path,
                "kind": one.kind,
                "size": one.size,
                "target": one.target,
                "format": parsed.format if parsed else "",
                "tensors": len(parsed.tensors) if parsed else 0,
                "facts": parsed.facts if parsed else {},
            }
            for one in headers.listed
            for parsed in [headers.parsed.get(one.path)]
        ],
        "tensors": [
            {
                "name": one.name,
                "dtype": one.dtype,
                "shape": one.shape,
                "path": one.path,
                "begin": one.begin,
                "end": one.end,
            }
            for one in tensors
        ],
        "findings": headers.findings,
    }


def show(headers: Headers, tensors: list[TensorEntry], every: bool) -> None:
    """Everything for a person."""
    line = f"{len(headers.listed)} files, {in_bytes(headers.size)}"
    if tensors:
        line += f", {len(tensors)} tensors, {in_short(parameters(tensors))} parameters"
    click.echo(click.style(line, bold=True))
    print_table(["file", "format", "size", "tensors", ""], files_of(headers))
    if tensors:
        rows = each(tensors) if every else layers(tensors)
        print_table(["tensor", "count", "type", "shape", "parameters"], rows)


def files_of(headers: Headers) -> Iterable[tuple[str, str, str, str, str]]:
    """One row for each file."""
    for one in headers.listed:
        parsed = headers.parsed.get(one.path)
        if one.kind is not FileKind.REGULAR:
            words = f"-> {printable(one.target)}" if one.kind is FileKind.SYMLINK else ""
            yield printable(one.path), str(one.kind), "", "", words
            continue
        count = str(len(parsed.tensors)) if parsed and parsed.tensors else ""
        words = facts_in_short(parsed.facts) if parsed else ""
        name = parsed.format if parsed else ""
        yield printable(one.path), name, in_bytes(one.size), count, printable(words)


def facts_in_short(facts: object) -> str:
    """The facts of one header that fit a line."""
    if not isinstance(facts, dict):
        return ""
    plain: dict[str, Json] = {
        name: value
        for name, value in facts.items()
        if isinstance(value, str | int | float) and 0 < len(str(value)) <= MAX_FACT
    }
    return ", ".join(f"{name} {value}" for name, value in list(plain.items())[:6])


def layers(tensors: Iterable[TensorEntry]) -> list[tuple[str, str, str, str, str]]:
    """One row for all tensors that differ in a number of their names only."""
    groups: dict[tuple[str, str, tuple[int, ...]], list[TensorEntry]] = {}
    for one in tensors:
        groups.setdefault((NUMBER.sub("*", one.name), one.dtype, one.shape), []).append(one)
    return [
        (
            printable(name if len(members) > 1 else members[0].name),
            str(len(members)),
            printable(dtype),
            shape_of(shape),
            in_short(math.prod(shape) * len(members)),
        )
        for (name, dtype, shape), members in groups.items()
    ]


def each(tensors: Iterable[TensorEntry]) -> list[tuple[str, str, str, str, str]]:
    """One row for each tensor."""
    return [
        (
            printable(one.name),
            "1",
            printable(one.dtype),
            shape_of(one.shape),
            in_short(math.prod(one.shape)),
        )
        for one in tensors
    ]


def parameters(tensors: Iterable[TensorEntry]) -> int:
    """The elements of all tensors together."""
    return sum(math.prod(one.shape) for one in tensors)


def shape_of(shape: tuple[int, ...]) -> str:
    """A shape as people write it."""
    return " x ".join(map(str, shape)) or "scalar"


def in_short(count: int) -> str:
    """A number of parameters as people say it: 7.24B."""
    for size, letter in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "K")):
        if count >= size:
            return f"{count / size:.3g}{letter}"
    return str(count)


def in_bytes(size: int) -> str:
    """A number of bytes as people say it: 1.2 GB, in powers of ten."""
    for unit, letter in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return f"{size / unit:.3g} {letter}"
    return f"{size} B"

"""A bar on stderr while a model is read: how much, how fast, how much longer."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

WORTH = 512 * 1024 * 1024
"""Bytes below which nobody waits long enough to read a bar, or for it to be loaded."""


@contextmanager
def progress(words: str, total: int) -> Iterator[Callable[[int], None] | None]:
    """What is to be told of bytes that are done; None where nobody looks."""
    if total < WORTH or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    context = click.get_current_context(silent=True)
    plain = context is not None and context.find_root().color is False
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(compact=True),
        console=Console(stderr=True, no_color=plain),
        transient=True,
    )
    with bar:
        task = bar.add_task(words, total=total)
        yield lambda count: bar.advance(task, count)

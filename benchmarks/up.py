"""Seconds from `lotabots up` until it answers: on an empty data directory, and again."""

import statistics
import tempfile
from pathlib import Path

from benchmarks.server import server
from benchmarks.table import Row

ROUNDS = 3

NOTES = [
    "From the start of the process until the server says that it answers; embedded PostgreSQL,",
    "fsync on. The first start makes cluster, schemas, keys and the first administrator.",
]


def run() -> tuple[list[Row], list[str]]:
    first, later = [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(prefix="lotabots-bench-") as folder:
            for seconds in (first, later):
                with server(Path(folder)) as ours:
                    seconds.append(ours.seconds)
    one, two = statistics.median(first), statistics.median(later)
    return [
        Row("up-first-s", one, None, "s", None, "<= 5 s", one <= 5),
        Row("up-later-s", two, None, "s", None, "<= 3 s", two <= 3),
    ], NOTES

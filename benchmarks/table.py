"""One row of a benchmark, and how rows are printed."""

import os
import platform
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """Ours against a peer; `goal` is the least ratio, or the bound on `ours` with no peer."""

    metric: str
    ours: float
    peer: float | None
    unit: str
    ratio: float | None
    goal: str
    holds: bool | None

    def plain(self) -> dict[str, object]:
        return asdict(self)


def against(metric: str, ours: float, peer: float, unit: str, least: float | None) -> Row:
    """A row where less is better and the ratio is peer over ours."""
    ratio = peer / ours
    goal = f">= {least:g}x" if least else "shown"
    return Row(metric, ours, peer, unit, ratio, goal, None if least is None else ratio >= least)


def figure(value: float | None) -> str:
    return "" if value is None else f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"


def cells(row: Row) -> list[str]:
    ratio = "" if row.ratio is None else f"{row.ratio:.1f}x"
    holds = {True: "yes", False: "NO", None: ""}[row.holds]
    return [row.metric, figure(row.ours), figure(row.peer), row.unit, ratio, row.goal, holds]


HEADER = ["metric", "ours", "peer", "unit", "ratio", "goal", "holds"]


def table(rows: list[Row]) -> str:
    lines = [HEADER, *(cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def markdown(rows: list[Row]) -> str:
    lines = [HEADER, ["---"] * len(HEADER), *(cells(row) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def machine() -> str:
    """What it ran on, without naming the machine."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    day = date.today()  # noqa: DTZ011 — the day at the place of the machine is what is meant
    return f"{os.cpu_count()} cores ({model}), Python {platform.python_version()}, {day:%Y-%m-%d}"

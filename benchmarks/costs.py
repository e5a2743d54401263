"""What a server holds and uses: CPU, memory, files, connections of its database (proc(5))."""

import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.server import Server, cpu_of, family

MIB = 1024 * 1024
KIB = 1024


@dataclass(frozen=True)
class Costs:
    """A look at a server and its PostgreSQL."""

    at: float
    server_cpu: float
    postgres_cpu: float
    """Seconds so far."""
    resident: float
    """MiB of the server's own process."""
    files: int
    database: int
    """Processes of PostgreSQL that serve a connection."""


def look(server: Server) -> Costs:
    """The costs until now."""
    others = [pid for pid in family(server.pid) if pid != server.pid]
    served = [pid for pid in others if _serves(pid)]
    return Costs(
        time.monotonic(),
        cpu_of(server.pid),
        sum(map(cpu_of, others)),
        _resident(server.pid),
        len(list(Path(f"/proc/{server.pid}/fd").iterdir())),
        len(served),
    )


def cores(before: Costs, after: Costs) -> tuple[float, float]:
    """Percent of a core that server and PostgreSQL used between two looks."""
    seconds = (after.at - before.at) / 100
    return (
        (after.server_cpu - before.server_cpu) / seconds,
        (after.postgres_cpu - before.postgres_cpu) / seconds,
    )


def _resident(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * KIB / MIB
    return 0.0


def _serves(pid: int) -> bool:
    """Whether this is a backend: PostgreSQL writes role and database into its title."""
    try:
        return b"postgres: lotabots" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return False

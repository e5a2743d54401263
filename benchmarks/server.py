"""A server of our own for a benchmark: `lotabots up` in a process of its own, and what it costs."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lotabots.simulator import roots_pem

TICKS = os.sysconf("SC_CLK_TCK")
READY = re.compile(r"answers at (http://\S+)")
PASSWORD = re.compile(r"password  (\S+)")


@dataclass(frozen=True)
class Server:
    """A server that answers."""

    url: str
    password: str
    pid: int
    seconds: float
    """From the start of the process until it answered."""

    def cpu(self) -> float:
        """Seconds of CPU that the server and its PostgreSQL have used, children that ended too."""
        return sum(_cpu(pid) for pid in _family(self.pid))


@contextmanager
def server(data: Path) -> Iterator[Server]:
    """`lotabots up` on this data directory, with the simulator's roots as simulated anchors."""
    anchors = data / "anchors.pem"
    first = not anchors.exists()
    data.mkdir(parents=True, exist_ok=True)
    anchors.write_bytes(roots_pem())
    environ = dict(os.environ) | {
        "LOTA_ATTESTATION_SIMULATED_ANCHORS": str(anchors),
        "LOTA_ATTESTATION_DEFAULT_POLICY": "demo",
        "LOTA_LOG_LEVEL": "warning",
        # One address and one user ask as much as a whole site would.
        "LOTA_LIMITS_SUBMIT_IP": "1000000/1s",
        "LOTA_LIMITS_SUBMIT_USER": "1000000/1s",
        "LOTA_LIMITS_DEFAULT_IP": "1000000/1s",
        "LOTA_LIMITS_DEFAULT_USER": "1000000/1s",
    }
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "lotabots", "up", "--data", str(data), "--port", "0"],
        env=environ,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield _announced(process, began, first=first)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _announced(process: "subprocess.Popen[str]", began: float, *, first: bool) -> Server:
    """The server once it said its address and, on its first start, the password behind it."""
    url, seconds, said = "", 0.0, ""
    for line in process.stderr or ():
        said += line
        if found := READY.search(line):
            url, seconds = found[1], time.perf_counter() - began
            break
    if not url:
        raise SystemExit(f"the server did not start:\n{said}")
    password = ""
    for line in process.stderr or () if first else ():
        if found := PASSWORD.search(line):
            password = found[1]
            break
    return Server(url, password, process.pid, seconds)


def _family(pid: int) -> Iterator[int]:
    """The process and all that descend from it."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from _family(int(child))


def _cpu(pid: int) -> float:
    """User and system seconds of a process, and of its children that have ended (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(value) for value in fields[11:15]) / TICKS

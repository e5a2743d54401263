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
        return sum(cpu_of(pid) for pid in family(self.pid))


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
        "LOTA_ATTESTATION_WEBHOOK_INSECURE": "true",  # a receiver on this machine
        "LOTA_LOG_LEVEL": "warning",
        # One address and one user ask as much as a whole site would.
        "LOTA_LIMITS_SUBMIT_IP": "1000000/1s",
        "LOTA_LIMITS_SUBMIT_USER": "1000000/1s",
        "LOTA_LIMITS_TOKEN_IP": "1000000/1s",
        "LOTA_LIMITS_TOKEN_USER": "1000000/1s",
        "LOTA_LIMITS_DEFAULT_IP": "1000000/1s",
        "LOTA_LIMITS_DEFAULT_USER": "1000000/1s",
    }
    log = data / "log"
    began = time.perf_counter()
    with log.open("wb") as said:  # a pipe that nobody reads would be full one day
        process = subprocess.Popen(
            [sys.executable, "-m", "lotabots", "up", "--data", str(data), "--port", "0"],
            env=environ,
            stderr=said,
        )
    try:
        yield _announced(process, log, began, first=first)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _announced(
    process: "subprocess.Popen[bytes]", log: Path, began: float, *, first: bool
) -> Server:
    """The server once it said its address and, on its first start, the password behind it."""
    url = password = None
    seconds = 0.0
    while not (url and (password or not first)):
        if process.poll() is not None:
            raise SystemExit(f"the server did not start:\n{log.read_text()}")
        time.sleep(0.005)
        said = log.read_text()
        if url is None and (url := READY.search(said)):
            seconds = time.perf_counter() - began
        password = PASSWORD.search(said)
    return Server(url[1], password[1] if password else "", process.pid, seconds)


def family(pid: int) -> Iterator[int]:
    """The process and all that descend from it."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except FileNotFoundError:  # it has just ended
            continue
        for child in children:
            yield from family(int(child))


def cpu_of(pid: int) -> float:
    """User and system seconds of a process, and of its children that have ended (proc(5))."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return sum(int(value) for value in fields[11:15]) / TICKS

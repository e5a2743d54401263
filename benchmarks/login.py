"""A storm of log-ins on one core: what everybody else feels while passwords are hashed."""

import os
import re
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

from benchmarks.server import Server, server
from benchmarks.table import Row
from lotabots.cli.client import Client
from lotabots.cli.demo.fleet import ADMINISTRATOR, log_in
from lotabots.kernel import Kind, LotaError

CLIENTS, SECONDS, ROUNDS = 4, 8, 3
PATH = "/v1/me"
P99 = re.compile(r"99%\s+([\d.]+)(us|ms|s)")
MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}

NOTES = [
    "p99 of GET /v1/me (token, limits, one read of PostgreSQL) by wrk over four connections, while",
    "four clients log in without pause at bcrypt cost 12, and while none does; medians of three",
    "rounds in turn. The server and its PostgreSQL have one core, wrk and the clients the other.",
]


def run() -> tuple[list[Row], list[str]]:
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="lotabots-bench-") as folder:
        os.environ |= {"LOTA_LIMITS_LOGIN_IP": "1000000/1s"}
        os.sched_setaffinity(0, cores[:1])  # the server is made by us, and keeps it
        with server(Path(folder)) as ours:
            os.sched_setaffinity(0, cores[-1:])
            with Client(ours.url) as client:
                token = log_in(client, ours.password)
            p99_ms(ours.url, token)
            idle, stormy, logins = [], [], []
            for _ in range(ROUNDS):
                idle.append(p99_ms(ours.url, token))
                with Storm(ours) as storm:
                    stormy.append(p99_ms(ours.url, token))
                logins.append(storm.done / SECONDS)
    calm, storm_ms = sorted(idle)[ROUNDS // 2], sorted(stormy)[ROUNDS // 2]
    ratio = storm_ms / calm
    return [
        Row("login-storm-p99", storm_ms, calm, "ms", ratio, "<= 5x idle", ratio <= 5),
        Row("logins-s", sorted(logins)[ROUNDS // 2], None, "/s", None, "shown", None),
    ], NOTES


def p99_ms(url: str, token: str) -> float:
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("wrk is not installed")
    said = subprocess.run(
        [wrk, "-t1", "-c4", f"-d{SECONDS}s", "--latency", "-H", f"authorization: Bearer {token}",
         url + PATH],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    found = P99.search(said)
    if found is None or "Non-2xx" in said:
        raise SystemExit(f"{url} answered amiss:\n{said}")
    return float(found[1]) * MS[found[2]]


class Storm:
    """Clients that log in over and over while the block runs."""

    def __init__(self, ours: Server) -> None:
        self._ours = ours
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._log_in) for _ in range(CLIENTS)]
        self.done = 0

    def __enter__(self) -> "Storm":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _log_in(self) -> None:
        body = {"username": ADMINISTRATOR, "password": self._ours.password}
        with Client(self._ours.url) as client:
            while not self._over.is_set():
                try:
                    client.post("/v1/login", body)
                    self.done += 1
                except LotaError as error:
                    if error.kind is not Kind.RATE_LIMITED:  # the queue is full: asked again
                        raise

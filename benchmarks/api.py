"""Attesting simulated GPUs through HTTP: verdicts a second, and what each costs."""

import multiprocessing
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.server import Server, server
from benchmarks.table import Row
from lotabots.cli.client import Client
from lotabots.cli.demo.fleet import attest, log_in, register, upload
from lotabots.runtime.clock import utc_now
from lotabots.simulator import Node, make_node, reference_files

CALLERS, WARM, RUNS = 8, 40, 1500

NOTES = [
    "One simulated GPU a submission: challenge, evidence, every check, verdict, signed result,",
    "audit entry; two requests; a commit each for challenge, its use, and the verdict (fsync on).",
    "Eight callers in a process of their own share two cores with the server and its PostgreSQL.",
]


def run() -> tuple[list[Row], list[str]]:
    with (
        tempfile.TemporaryDirectory(prefix="lotabots-bench-") as folder,
        server(Path(folder)) as ours,
    ):
        nodes = [make_node(f"bench-{index}", gpus=1) for index in range(CALLERS)]
        ids, token = prepare(ours, nodes)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            pool.apply(load, (ours.url, token, ids, WARM))
            before = ours.cpu()
            seconds, latencies = pool.apply(load, (ours.url, token, ids, RUNS))
            cpu = ours.cpu() - before
    rate, each = RUNS / seconds, cpu / RUNS * 1000
    p99 = statistics.quantiles(latencies, n=100)[98] * 1000
    return [
        Row("api-verdicts-s", rate, None, "/s", None, ">= 150/s", rate >= 150),
        Row("api-cpu-ms", each, None, "ms", None, "shown", None),
        Row("api-p50-ms", statistics.median(latencies) * 1000, None, "ms", None, "shown", None),
        Row("api-p99-ms", p99, None, "ms", None, "shown", None),
    ], NOTES


def prepare(ours: Server, nodes: list[Node]) -> tuple[list[str], str]:
    """The nodes registered, with their reference values in force."""
    with Client(ours.url) as client:
        client.token = log_in(client, ours.password)
        upload(client, reference_files(utc_now(), nodes))
        return [register(client, node) for node in nodes], client.token


def load(url: str, token: str, ids: list[str], runs: int) -> tuple[float, list[float]]:
    """Seconds for all runs, and of each, by one caller a node."""
    nodes = [make_node(f"bench-{index}", gpus=1) for index in range(CALLERS)]

    def call(place: int) -> list[float]:
        spent = []
        with Client(url, token) as client:
            for _ in range(runs // CALLERS):
                began = time.perf_counter()
                answer = attest(client, nodes[place], ids[place])
                spent.append(time.perf_counter() - began)
                if answer.status != "accepted":
                    raise SystemExit(f"not accepted: {answer.first_reason}")
        return spent

    began = time.perf_counter()
    with ThreadPoolExecutor(CALLERS) as callers:
        latencies = [value for spent in callers.map(call, range(CALLERS)) for value in spent]
    return time.perf_counter() - began, latencies

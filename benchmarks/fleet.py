"""A fleet of simulated nodes with TPMs, over HTTP against the whole stack, on two cores."""

import asyncio
import multiprocessing
import statistics
import tempfile
import time
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from benchmarks.fleet_agents import Agent, Connections, agents
from benchmarks.fleet_events import REJECTED, rows
from benchmarks.server import Server, server
from benchmarks.table import Row
from lotabots.cli.client import Client
from lotabots.cli.demo.fleet import log_in
from lotabots.runtime.clock import utc_now
from lotabots.simulator import reference_files

ENROLLED, AT_ONCE = 400, 18
"""Nodes of the closed loop, and how many of them attest at one moment."""
SECONDS = 20.0

NOTES = [
    "Nodes with a TPM and an agent (SIMULATED, an ECDSA P-256 quote each); one light attestation",
    "a request: proof, quote, manifest, every check, verdict, result, audit entry, state, and the",
    "next challenge. Two commits (the challenge is spent in one of its own), fsync on.",
    "The agents are another process on the same two cores as server and PostgreSQL.",
    "Those that attest together are spent, and stored, together: one transaction of each kind.",
    f"`event`, `webhook`: from when a node sends what is rejected ({REJECTED} nodes, one by one)",
    "until a client of the event stream, and a receiver of webhooks on loopback, has the event.",
]


@dataclass(frozen=True)
class Loaded:
    """What a closed loop of attestations came to."""

    done: int
    seconds: float
    latencies: list[float]


def run() -> tuple[list[Row], list[str]]:
    with (
        tempfile.TemporaryDirectory(prefix="lotabots-bench-") as folder,
        server(Path(folder)) as ours,
    ):
        with Client(ours.url) as client:
            client.token = log_in(client, ours.password)
            prepare(client, ours.url)
            began = time.perf_counter()
            tokens = [token(client) for _ in range(ENROLLED)]
            made = time.perf_counter() - began
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            enrolling, loaded, spent = pool.apply(load, (ours.url, tokens, ours.pid))
        with Client(ours.url) as client:
            client.token = log_in(client, ours.password)
            tokens = [token(client) for _ in range(REJECTED)]
            heard = rows(client, ours.url, ENROLLED, tokens)
    p95 = statistics.quantiles(loaded.latencies, n=100)[94] * 1000
    rate = loaded.done / loaded.seconds
    return [
        Row("enrol-s", ENROLLED / enrolling, None, "/s", None, "shown", None),
        Row("token-s", ENROLLED / made, None, "/s", None, "shown", None),
        Row("tpm-light-s", rate, None, "/s", None, ">= 300/s", rate >= 300),
        Row("tpm-light-p95-ms", p95, None, "ms", None, "< 100 ms", p95 < 100),
        Row("tpm-light-cpu-ms", spent / loaded.done * 1000, None, "ms", None, "shown", None),
        *heard,
    ], NOTES


def prepare(client: Client, url: str) -> None:
    """The reference values of the simulated machines, and a policy for nodes without a GPU."""
    [one] = agents(url, 0, 1)
    files = reference_files(utc_now(), [one.node])
    named = [{"name": name, "data": b64encode(data).decode()} for name, data in files.files]
    client.post("/v1/reference/files", {"name": "bench", "files": named})
    client.post("/v1/policies/demo-host/activate", {})


def token(client: Client) -> str:
    """A token for one node."""
    answer = client.post("/v1/enrolment-tokens", {"node_class": "host"})
    return str(msgspec.json.decode(answer, type=dict[str, object])["token"])


def load(url: str, tokens: list[str], pid: int) -> tuple[float, Loaded, float]:
    """Seconds of enrolling, the closed loop, and the server's CPU seconds in it."""
    return asyncio.run(_load(url, tokens, pid))


async def _load(url: str, tokens: list[str], pid: int) -> tuple[float, Loaded, float]:
    parts = urlsplit(url)
    connections = Connections(parts.hostname or "", parts.port or 80, AT_ONCE)
    fleet = agents(url, 0, len(tokens))
    began = time.perf_counter()
    await asyncio.gather(
        *(one.enrol(connections, text) for one, text in zip(fleet, tokens, strict=True))
    )
    enrolling = time.perf_counter() - began
    await asyncio.gather(*(one.attest(connections, "full") for one in fleet))
    _check(fleet)
    cpu = Server(url, "", pid, 0.0).cpu
    before = cpu()
    loaded = await _closed(fleet, connections)
    return enrolling, loaded, cpu() - before


async def _closed(fleet: list[Agent], connections: Connections) -> Loaded:
    waiting: asyncio.Queue[Agent] = asyncio.Queue()
    for one in fleet:
        waiting.put_nowait(one)
    latencies: list[float] = []
    began = time.perf_counter()

    async def caller() -> None:
        while time.perf_counter() - began < SECONDS:
            one = waiting.get_nowait()
            sent = time.perf_counter()
            await one.attest(connections)
            latencies.append(time.perf_counter() - sent)
            waiting.put_nowait(one)

    await asyncio.gather(*(caller() for _ in range(AT_ONCE)))
    seconds = time.perf_counter() - began
    _check(fleet)
    return Loaded(len(latencies), seconds, latencies)


def _check(fleet: list[Agent]) -> None:
    wrong = {one.status for one in fleet} - {"accepted"}
    if wrong:
        raise RuntimeError(f"not accepted: {wrong}")

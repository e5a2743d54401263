"""A fleet at its interval: is a node ever called stale that was never late?

FLEET_NODES nodes (10,000) attest every 60 s, spread evenly, for FLEET_SECONDS (600) after the last
of them has joined.
"""

import asyncio
import multiprocessing
import os
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from benchmarks.fleet import prepare, token
from benchmarks.fleet_agents import Agent, Connections, agents
from benchmarks.server import Server, server
from benchmarks.table import Row
from lotabots.cli.client import Client
from lotabots.cli.demo.fleet import log_in

NODES = int(os.environ.get("FLEET_NODES", "10000"))
SECONDS = float(os.environ.get("FLEET_SECONDS", "600"))
INTERVAL = 60.0
LATE = 5.0
"""Seconds over the interval between two of a node's submissions: the load generator was late."""
JOINING, AT_ONCE = 8, 64

NOTES = [
    "Nodes with a TPM and an agent (SIMULATED) that attest each 60 s, lightly and each 5 min in",
    "full, spread evenly. False: called stale though no two of its submissions were sent more than",
    f"{INTERVAL + LATE:.0f} s apart. `p95` is of an answer. Agents, server and PostgreSQL share",
    "the two cores.",
]


@dataclass
class Count:
    """What came of a run."""

    seconds: float = 0.0
    joining: float = 0.0
    cpu: float = 0.0
    latencies: list[float] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    """Nodes whose agent did not keep the interval."""
    refused: int = 0
    """Answers that were no acceptance."""
    errors: list[str] = field(default_factory=list)


def run() -> tuple[list[Row], list[str]]:
    with (
        tempfile.TemporaryDirectory(prefix="lotabots-bench-") as folder,
        server(Path(folder)) as ours,
    ):
        with Client(ours.url) as client:
            client.token = log_in(client, ours.password)
            prepare(client, ours.url)
            tokens = [token(client) for _ in range(NODES)]
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            count = pool.apply(load, (ours.url, tokens, ours.pid))
        stale = told_stale(ours)
    false = len(stale - set(count.late))
    p95 = statistics.quantiles(count.latencies, n=100)[94] * 1000
    if count.errors:
        print(f"errors: {len(count.errors)}, such as {count.errors[0]}")
    return [
        Row("fleet-nodes", NODES, None, "", None, ">= 10,000", NODES >= 10_000),
        Row("fleet-seconds", count.seconds, None, "s", None, ">= 600 s", count.seconds >= 599),
        Row("fleet-10k-false-stale", false, None, "nodes", None, "0", false == 0),
        Row("fleet-late-agents", len(count.late), None, "nodes", None, "shown", None),
        Row("fleet-not-accepted", count.refused, None, "answers", None, "shown", None),
        Row("fleet-errors", len(count.errors), None, "answers", None, "shown", None),
        Row("fleet-rate-s", len(count.latencies) / count.seconds, None, "/s", None, "shown", None),
        Row("fleet-p95-ms", p95, None, "ms", None, "shown", None),
        Row("fleet-cpu", count.cpu / count.seconds, None, "cores", None, "shown", None),
        Row("fleet-join-s", NODES / count.joining, None, "/s", None, "shown", None),
    ], NOTES


def told_stale(ours: Server) -> set[str]:
    """The nodes that were called stale, by the events that say so."""
    found: set[str] = set()
    position = None
    with Client(ours.url) as client:
        client.token = log_in(client, ours.password)
        while True:
            kinds = "node.stale,node.silent"
            text = client.get("/v1/events", kind=kinds, after=position or "0-0", limit=1000)
            page = msgspec.json.decode(text)
            if not page["items"]:
                return found
            found |= {event["node"] for event in page["items"]}
            position = page["next"]


def load(url: str, tokens: list[str], pid: int) -> Count:
    """The whole run, in a process of its own."""
    return asyncio.run(_load(url, tokens, pid))


async def _load(url: str, tokens: list[str], pid: int) -> Count:
    parts = urlsplit(url)
    connections = Connections(parts.hostname or "", parts.port or 80, AT_ONCE)
    fleet = Fleet(connections, Count())
    began = time.perf_counter()
    joining = asyncio.Semaphore(JOINING)
    waiting: list[asyncio.Task[None]] = []
    for at, text in enumerate(tokens):
        [one] = agents(url, at, 1)  # made as they join: each has keys to make
        await joining.acquire()
        phase = INTERVAL * at / len(tokens)
        waiting.append(asyncio.create_task(fleet.join(one, text, phase, began, joining)))
    for _ in range(JOINING):
        await joining.acquire()
    cpu = Server(url, "", pid, 0.0).cpu
    before, started = cpu(), time.perf_counter()
    fleet.count.joining = started - began
    fleet.count.latencies.clear()
    await asyncio.sleep(SECONDS)
    fleet.over = True
    fleet.count.cpu, fleet.count.seconds = cpu() - before, time.perf_counter() - started
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    return fleet.count


@dataclass
class Fleet:
    """Agents that keep their interval for as long as it is not over."""

    connections: Connections
    count: Count
    over: bool = False

    async def join(
        self, one: Agent, text: str, phase: float, began: float, joining: asyncio.Semaphore
    ) -> None:
        """Joins, and attests at each of its moments: `phase` seconds after each full interval."""
        try:
            await one.enrol(self.connections, text)
        finally:
            joining.release()
        now = time.perf_counter() - began
        due = began + phase + INTERVAL * -(-(now - phase) // INTERVAL)
        sent = None
        scope = "full"
        while not self.over:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            last, sent = sent, time.perf_counter()
            if last is not None and sent - last > INTERVAL + LATE:
                self.count.late.append(one.id)
            scope = await self._attest(one, scope)
            due += INTERVAL

    async def _attest(self, one: Agent, scope: str) -> str:
        sent = time.perf_counter()
        try:
            status = await one.attest(self.connections, scope)
        except (RuntimeError, OSError, asyncio.IncompleteReadError) as error:
            self.count.errors.append(str(error)[:300])
            one.challenge = None
            return scope
        self.count.latencies.append(time.perf_counter() - sent)
        self.count.refused += status != "accepted"
        return one.next_scope

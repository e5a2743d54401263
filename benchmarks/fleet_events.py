"""From a rejection to those who listen: an event stream, and a webhook on this machine."""

import asyncio
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import msgspec

from benchmarks.fleet_agents import Connections, agents
from benchmarks.table import Row
from lotabots.cli.client import Client
from lotabots.kernel import LotaError
from lotabots.simulator import TpmFault

REJECTED = 60
PATIENCE = 30.0


class Arrivals:
    """When word of each node came."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}

    def say(self, event: dict[str, Any]) -> None:
        """Notes the first event that says that a node is rejected."""
        data = event["data"]
        if data.get("after") == "rejected":
            self.at.setdefault(event.get("node") or data["node"], time.perf_counter())


def rows(client: Client, url: str, first: int, tokens: list[str]) -> list[Row]:
    """Seconds from a node sending what is rejected until each of the two has the event."""
    stream, hook = Arrivals(), Arrivals()
    listening = Client(url, client.token)  # its thread reads until the server is gone
    with receiver(hook) as address:
        client.post("/v1/webhooks", {"url": address, "kinds": ["node.standing"]})
        threading.Thread(target=_listen, args=(listening, stream), daemon=True).start()
        sent = asyncio.run(_reject(url, first, tokens, stream, hook))
    return [
        _row("event-p95-ms", sent, stream),
        _row("webhook-p95-ms", sent, hook),
    ]


def _row(name: str, sent: dict[str, float], arrived: Arrivals) -> Row:
    took = [arrived.at[node] - at for node, at in sent.items()]
    p95 = statistics.quantiles(took, n=100)[94] * 1000
    return Row(name, p95, None, "ms", None, "< 1 s", p95 < 1000)


def _listen(client: Client, arrivals: Arrivals) -> None:
    try:
        for event in client.events("/v1/events?kind=node.standing"):
            arrivals.say(msgspec.json.decode(event))
    except LotaError:
        pass  # the benchmark is over, and the server with it


@contextmanager
def receiver(arrivals: Arrivals) -> Iterator[str]:
    """A webhook's receiver on loopback: its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            arrivals.say(msgspec.json.decode(body))
            self.send_response(204)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()


async def _reject(
    url: str, first: int, tokens: list[str], stream: Arrivals, hook: Arrivals
) -> dict[str, float]:
    """When each node sent what is rejected; returns once both have heard of all."""
    parts = urlsplit(url)
    connections = Connections(parts.hostname or "", parts.port or 80, 4)
    fleet = agents(url, first, len(tokens))
    for one, token in zip(fleet, tokens, strict=True):
        await one.enrol(connections, token)
        await one.attest(connections, "full")
    sent = {}
    for one in fleet:
        one.node = one.node.with_fault(TpmFault.PCR_EXTENDED)
        sent[one.id] = time.perf_counter()
        if await one.attest(connections) != "rejected":
            raise RuntimeError(f"{one.status}, not rejected")
        await asyncio.sleep(0.05)
    await _heard({one.id for one in fleet}, stream, hook)
    return sent


async def _heard(nodes: set[str], *arrivals: Arrivals) -> None:
    async with asyncio.timeout(PATIENCE):
        while any(nodes - one.at.keys() for one in arrivals):  # noqa: ASYNC110 - threads fill them
            await asyncio.sleep(0.05)

"""An agent killed at its work, a server that restarts, a database that dies: it goes on."""

import asyncio
import json
import random
import re
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import pytest
from agent.enrolled import Node, agent, join, use_lively_policy
from faults.log import Log
from faults.lotabots_server import serving
from faults.server import back, kill
from plugins.api import Api

from lotabots.runtime.postgres import EmbeddedPostgres

pytestmark = pytest.mark.anyio

LONG = [pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 11)]
IMPATIENT = {"LOTA_AGENT_LONGEST_WAIT": "1"}


@dataclass
class Way:
    """A way to a server, on which somebody looks at what the agent sends."""

    server: str
    url: str = ""
    seen: Callable[[bytes], None] = lambda _: None
    open: set["asyncio.Task[None]"] = field(default_factory=set)

    def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        task = asyncio.ensure_future(self._serve(reader, writer))
        self.open.add(task)
        task.add_done_callback(self.open.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        where = urlsplit(self.server)
        try:
            there, back = await asyncio.open_connection(where.hostname, where.port)
        except OSError:
            writer.close()
            return
        ways = [
            asyncio.ensure_future(_copy(reader, back, self.seen)),
            asyncio.ensure_future(_copy(there, writer, lambda _: None)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in ways:
                one.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            back.close()
            writer.close()


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: Callable[[bytes], None]
) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            seen(data)
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def watched(server: str) -> AsyncIterator[Way]:
    way = Way(server)
    listening = await asyncio.start_server(way.serve, "127.0.0.1", 0)
    way.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with listening:
        try:
            yield way
        finally:
            left = list(way.open)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)


async def joined_by(way: Way, api: Api, folder: Path) -> Node:
    """A node that meets its server by this way, under a policy with a quick pace."""
    node = await join(api, folder, by=way.url)
    await use_lively_policy(api)
    return node


async def started(process: "subprocess.Popen[bytes]") -> None:
    """Returns once the agent runs, and would stop if it were told to."""
    assert process.stderr is not None
    line = await asyncio.to_thread(process.stderr.readline)
    assert json.loads(line)["event"] == "agent.started", line


async def attested(api: Api, node: Node, more: int = 1, seconds: float = 60) -> None:
    """Returns once the node was accepted so many times more."""

    async def count() -> int:
        query = {"hardware_id": node.id, "status": "accepted", "limit": 200}
        answer = await api.get("/v1/attestations", params=query)
        return len(answer.json()["items"]) if answer.status_code == 200 else 0

    ends, wanted = monotonic() + seconds, await count() + more
    while await count() < wanted:
        assert monotonic() < ends
        await asyncio.sleep(0.05)


def spent_once(page: list[Any]) -> None:
    """No challenge was answered twice."""
    entries = [one["entry"] for one in page]
    refs = [one["subject"] for one in entries if one["verb"] == "challenge.spend"]
    assert refs
    assert len(refs) == len(set(refs))


@pytest.mark.parametrize("request_", [b"/v1/challenges", b"/v1/attestations"])
async def test_an_agent_killed_within_an_attestation_goes_on_when_it_is_started_again(
    log: Log, tmp_path: Path, request_: bytes
) -> None:
    async with serving(log, tmp_path / "server") as api, watched(api.servers.url) as way:
        node = await joined_by(way, api, tmp_path / "n")
        for _ in range(3):
            with agent("run", state=node.folder, **IMPATIENT) as process:

                def struck(data: bytes, kill: Callable[[], None] = process.kill) -> None:
                    if re.match(rb"POST " + request_, data):
                        kill()

                way.seen = struck
                await asyncio.to_thread(process.wait)
            way.seen = lambda _: None
            assert node.state.enrolled().credential
        with agent("run", state=node.folder, **IMPATIENT) as process:
            await started(process)
            await attested(api, node, 2)
            process.terminate()
            assert await asyncio.to_thread(process.wait) == 0
        page = await api.get("/v1/audit/entries", params={"limit": 200})
        spent_once(page.json()["entries"])


@pytest.mark.parametrize("seed", [1, *LONG])
async def test_an_agent_killed_at_any_time_has_all_that_it_needs(
    log: Log, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    async with serving(log, tmp_path / "server") as api, watched(api.servers.url) as way:
        node = await joined_by(way, api, tmp_path / "n")
        for _ in range(4):
            with agent("run", state=node.folder, **IMPATIENT) as process:
                await asyncio.sleep(chance.random() * 3)
                process.kill()
            assert node.state.enrolled().credential
        with agent("run", state=node.folder, **IMPATIENT) as process:
            await started(process)
            await attested(api, node)
            process.terminate()
            assert await asyncio.to_thread(process.wait) == 0


async def test_a_server_that_restarts_is_met_again(log: Log, tmp_path: Path) -> None:
    async with watched("http://127.0.0.1:1") as way:
        async with serving(log, tmp_path / "server") as api:
            way.server = api.servers.url
            node = await joined_by(way, api, tmp_path / "n")
            process = agent("run", state=node.folder, **IMPATIENT)
            await started(process)
            tenant = api.tokens
            await attested(api, node, 2)
        async with serving(log, tmp_path / "server", tokens=tenant) as again:
            way.server = again.servers.url
            await attested(again, node, 2)
            process.terminate()
            out, said = await asyncio.to_thread(process.communicate)
    assert (process.returncode, out) == (0, b"")
    events = [json.loads(line) for line in said.splitlines()]
    assert "SERVER_UNREACHABLE" in {one.get("code") for one in events}


async def test_a_database_that_dies_is_waited_for(
    server: EmbeddedPostgres, log: Log, tmp_path: Path
) -> None:
    async with serving(log, tmp_path / "server") as api, watched(api.servers.url) as way:
        node = await joined_by(way, api, tmp_path / "n")
        with agent("run", state=node.folder, **IMPATIENT) as process:
            await started(process)
            await attested(api, node, 2)
            for _ in range(2):
                assert await back(server, kill(server)) < 10
                await attested(api, node, 2)
            process.terminate()
            assert await asyncio.to_thread(process.wait) == 0
    assert node.state.status() is not None

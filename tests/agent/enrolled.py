"""Nodes that join servers as an operator and a machine would do it together."""

import asyncio
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from plugins.api import Api
from plugins.attester import upload, use_policy

from lotabots.agent import AgentSettings, Attested, Joined, Simulated, State, Wanted, join_node
from lotabots.agent.attesting import Attesting
from lotabots.agent.loop import Around, Loop, Stop
from lotabots.agent.notify import Notify
from lotabots.agent.reporting import Reporting
from lotabots.agent.simulated import SimulatedMachine
from lotabots.appraisal import POLICY_TEXTS
from lotabots.kernel import LotaError, Role
from lotabots.runtime.clock import utc_now
from lotabots.runtime.telemetry import open_telemetry


async def use_lively_policy(api: Api, light: str = "1s", full: str = "3s") -> None:
    """Puts the rules of `demo` into force, at a pace that a test can wait for."""
    pace = f"  light: {light}\n  full: {full}\n  stale_after: 2\n  reject_after: 5\n"
    source = POLICY_TEXTS["demo"].replace("name: demo", "name: lively", 1)
    source = source.replace("parameters:\n", f"parameters:\n{pace}", 1)
    added = await api.post("/v1/policies", {"source": source}, as_=Role.OPERATOR)
    assert added.status_code == 201, added.text
    await use_policy(api, added.json()["id"])


async def token(api: Api, **other: object) -> str:
    """`TOKEN@SERVER` for one node of the tenant."""
    answer = await api.post("/v1/enrolment-tokens", other, as_=Role.OPERATOR)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["join"])


@dataclass
class Node:
    """A SIMULATED machine that has joined, and its state folder."""

    folder: Path
    joined: Joined
    failed: list[LotaError] = field(default_factory=list)
    log: io.BytesIO = field(default_factory=io.BytesIO)

    @property
    def id(self) -> str:
        return str(self.joined.kept.node)

    @property
    def state(self) -> State:
        return State(self.folder)

    def machine(self, *faults: str) -> SimulatedMachine:
        simulation = self.joined.kept.simulation
        assert simulation is not None
        return SimulatedMachine.of(simulation, utc_now, faults)

    def attesting(
        self, *faults: str, clock: Callable[[], datetime] = utc_now, machine: Any = None
    ) -> Attesting:
        return Attesting(self.state, machine or self.machine(*faults), clock, self.failed.append)

    @contextmanager
    def loop(self, *faults: str, chance: float = 0.0, stop: Stop | None = None) -> Iterator[Loop]:
        attesting = self.attesting(*faults)
        log = open_telemetry("info", self.log).log
        around = Around(stop or Stop(), Notify(), log, lambda: chance, 60)
        try:
            yield Loop(self.state, attesting, Reporting(None, 0, 0, log), around)
        finally:
            attesting.client.close()

    async def attest(self, *faults: str, scope: Any = "full") -> Attested:
        def once() -> Attested:
            attesting = self.attesting(*faults)
            try:
                return attesting.attest(scope)
            finally:
                attesting.client.close()

        return await asyncio.to_thread(once)

    def events(self, name: str) -> list[dict[str, Any]]:
        """What the loop said under this name."""
        lines = self.log.getvalue().splitlines()
        return [one for one in map(json.loads, lines) if one["event"] == name]


async def join(
    api: Api,
    folder: Path,
    *,
    gpus: int = 1,
    software: bool = False,
    policy: str = "demo",
    by: str = "",
    **other: object,
) -> Node:
    """A simulated node, joined, with its reference values in force for the tenant.

    `by` is the address by which it meets the server, where that is not the server's own.
    """
    text = await token(api, **other)
    if by:
        text = f"{text.partition('@')[0]}@{by}"
    settings = AgentSettings(state=str(folder))
    wanted = Wanted(text, folder.name, software, Simulated(gpus))
    node = Node(folder, await asyncio.to_thread(join_node, settings, wanted))
    await use_policy(api, policy)
    await upload(api, node.machine().reference())
    return node


def agent(*words: str, state: Path, **environ: str) -> "subprocess.Popen[bytes]":
    """`lotabots agent` in a process of its own."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LOTA_")}
    return subprocess.Popen(
        [sys.executable, "-m", "lotabots", "agent", *words, "--state", str(state)],
        env=clean | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def codes(attested: Attested) -> set[str]:
    return {finding.code for finding in attested.findings}


def subjects(attested: Attested, code: str) -> Sequence[str]:
    return sorted({one.subject for one in attested.findings if one.code == code})


def as_json(attested: Attested) -> Any:
    return json.loads(msgspec.json.encode(attested))

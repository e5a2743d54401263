"""The agent goes on: it waits when the server is away, stops when told, and says how it fares."""

import asyncio
import io
import json
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from agent.enrolled import agent, join
from agent.tls import Answer, Served, plainly, served
from plugins.api import Api
from plugins.process import new_key

from lotabots.agent.attesting import Attesting
from lotabots.agent.loop import Around, Loop, Stop
from lotabots.agent.notify import Notify
from lotabots.agent.reporting import Reporting
from lotabots.agent.simulated import SimulatedMachine, new_simulation
from lotabots.agent.state import Kept, State
from lotabots.kernel import LotaError
from lotabots.runtime.clock import utc_now
from lotabots.runtime.telemetry import open_telemetry


def error(code: str, **details: object) -> bytes:
    return json.dumps({"message": "no", "code": code, "details": details}).encode()


@contextmanager
def looping(
    folder: Path, answer: Answer, *, chance: float = 1.0, stop: Stop | None = None
) -> Iterator[tuple[Loop, Served, io.BytesIO]]:
    """A loop against a server that answers nothing else than errors."""
    said, simulation = io.BytesIO(), new_simulation(0, "GH100", tpm=True)
    log = open_telemetry("info", said).log
    with served(answer) as server:
        state = State(folder)
        state.prepare()
        now = utc_now()
        state.keep(
            Kept(
                url=server.url,
                pin=None,
                authority="",
                tenant=uuid4(),
                node=uuid4(),
                name="node",
                identity="tpm",
                session_key=new_key().to_pem().decode(),
                server="urn:s",
                credential="a.b.c",
                issued_at=now,
                expires_at=now.replace(year=now.year + 1),
                simulation=simulation,
            )
        )
        machine = SimulatedMachine.of(simulation, utc_now)
        attesting = Attesting(state, machine, utc_now, lambda _: None)
        around = Around(stop or Stop(), Notify(), log, lambda: chance, 60)
        try:
            yield Loop(state, attesting, Reporting(None, 0, 0, log), around), server, said
        finally:
            attesting.client.close()


def test_the_waits_grow_while_the_server_is_away(tmp_path: Path) -> None:
    with looping(tmp_path, plainly(error("DATABASE_UNAVAILABLE"), 503)) as (loop, server, said):
        assert [loop.step() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
        assert len(server.heard) == 8
        status = State(tmp_path).status()
    assert status is not None
    assert (status.failures, status.error, status.outcome) == (8, "DATABASE_UNAVAILABLE", None)
    assert status.next_at is not None
    assert said.getvalue().count(b"agent.failed") == 8


def test_agents_that_failed_together_do_not_come_back_together(tmp_path: Path) -> None:
    waits = set()
    for number in range(10):
        answer = plainly(error("DATABASE_UNAVAILABLE"), 503)
        with looping(tmp_path / str(number), answer, chance=number / 9) as (loop, *_):
            for _ in range(6):
                loop.step()
            waits.add(loop.step())
    assert len(waits) == 10
    assert max(waits) - min(waits) > 50


def test_what_the_server_asks_for_is_waited_for(tmp_path: Path) -> None:
    answer = plainly(error("RATE_LIMITED", retry_after_seconds=120), 429)
    with looping(tmp_path, answer, chance=0.0) as (loop, *_):
        assert 120 <= loop.step() < 122


@pytest.mark.parametrize(
    "answer",
    [
        plainly(b"", 200),
        plainly(b"{}", 201),
        plainly(b'{"id": "x"}', 201),
        plainly(b"<html>", 502),
        plainly(b"", 302, location="http://127.0.0.1:1"),
        plainly(b"[" * 100_000, 201),
        plainly(error("TOKEN_EXPIRED"), 401),
        plainly(error("NODE_NOT_FOUND"), 404),
        plainly(error("CREDENTIAL_REPLACED"), 403),
    ],
)
def test_whatever_the_server_answers_the_loop_goes_on(tmp_path: Path, answer: Answer) -> None:
    with looping(tmp_path, answer) as (loop, *_):
        assert [loop.step() for _ in range(3)] == [1, 2, 4]


def test_an_error_that_nobody_expected_is_logged_and_survived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("a driver's")

    monkeypatch.setattr(Attesting, "attest", broken)
    with looping(tmp_path, plainly()) as (loop, _, said):
        assert loop.step() == 1
    assert b"RuntimeError" in said.getvalue()
    status = State(tmp_path).status()
    assert status is not None
    assert status.error == "AGENT_FAILED"


def test_a_full_disk_silences_nobody(tmp_path: Path) -> None:
    with looping(tmp_path, plainly(error("DATABASE_UNAVAILABLE"), 503)) as (loop, server, said):
        (tmp_path / ".status.json.new").mkdir()
        assert loop.step() == 1
        assert loop.step() == 2
        assert len(server.heard) == 2
    assert b"agent.status_unwritten" in said.getvalue()


def test_a_revoked_node_ends_its_agent(tmp_path: Path) -> None:
    with looping(tmp_path, plainly(error("NODE_REVOKED"), 403)) as (loop, *_):
        with pytest.raises(LotaError) as ended:
            loop.run()
        assert ended.value.code == "NODE_REVOKED"


def test_it_stops_when_it_is_told_to_while_it_waits(tmp_path: Path) -> None:
    class Told(Stop):
        def wait(self, seconds: float) -> bool:
            self.waited = seconds
            self.set()
            return super().wait(seconds)

    stop = Told()
    with looping(tmp_path, plainly(error("WEB_BUSY"), 503), stop=stop) as (loop, server, said):
        loop.run()
        assert len(server.heard) == 1
    assert 0 < stop.waited <= 1
    assert b"agent.stopped" in said.getvalue()


def test_systemd_is_told_that_it_is_ready_what_it_does_and_that_it_lives(tmp_path: Path) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(5)
        notify = Notify.of({"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "30000000"})
        assert notify.every == 10
        notify.ready()
        notify.alive()
        notify.doing("accepted\nby policy")
        notify.stopping()
        heard = [listener.recv(1000).decode() for _ in range(4)]
    assert heard == ["READY=1", "WATCHDOG=1", "STATUS=accepted by policy", "STOPPING=1"]


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"NOTIFY_SOCKET": "/nowhere/at/all"},
        {"WATCHDOG_USEC": "x"},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"},
    ],
)
def test_without_systemd_nothing_is_said(environ: dict[str, str]) -> None:
    notify = Notify.of(environ)
    assert notify.every is None
    notify.ready()
    notify.alive()


@pytest.mark.anyio
async def test_the_agent_attests_at_the_pace_of_the_server_and_stops_by_signal(
    api: Api, tmp_path: Path
) -> None:
    node = await join(api, tmp_path / "n", software=True)
    with agent("run", state=node.folder) as process:
        assert process.stderr is not None
        lines = []
        while not lines or lines[-1]["event"] != "agent.judged":
            line = await asyncio.to_thread(process.stderr.readline)
            assert line, lines
            lines.append(json.loads(line))
        process.send_signal(signal.SIGTERM)
        rest = await asyncio.to_thread(process.stderr.read)
        assert process.wait() == 0
    judged = lines[-1]
    assert (judged["outcome"], judged["simulated"]) == ("accepted", True)
    assert judged["next_seconds"] == 60
    assert json.loads(rest.splitlines()[-1])["event"] == "agent.stopped"
    status = node.state.status()
    assert status is not None
    assert (status.outcome, status.error) == ("accepted", None)
    assert msgspec.json.decode(msgspec.json.encode(status))["scope"] == "full"


def test_reports_that_fail_in_a_way_that_nobody_expected_end_nothing(tmp_path: Path) -> None:
    class Broken(Reporting):
        def send(self, to: object) -> None:
            raise RuntimeError("not this either")

    stop = Stop()
    with looping(tmp_path, plainly(error("WEB_BUSY"), 503), stop=stop) as (loop, _, said):
        loop._reporting = Broken(None, 0, 0, loop._around.log)
        loop._wait(0.01)
    assert b"not this either" in said.getvalue()

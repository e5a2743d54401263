"""An enrolled node's reports arrive, also those that it kept while its server was away."""

import asyncio
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from agent.enrolled import join
from plugins.api import Api

from lotabots.agent.host import Host
from lotabots.agent.inventory import take_report
from lotabots.agent.nvml import Driver
from lotabots.agent.reporting import MOST_AT_ONCE, Reporting
from lotabots.runtime.clock import utc_now
from lotabots.runtime.telemetry import open_telemetry

pytestmark = pytest.mark.anyio

WAITED = 25


async def test_what_the_agent_measures_is_shown_of_its_node(api: Api, tmp_path: Path) -> None:
    node = await join(api, tmp_path / "n", software=True)
    host, driver, log = Host(), Driver(), io.BytesIO()
    moments = [utc_now() - timedelta(minutes=minutes) for minutes in range(WAITED, 0, -1)]
    # One of them is older than any that a server keeps: it is given up, and the others arrive.
    moments[2] = utc_now() - timedelta(days=100)
    times = iter(moments)
    reporting = Reporting(
        lambda: take_report(host, driver, next(times)), 1e-9, 100, open_telemetry("info", log).log
    )

    def reported() -> tuple[int, int]:
        attesting = node.attesting()
        try:
            for _ in moments:
                reporting.tick()
            reporting.send(attesting)
            waiting = reporting.waiting
            reporting.send(attesting)
        finally:
            attesting.client.close()
        return waiting, reporting.waiting

    assert await asyncio.to_thread(reported) == (WAITED - MOST_AT_ONCE, 0)
    assert reporting.dropped == 1
    assert b"SAMPLE_TOO_OLD" in log.getvalue()
    shown: Any = (await api.get(f"/v1/nodes/{node.id}/resources")).json()
    assert (shown["level"], shown["stale"]) == ("claimed", False)
    assert shown["report"]["nvml"] == {"status": "absent", "error": "LIBRARY_NOT_FOUND"}
    assert shown["report"]["host"]["memory"] == host.memory()
    series: Any = (await api.get(f"/v1/nodes/{node.id}/samples")).json()["samples"]
    assert len(series) == WAITED - 1

"""What a node says of its resources, from the command line."""

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from plugins.attester import small_node
from plugins.shell import Shell

from lotabots.cli.output import Exit
from lotabots.evidence.schemes.host_claims import Disk, GpuUse, HostUse, Nvml, Report
from lotabots.kernel import Role
from lotabots.runtime.clock import utc_now

pytestmark = pytest.mark.anyio

HOST = HostUse(
    uptime=3600, threads=64, cpu=50, load1=1.5, memory=2**40, memory_available=2**39,
    disks=(Disk(mount="/", total=2**41, available=2**38),),
)  # fmt: skip
WELL = GpuUse(
    uuid="GPU-1", use=97, memory=80 * 2**30, memory_used=2**30, temperature=41, power=118_250,
    power_limit=700_000, clock_sm=1980, nvlinks_up=18, xids={}, recovery="none",
)  # fmt: skip
ILL = GpuUse(
    uuid="GPU-2", ecc_uncorrected=3, rows_pending=True, rows_failed=True, xids={"79": 2},
    recovery="gpu-reset", errors={"temperature": "GPU_IS_LOST"},
)  # fmt: skip


async def reporting(shell: Shell, *reports: Report) -> str:
    """The name of a node that has made these reports."""
    api, name = shell.people.api, shell.named("node-")
    devices = [msgspec.to_builtins(item) for item in small_node().inventory]
    made = await api.post("/v1/nodes", {"name": name, "inventory": devices})
    assert made.status_code == 201, made.text
    node = made.json()["id"]
    if reports:
        body: Any = {"reports": [msgspec.to_builtins(one) for one in reports]}
        sent = await api.post(f"/v1/nodes/{node}/samples", body, Role.AGENT, node=node)
        assert sent.status_code == 201, sent.text
    return name


def report(*gpus: GpuUse, age: timedelta = timedelta(), nvml: str = "available") -> Report:
    state = Nvml(status=nvml, error=None if gpus else "LIBRARY_NOT_FOUND")  # type: ignore[arg-type]  # a word of its own
    at = utc_now().replace(microsecond=0) - age
    return Report(at=at, host=HOST, nvml=state, gpus=gpus)


async def test_host_and_gpus_are_shown_as_claimed_with_what_is_wrong_with_them(
    shell: Shell,
) -> None:
    node = await reporting(shell, report(WELL, ILL))
    ran = await shell.run("node", "resources", node)
    assert ran.return_value == Exit.OK
    assert "claimed: the node's own software says so" in ran.stdout
    assert "50 % of 64 threads, load 1.5" in ran.stdout
    assert "256.0 GiB free of 2048.0 GiB" in ran.stdout
    assert "97 %" in ran.stdout
    assert "118 W of 700 W" in ran.stdout
    told = [line for line in ran.stderr.splitlines() if line.startswith("gpu ")]
    assert told == [
        "gpu 1: uncorrected memory errors: 3",
        "gpu 1: a row of memory waits for a reset",
        "gpu 1: a row of memory could not be replaced",
        "gpu 1: XID 79, 2 times",
        "gpu 1: the driver asks for gpu-reset",
        "gpu 1: it is lost",
    ]


async def test_a_node_without_the_library_says_that_it_has_none(shell: Shell) -> None:
    node = await reporting(shell, report(nvml="absent"))
    assert "no GPU: NVML is absent (LIBRARY_NOT_FOUND)" in await shell.done(
        "node", "resources", node
    )


async def test_an_old_report_and_no_report_are_no_success(shell: Shell) -> None:
    old = await shell.run(
        "node", "resources", await reporting(shell, report(WELL, age=timedelta(minutes=6)))
    )
    assert old.return_value == Exit.INCONCLUSIVE
    assert "STALE" in old.stdout


async def test_a_node_that_has_said_nothing_is_told_as_that(shell: Shell) -> None:
    ran = await shell.run("node", "resources", await reporting(shell))
    assert ran.return_value == Exit.INCONCLUSIVE
    assert "never said anything" in ran.stderr


async def test_a_series_is_a_line_for_each_step(shell: Shell) -> None:
    ages = [timedelta(minutes=minutes) for minutes in (9, 8, 0)]
    node = await reporting(shell, *(report(WELL, ILL, age=age) for age in ages))
    said = await shell.done("node", "resources", node, "--since", "10m", "--step", "1m")
    first, _, *lines = said.splitlines()
    assert first.startswith("every 60 s")
    assert len(lines) == 3
    assert all("41 °C" in line and "118 W" in line for line in lines)
    plain = json.loads(await shell.done("node", "resources", node, "--since", "10m", "-o", "json"))
    assert (plain["level"], len(plain["samples"])) == ("claimed", 3)


async def test_a_step_without_a_series_and_an_unknown_node_are_refused(shell: Shell) -> None:
    assert await shell.refused("node", "resources", "nobody") == "NODE_NOT_FOUND"
    ran = await shell.run("node", "resources", "nobody", "--step", "5m")
    assert ran.exception is not None
    assert "--since" in str(ran.exception)

"""PostgreSQL and the sequencer killed without warning at each step, while callers append."""

import random

import pytest
from faults.load import load
from faults.log import Log
from faults.sequencer import check, sequencer
from faults.server import back, kill

from lotabots.audit.sequencer import STEPS
from lotabots.runtime.postgres import EmbeddedPostgres

pytestmark = pytest.mark.anyio

QUICK = [1]
LONG = [pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 21)]


@pytest.mark.parametrize("seed", [*QUICK, *LONG])
@pytest.mark.parametrize("step", STEPS)
async def test_a_sequencer_killed_at_any_step_loses_and_doubles_nothing(
    log: Log, step: str, seed: int
) -> None:
    times = random.Random(f"{step}/{seed}").randint(1, 4)
    async with load(log, seed=seed):
        async with sequencer(log, at=step, times=times) as killed:
            await killed.until_held()
            size = log.see().size
            await killed.kill()
        async with sequencer(log):
            await log.grown(beyond=size)
    await check(log)


@pytest.mark.parametrize("seed", [*QUICK, *LONG])
@pytest.mark.parametrize("step", STEPS)
async def test_postgresql_killed_at_any_step_of_the_sequencer_loses_nothing(
    server: EmbeddedPostgres, log: Log, step: str, seed: int
) -> None:
    times = random.Random(f"{step}/{seed}").randint(1, 4)
    restarts = server.restarts
    async with (
        load(log, seed=seed),
        sequencer(log, at=step, times=times) as running,
    ):
        await running.until_held()
        size = log.see().size
        killed = kill(server)
        running.release()
        assert await back(server, killed) < 10
        await log.grown(beyond=size)
    assert server.restarts == restarts + 1  # it was reaped, and brought back by us
    await check(log)


async def test_two_sequencers_are_as_good_as_one(log: Log) -> None:
    async with (
        load(log, seed=1),
        sequencer(log) as one,
        sequencer(log),
    ):
        for _ in range(3):
            await log.grown(beyond=log.see().size)
        await one.kill()
        await log.grown(beyond=log.see().size)
    await check(log)

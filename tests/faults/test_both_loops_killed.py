"""A server's two loops, which order and publish at the same time, killed at moments of chance."""

import asyncio
import random
from pathlib import Path

import pytest
from faults.load import load
from faults.log import Log
from faults.sequencer import check, sequencer
from faults.server import back, kill
from faults.witness import witness

from lotabots.runtime.postgres import EmbeddedPostgres

pytestmark = pytest.mark.anyio

KILLS = 3
LONGEST = 0.3
"""Seconds between two kills: a few publications."""
SEEDS = [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 21))]


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_server_killed_while_it_orders_and_publishes_loses_and_doubles_nothing(
    log: Log, seed: int
) -> None:
    chance = random.Random(f"server/{seed}")
    async with load(log, seed=seed):
        for _ in range(KILLS):
            async with sequencer(log, both_loops=True) as killed:
                await log.grown(beyond=log.see().size)
                await asyncio.sleep(chance.uniform(0, LONGEST))
                await killed.kill()
    await check(log)


@pytest.mark.parametrize("seed", SEEDS)
async def test_postgresql_killed_while_a_server_orders_and_publishes_loses_nothing(
    server: EmbeddedPostgres, log: Log, seed: int
) -> None:
    chance = random.Random(f"postgresql/{seed}")
    restarts = server.restarts
    async with load(log, seed=seed), sequencer(log, both_loops=True):
        for _ in range(KILLS):
            await log.grown(beyond=log.see().size)
            await asyncio.sleep(chance.uniform(0, LONGEST))
            assert await back(server, kill(server)) < 10
        await log.grown(beyond=log.see().size)
    assert server.restarts == restarts + KILLS
    await check(log)


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_log_with_a_witness_goes_on_after_any_kill(
    log: Log, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(f"witness/{seed}")
    with witness(tmp_path / "witness") as watching:
        async with load(log, seed=seed):
            for _ in range(KILLS):
                async with sequencer(log, both_loops=True, witnesses=watching.policy) as killed:
                    await log.grown(beyond=log.see().size)
                    await asyncio.sleep(chance.uniform(0, LONGEST))
                    await killed.kill()
        await check(log, watching.policy)
        assert watching.size == log.see().size

"""PostgreSQL killed without warning while callers append: what it acknowledged, it has."""

import random

import pytest
from faults.load import load
from faults.log import Log
from faults.server import back, kill

from lotabots.runtime.postgres import EmbeddedPostgres

pytestmark = pytest.mark.anyio

LONG = [pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 21)]


@pytest.mark.parametrize("seed", [1, *LONG])
async def test_postgresql_killed_three_times_has_every_entry_that_it_acknowledged(
    server: EmbeddedPostgres, log: Log, seed: int
) -> None:
    chance = random.Random(seed)
    restarts = server.restarts
    async with load(log, seed=seed):
        for _ in range(3):
            await log.acknowledged(chance.randint(1, 200))
            assert await back(server, kill(server)) < 10
    assert server.restarts == restarts + 3  # reaped, and brought back by us
    assert log.history.refused > 0
    await log.check_database()

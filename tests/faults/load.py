"""Callers that append without pause and remember what they were told."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from faults.history import History

from lotabots.audit import SYSTEM, Entry, append
from lotabots.kernel import LotaError
from lotabots.runtime.database import Database, Transaction

PAUSE = 0.02
"""Seconds between tries while the database is away."""


def entry() -> Entry:
    return Entry(
        actor_ref=SYSTEM,
        verb="load.append",
        subject_ref=f"load:{uuid4().hex}",
        outcome="done",
        digests={"body": uuid4().hex * 2},
    )


async def append_some(database: Database, history: History, count: int) -> None:
    """Appends in one transaction. What is acknowledged is what its end without an error says."""
    async with database.transaction(uuid4()) as tx:
        leaves = {await _append(tx) for _ in range(count)}
        history.attempted |= leaves
    history.acknowledged |= leaves


async def _append(tx: Transaction) -> bytes:
    one = entry()
    await append(tx, one)
    asked = "select leaf from audit.entries where subject_ref = $1"
    leaf = await tx.fetch_value(asked, one.subject_ref, into=bytes)
    assert leaf is not None
    return leaf


@asynccontextmanager
async def load(
    database: Database, history: History, *, seed: int, callers: int = 4
) -> AsyncIterator[None]:
    """That many callers, appending one to five entries at a time until the block ends."""
    stop = asyncio.Event()
    tasks = [
        asyncio.create_task(_call(database, history, random.Random(f"{seed}/{number}"), stop))
        for number in range(callers)
    ]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def _call(
    database: Database, history: History, chance: random.Random, stop: asyncio.Event
) -> None:
    while not stop.is_set():
        try:
            await append_some(database, history, chance.randint(1, 5))
            await asyncio.sleep(chance.random() * 0.005)
        except LotaError:
            history.refused += 1
            await asyncio.sleep(PAUSE)

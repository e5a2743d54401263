"""Callers that append without pause and remember what they were told."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

from faults.log import Log

from lotabots.audit import SYSTEM, Entry
from lotabots.kernel import LotaError

PAUSE = 0.02
"""Seconds between tries while the database is away."""
LOOK = 0.01
"""Seconds between looks at the checkpoint, so that no fork goes unseen."""
TENANTS = [UUID(int=number) for number in range(1, 4)]
ACTORS = [SYSTEM, *(str(UUID(int=number)) for number in range(101, 105))]
"""Few, so that callers meet at the same persons."""


def entry(actor: str = SYSTEM) -> Entry:
    """One that no other is like. A user has texts too, which stand in the log as commitments."""
    return Entry(
        actor_ref=actor,
        verb="load.append",
        subject_ref=f"load:{uuid4().hex}",
        outcome="done",
        digests={"body": uuid4().hex * 2},
        address=None if actor == SYSTEM else "203.0.113.7",
    )


async def append_some(log: Log, count: int) -> None:
    """Appends in one transaction, at once, by everyone. Acknowledged is what ends without error."""
    entries = [entry(ACTORS[number % len(ACTORS)]) for number in range(count)]
    await _append(log, TENANTS[0], entries, at_once=True)


async def _append(log: Log, tenant: UUID, entries: Sequence[Entry], *, at_once: bool) -> None:
    async with log.database.transaction(tenant) as tx:
        if at_once:
            appended = await log.journal.append_many(tx, entries)
        else:
            appended = [await log.journal.append(tx, one) for one in entries]
        leaves = {one.leaf for one in appended}
        log.history.attempted |= leaves
    log.history.acknowledged |= leaves


@asynccontextmanager
async def load(log: Log, *, seed: int, callers: int = 4) -> AsyncIterator[None]:
    """That many callers, appending one to five entries at a time until the block ends.

    Meanwhile someone looks at the published checkpoint again and again.
    """
    stop = asyncio.Event()
    tasks = [
        asyncio.create_task(_call(log, random.Random(f"{seed}/{number}"), stop))
        for number in range(callers)
    ]
    tasks.append(asyncio.create_task(_look(log, stop)))
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def _call(log: Log, chance: random.Random, stop: asyncio.Event) -> None:
    while not stop.is_set():
        # One actor in a transaction: two of them, in two orders, could wait for each other.
        actor, count = chance.choice(ACTORS), chance.randint(1, 5)
        entries = [entry(actor) for _ in range(count)]
        try:
            await _append(log, chance.choice(TENANTS), entries, at_once=chance.random() < 0.5)
            await asyncio.sleep(chance.random() * 0.005)
        except LotaError:
            log.history.refused += 1
            await asyncio.sleep(PAUSE)


async def _look(log: Log, stop: asyncio.Event) -> None:
    while not stop.is_set():
        log.see()
        await asyncio.sleep(LOOK)

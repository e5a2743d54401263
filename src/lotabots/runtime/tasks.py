"""Background loops: work that recurs, survives its own failures and stops when asked."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from lotabots.runtime.process import Process
from lotabots.runtime.telemetry import Logger

JITTER = 0.1
"""Each pause is up to this fraction longer or shorter, so that processes do not act in step."""
STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Loop:
    """Work done every `seconds`, and once more on the way out if `at_stop`.

    A run that raises is logged, and the next one comes as usual: a loop never ends by failing.
    """

    name: str
    seconds: float
    run: Callable[[Process], Awaitable[None]]
    at_stop: bool = False


@asynccontextmanager
async def running(loops: Iterable[Loop], process: Process) -> AsyncIterator[None]:
    """Runs each different loop beside the block; on the way out waits for runs that have begun.

    A run that takes longer than `STOP_SECONDS` to finish is cancelled. Two services may name the
    same loop; it runs once.
    """
    stopping = asyncio.Event()
    log = process.telemetry.log
    tasks = [
        asyncio.create_task(_repeat(loop, process, stopping), name=loop.name)
        for loop in dict.fromkeys(loops)
    ]
    try:
        yield
    finally:
        stopping.set()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=STOP_SECONDS)
            for task in late:
                log.warning("loop.cancelled", loop=task.get_name())
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _repeat(loop: Loop, process: Process, stopping: asyncio.Event) -> None:
    log = process.telemetry.log
    while not await _stops_within(stopping, jittered(loop.seconds, random.random())):  # noqa: S311 - spread, not secrecy
        await _run_once(loop, process, log)
    if loop.at_stop:
        await _run_once(loop, process, log)


async def _run_once(loop: Loop, process: Process, log: Logger) -> None:
    try:
        await loop.run(process)
    except Exception:  # the edge of a loop: logged, and tried again next time
        log.exception("loop.failed", loop=loop.name)


async def _stops_within(stopping: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return False
    return True


def jittered(seconds: float, chance: float) -> float:
    """`seconds`, longer or shorter by up to `JITTER` for a chance in [0, 1)."""
    return seconds * (1 + JITTER * (2 * chance - 1))

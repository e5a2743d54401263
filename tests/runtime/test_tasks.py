"""Background loops: they recur, they survive, they stop."""

import asyncio
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.runtime.process import Process
from lotabots.runtime.tasks import JITTER, Loop, jittered, running
from lotabots.runtime.telemetry import open_telemetry

pytestmark = pytest.mark.anyio


class Bare:
    """As much of a process as a loop looks at."""

    def __init__(self) -> None:
        self.stream = io.BytesIO()
        self.telemetry = open_telemetry("info", self.stream)


@pytest.fixture
def bare() -> Bare:
    return Bare()


def as_process(bare: Bare) -> Process:
    return bare  # type: ignore[return-value]


async def test_a_loop_runs_again_and_again(bare: Bare) -> None:
    runs = asyncio.Semaphore(0)

    async def run(_: Process) -> None:
        runs.release()

    async with running([Loop("tick", 0.001, run)], as_process(bare)), asyncio.timeout(5):
        for _ in range(3):
            await runs.acquire()


async def test_a_run_that_fails_is_logged_and_the_next_one_comes(bare: Bare) -> None:
    runs = asyncio.Semaphore(0)

    async def run(_: Process) -> None:
        runs.release()
        raise ValueError("broken")

    async with running([Loop("tick", 0.001, run)], as_process(bare)), asyncio.timeout(5):
        for _ in range(3):
            await runs.acquire()
    assert bare.stream.getvalue().count(b'"loop.failed"') >= 2


async def test_a_loop_that_two_services_name_runs_once(bare: Bare) -> None:
    runs: list[int] = []

    async def run(_: Process) -> None:
        runs.append(1)

    once = Loop("tick", 3600, run, at_stop=True)
    async with running([once, once], as_process(bare)):
        pass
    assert len(runs) == 1


async def test_stopping_waits_for_a_run_that_has_begun(bare: Bare) -> None:
    begun, done = asyncio.Event(), False

    async def run(_: Process) -> None:
        nonlocal done
        begun.set()
        await asyncio.sleep(0)
        done = True

    async with running([Loop("tick", 0.001, run)], as_process(bare)), asyncio.timeout(5):
        await begun.wait()
    assert done


async def test_a_loop_without_a_last_run_stops_at_once(bare: Bare) -> None:
    async def never(_: Process) -> None:
        raise AssertionError

    async with asyncio.timeout(5), running([Loop("tick", 3600, never)], as_process(bare)):
        pass


async def test_an_error_beside_the_loops_is_what_comes_out(bare: Bare) -> None:
    async def run(_: Process) -> None: ...

    with pytest.raises(KeyError):
        async with running([Loop("tick", 3600, run)], as_process(bare)):
            raise KeyError


@given(st.floats(0.001, 1e6), st.floats(0, 1, exclude_max=True))
def test_a_pause_is_jittered_by_at_most_its_tenth(seconds: float, chance: float) -> None:
    assert abs(jittered(seconds, chance) - seconds) <= seconds * JITTER * 1.0001

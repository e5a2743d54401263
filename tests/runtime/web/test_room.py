"""What a process takes on at once: beyond it requests are refused in our one shape, and soon."""

import asyncio
import io
import resource
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest
from litestar import get
from plugins.process import assert_refused, fronted, make_process, serving

from lotabots.runtime.database import Database
from lotabots.runtime.process import Process
from lotabots.runtime.web import PUBLIC, Service, WebSettings
from lotabots.runtime.web.room import RESERVED_FILES, connections_at_most

pytestmark = pytest.mark.anyio


class Gate:
    """Requests wait here until it opens."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.waiting = asyncio.Semaphore(0)


@get("/v1/wait", opt=PUBLIC)
async def wait(gate: Gate) -> str:
    gate.waiting.release()
    await gate.opened.wait()
    return "done"


@get("/v1/quick", opt=PUBLIC)
async def quick() -> str:
    return "done"


@pytest.fixture
def gate() -> Gate:
    return Gate()


@asynccontextmanager
async def served(
    process: Process, gate: Gate, *, behind: bool = False
) -> AsyncIterator[httpx.AsyncClient]:
    service = Service(name="gates", handlers=[wait, quick], given={"gate": gate})
    async with (fronted if behind else serving)(process, [service]) as client:
        yield client


@pytest.fixture
def process(database: Database) -> Process:
    return make_process(database, io.BytesIO(), WebSettings(max_concurrent=2))


@pytest.mark.parametrize("behind", [False, True], ids=["service", "gateway"])
async def test_one_request_too_many_is_refused_and_the_next_is_let_in_again(
    process: Process, gate: Gate, behind: bool
) -> None:
    async with served(process, gate, behind=behind) as client:
        inside = [asyncio.create_task(client.get("/v1/wait")) for _ in range(2)]
        for _ in inside:
            await gate.waiting.acquire()
        refused = await client.get("/v1/quick")
        assert_refused(refused, 503, "WEB_BUSY")
        assert refused.headers["retry-after"] == "1"
        assert "connection" not in refused.headers  # it may ask again on this connection
        for path in ("/healthz", "/readyz", "/metrics"):
            assert (await client.get(path)).status_code == 200
        gate.opened.set()
        assert [(await one).status_code for one in inside] == [200, 200]
        assert (await client.get("/v1/quick")).status_code == 200


async def test_room_is_made_by_a_caller_who_goes_away(process: Process, gate: Gate) -> None:
    async with served(process, gate) as client:
        gone = [asyncio.create_task(client.get("/v1/wait")) for _ in range(2)]
        for one in gone:
            await gate.waiting.acquire()
            one.cancel()
        gate.opened.set()
        for _ in range(100):
            if (answer := await client.get("/v1/quick")).status_code == 200:
                break
            await asyncio.sleep(0.01)
        assert answer.status_code == 200


async def test_idle_connections_take_no_room_from_requests(process: Process, gate: Gate) -> None:
    async with served(process, gate) as client, AsyncExitStack() as stack:
        for _ in range(5):
            other = await stack.enter_async_context(httpx.AsyncClient(base_url=client.base_url))
            assert (await other.get("/v1/quick")).status_code == 200
        assert (await client.get("/v1/quick")).status_code == 200


async def test_a_connection_too_many_is_answered_and_closed(database: Database, gate: Gate) -> None:
    process = make_process(database, io.BytesIO(), WebSettings(max_connections=1))
    async with served(process, gate) as client:
        assert (await client.get("/v1/quick")).status_code == 200
        async with httpx.AsyncClient(base_url=client.base_url, trust_env=False) as other:
            refused = await other.get("/v1/quick")
            assert_refused(refused, 503, "WEB_BUSY")
            assert refused.headers["connection"] == "close"
            assert (await other.get("/healthz")).status_code == 200
        assert (await client.get("/v1/quick")).status_code == 200


def test_the_limit_on_open_files_is_raised_as_far_as_it_goes_and_obeyed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_to: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: set_to.append(limits))
    for limits, raised, most in (
        ((1024, 4096), [(4096, 4096)], 4096 - RESERVED_FILES),
        ((1024, resource.RLIM_INFINITY), [(10_512, resource.RLIM_INFINITY)], 10_000),
        ((65_536, 65_536), [], 10_000),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), [], 10_000),
        ((256, 256), [(256, 256)], 1),
    ):
        set_to.clear()
        monkeypatch.setattr(resource, "getrlimit", lambda _, limits=limits: limits)
        assert connections_at_most(10_000) == most
        assert set_to == raised

"""A server whose Redis dies and comes back: no error, no second burst, and two audit entries."""

import asyncio
import io
import time

import pytest
from plugins.echo import HANDLERS
from plugins.process import Tokens, fronted, make_process
from plugins.redis import RedisServer

from lotabots import audit
from lotabots.gateway import LimitSettings
from lotabots.kernel import OPERATOR_TENANT
from lotabots.runtime.database import Database
from lotabots.runtime.redis import RedisSettings
from lotabots.runtime.settings import Secret
from lotabots.runtime.web import Service

pytestmark = pytest.mark.anyio

RATE, BURST = 100, 50


async def test_redis_killed_under_load_fails_no_request_and_opens_no_door(
    database: Database, redis_server: RedisServer, tokens: Tokens
) -> None:
    process = make_process(
        database,
        io.BytesIO(),
        RedisSettings(url=Secret(redis_server.url)),
        LimitSettings(default_user=f"{RATE}/1s burst {BURST}", default_ip="100000/1s"),
    )
    headers = tokens.of()
    statuses: list[int] = []
    services = [Service(name="echo", handlers=HANDLERS), audit.service(process)]
    async with fronted(process, services) as http:

        async def ask(until: float) -> None:
            while time.monotonic() < until:
                statuses.append((await http.get("/v1/echo", headers=headers)).status_code)
                await asyncio.sleep(0.01)

        async def load(seconds: float) -> None:
            until = time.monotonic() + seconds
            await asyncio.gather(*(ask(until) for _ in range(8)))

        began = time.monotonic()
        await load(1.0)
        redis_server.kill()
        await load(1.5)
        assert "lotabots_limits_alone 1.0" in (await http.get("/metrics")).text
        redis_server.start()
        back = time.monotonic()
        while "lotabots_limits_alone 0.0" not in (await http.get("/metrics")).text:
            assert time.monotonic() - back < 3.0
            await asyncio.sleep(0.05)
        await load(1.0)
        took = time.monotonic() - began
        operator = Tokens(tokens.key, OPERATOR_TENANT).of()
        page = await http.get("/v1/audit/entries?verb=limits.change", headers=operator)
        subjects = [one["entry"]["subject"] for one in page.json()["entries"]]
    assert subjects == ["limits:shared", "limits:alone"]
    assert set(statuses) <= {200, 429}
    assert statuses.count(200) <= 1.25 * (RATE * took + BURST)

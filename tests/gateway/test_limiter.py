"""Limits while Redis answers, hangs, dies and comes back."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
from plugins.redis import RedisServer
from redis.asyncio import Redis

from lotabots.gateway import Caller, Limiter, LimitSettings, Shared
from lotabots.gateway.bucket import SECOND
from lotabots.runtime.clock import ticks
from lotabots.runtime.redis import Connections, RedisSettings, open_redis
from lotabots.runtime.settings import Secret
from lotabots.runtime.telemetry import open_telemetry
from lotabots.runtime.web import RateClass

pytestmark = pytest.mark.anyio

ALICE = Caller(ip="203.0.113.7", user="alice")
BOB = Caller(ip="203.0.113.7", user="bob")
MINUTE = 60 * SECOND


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000 * SECOND

    def __call__(self) -> int:
        return self.now


@pytest.fixture
async def redis(redis_server: RedisServer) -> AsyncIterator[Connections]:
    opened = open_redis(RedisSettings(url=Secret(redis_server.url)))
    assert opened is not None
    yield opened
    await opened.close()


@pytest.fixture
async def admin(redis_server: RedisServer) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_server.url) as client:
        yield client


def limiter(
    shared: Shared | None = None, clock: Callable[[], int] = ticks, **settings: str | int
) -> Limiter:
    return Limiter(LimitSettings(**settings), shared, open_telemetry("error"), clock)  # type: ignore[arg-type]


async def admitted(
    made: Limiter, times: int, caller: Caller = ALICE, of: RateClass = RateClass.DEFAULT
) -> int:
    draws = made.draws(of, caller)
    return sum([(await made.draw(of, draws)).allowed for _ in range(times)])


async def test_each_user_has_a_limit_and_all_from_one_address_share_another() -> None:
    made = limiter(clock=Clock(), default_ip="15/1m", default_user="10/1m")
    assert await admitted(made, 20) == 10
    assert await admitted(made, 20, BOB) == 5
    assert await admitted(made, 20, Caller("198.51.100.1", user="alice")) == 0


async def test_each_class_of_routes_has_buckets_of_its_own() -> None:
    made = limiter(clock=Clock(), default_user="10/1m", login_ip="3/1m")
    assert await admitted(made, 20) == 10
    assert await admitted(made, 20, Caller("203.0.113.7"), RateClass.LOGIN) == 3


async def test_a_key_counts_beside_its_user() -> None:
    made = limiter(clock=Clock(), default_user="10/1m", default_key="4/1m")
    assert await admitted(made, 20, ALICE._replace(key="k1")) == 4
    assert await admitted(made, 20, ALICE._replace(key="k2")) == 4
    assert await admitted(made, 20) == 2


async def test_processes_that_share_a_redis_share_the_limits(redis: Connections) -> None:
    one, two = (limiter(Shared(redis), default_user="10/1h") for _ in range(2))
    assert await admitted(one, 6) == 6
    assert await admitted(two, 6) == 4
    assert await admitted(one, 3) == 0


async def test_whoever_is_known_to_be_over_the_limit_costs_redis_nothing(
    redis: Connections, admin: Redis
) -> None:
    made = limiter(Shared(redis), default_user="2/1h")
    assert await admitted(made, 3) == 2
    before = (await admin.info("commandstats"))["cmdstat_evalsha"]["calls"]
    assert await admitted(made, 50) == 0
    assert (await admin.info("commandstats"))["cmdstat_evalsha"]["calls"] == before


async def test_without_redis_this_process_goes_on_from_what_it_has_seen(
    redis: Connections, redis_server: RedisServer
) -> None:
    made = limiter(Shared(redis), default_user="10/1h")
    assert await admitted(made, 7) == 7
    redis_server.kill()
    assert await admitted(made, 20) == 3
    assert made.alone


async def test_without_redis_each_of_several_processes_grants_its_part(
    redis: Connections, redis_server: RedisServer
) -> None:
    redis_server.kill()
    made = limiter(Shared(redis), default_user="100/1h", processes=4)
    assert await admitted(made, 100) == 25


async def test_without_redis_guessing_is_limited_more_strictly(
    redis: Connections, redis_server: RedisServer
) -> None:
    redis_server.kill()
    made = limiter(Shared(redis), login_ip="40/1h", token_ip="40/1h", export_ip="40/1h")
    for of in (RateClass.LOGIN, RateClass.TOKEN, RateClass.EXPORT):
        assert await admitted(made, 40, Caller("203.0.113.7"), of) == 10


async def test_a_redis_that_hangs_delays_few_requests_and_fails_none(
    redis: Connections, redis_server: RedisServer
) -> None:
    made = limiter(Shared(redis), default_user="1000/1h", redis_timeout_ms=50)
    assert await admitted(made, 5) == 5
    redis_server.hang()
    began = time.monotonic()
    assert await admitted(made, 200) == 200
    assert time.monotonic() - began < 1.0
    redis_server.wake()


async def test_redis_is_used_again_once_it_is_back_and_both_changes_are_noted(
    redis: Connections, redis_server: RedisServer, admin: Redis
) -> None:
    made = limiter(Shared(redis), default_user="1000/1h")
    modes: list[str] = []

    async def note(mode: str) -> None:
        modes.append(mode)
        if len(modes) == 1:
            raise ConnectionError("the database is away as well")

    assert await admitted(made, 5) == 5
    redis_server.kill()
    assert await admitted(made, 5) == 5
    with pytest.raises(ConnectionError):
        await made.watch(note)
    await made.watch(note)
    assert (made.alone, modes) == (True, ["alone", "alone"])
    redis_server.start()
    await made.watch(note)
    assert (made.alone, modes[2:]) == (False, ["shared"])
    assert await admitted(made, 5) == 5
    assert await admin.keys("lota:bucket:*user:alice")


async def test_a_redis_that_comes_back_empty_gives_nobody_a_second_burst(
    redis: Connections, redis_server: RedisServer
) -> None:
    made = limiter(Shared(redis), default_user="100/1h")
    assert await admitted(made, 60) == 60
    redis_server.kill()
    assert await admitted(made, 20) == 20
    redis_server.start()
    made.alone = False  # as `watch` does
    assert await admitted(made, 60) == 20


async def test_what_is_remembered_of_redis_never_refuses_what_redis_would_grant(
    redis: Connections,
) -> None:
    shared = Shared(redis)
    made = limiter(
        shared, default_ip="9999/1s", default_user="600/1s burst 200", redis_timeout_ms=1000
    )
    draws = made.draws(RateClass.DEFAULT, ALICE)
    left = []
    began = time.monotonic()
    while time.monotonic() - began < 1.0:
        asked = (made.draw(RateClass.DEFAULT, draws) for _ in range(30))
        if not all(one.allowed for one in await asyncio.gather(*asked)):
            left.append((await shared.draw(draws)).decisions[1].remaining)
    # Refused callers and a bucket that fills all the same would be ours refusing on its own.
    assert len(left) > 20
    assert sorted(left)[len(left) // 2] <= 5


async def test_more_callers_than_connections_wait_in_turn(redis: Connections) -> None:
    made = limiter(Shared(redis), default_user="1000000/1s", default_ip="1000000/1s")
    draws = made.draws(RateClass.DEFAULT, ALICE)

    async def many() -> None:
        for _ in range(60):
            assert (await made.draw(RateClass.DEFAULT, draws)).allowed

    await asyncio.gather(*(many() for _ in range(64)))
    assert not made.alone


async def test_a_redis_that_forgot_the_script_is_told_again(
    redis: Connections, admin: Redis
) -> None:
    made = limiter(Shared(redis), default_user="10/1h")
    assert await admitted(made, 4) == 4
    await admin.script_flush()
    assert await admitted(made, 10) == 6
    assert not made.alone

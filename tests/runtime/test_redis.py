"""One connection on which many ask at once: answers in their order, and what ends them all."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from plugins.redis import RedisServer
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from lotabots.runtime.redis import FAILED, Connections, Script

pytestmark = pytest.mark.anyio

ECHO = Script("return {KEYS[1], ARGV[1]}")


@pytest.fixture
async def redis(redis_server: RedisServer) -> AsyncIterator[Connections]:
    made = Connections(redis_server.url)
    yield made
    await made.close()


async def echo(redis: Connections, number: int) -> list[bytes]:
    return await redis.run(ECHO, [f"k{number}"], [number])


async def clients(server: RedisServer) -> int:
    async with Redis.from_url(server.url) as admin:
        return len(await admin.client_list()) - 1


async def test_each_of_many_who_ask_at_once_gets_its_own_answer_on_one_connection(
    redis: Connections, redis_server: RedisServer
) -> None:
    for _ in range(3):
        answers = await asyncio.gather(*(echo(redis, number) for number in range(500)))
        assert answers == [[b"k%d" % n, b"%d" % n] for n in range(500)]
    assert await clients(redis_server) == 1


async def test_who_stops_waiting_takes_nobody_elses_answer(
    redis: Connections, redis_server: RedisServer
) -> None:
    await echo(redis, 0)
    redis_server.hang()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await echo(redis, 1)
    waiting = asyncio.gather(*(echo(redis, number) for number in range(2, 9)))
    await asyncio.sleep(0.05)
    redis_server.wake()
    assert await waiting == [[b"k%d" % n, b"%d" % n] for n in range(2, 9)]
    assert await echo(redis, 9) == [b"k9", b"9"]
    assert await clients(redis_server) == 1


async def test_of_those_who_wait_together_one_may_stop(
    redis: Connections, redis_server: RedisServer
) -> None:
    await echo(redis, 0)
    redis_server.hang()
    tasks = [asyncio.create_task(echo(redis, number)) for number in range(5)]
    await asyncio.sleep(0.05)
    tasks[2].cancel()
    await asyncio.sleep(0.05)
    redis_server.wake()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(answers.pop(2), asyncio.CancelledError)
    assert answers == [[b"k%d" % n, b"%d" % n] for n in (0, 1, 3, 4)]
    assert await echo(redis, 5) == [b"k5", b"5"]
    assert await clients(redis_server) == 1


async def test_a_redis_that_dies_fails_all_who_wait_at_once_and_is_found_again(
    redis: Connections, redis_server: RedisServer
) -> None:
    await echo(redis, 0)
    redis_server.hang()
    waiting = [asyncio.create_task(echo(redis, number)) for number in range(20)]
    await asyncio.sleep(0.05)
    redis_server.kill()
    async with asyncio.timeout(2):
        failed = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(one, FAILED) for one in failed)
    again = await asyncio.gather(*(echo(redis, n) for n in range(5)), return_exceptions=True)
    assert all(isinstance(one, FAILED) for one in again)
    redis_server.start()
    for _ in range(50):  # its socket is there before it listens
        try:
            assert await echo(redis, 1) == [b"k1", b"1"]
        except FAILED:
            await asyncio.sleep(0.02)
        else:
            break
    else:
        pytest.fail("it was back, and nobody noticed")


async def test_an_error_of_one_script_is_its_callers_alone(redis: Connections) -> None:
    wrong = Script("return redis.call('NO SUCH')")
    good, bad = await asyncio.gather(
        echo(redis, 1), redis.run(wrong, ["k"], [1]), return_exceptions=True
    )
    assert good == [b"k1", b"1"]
    assert isinstance(bad, ResponseError)
    assert await echo(redis, 2) == [b"k2", b"2"]

"""Token buckets: what they grant over time, and that both stores say the same."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plugins.redis import RedisServer
from redis.asyncio import Redis

from lotabots.gateway.bucket import FULL, SECOND, Limit, decide, read_limit
from lotabots.gateway.buckets import CLOCK, PREFIX, SCRIPT, Draw, Memory, Shared
from lotabots.kernel import LotaError
from lotabots.runtime.redis import Connections


@pytest.fixture
async def connections(redis_server: RedisServer) -> AsyncIterator[Connections]:
    made = Connections(redis_server.url)
    yield made
    await made.close()


LIMITS = st.builds(Limit, st.integers(1, 90 * SECOND), st.integers(1, 500))
NOW = 1_764_000_000 * SECOND


@given(LIMITS, st.lists(st.integers(0, 200 * SECOND), max_size=60), st.integers(0, 2**51))
def test_a_bucket_grants_its_burst_and_then_its_rate_and_never_more(
    limit: Limit, pauses: list[int], start: int
) -> None:
    state, now, granted, tokens, refilled = FULL, start, 0, limit.burst * limit.interval, start
    for pause in pauses:
        now += pause
        # A token bucket as it is usually written, in microseconds' worth of tokens.
        tokens = min(limit.window, tokens + now - refilled)
        refilled = now
        decision, state = decide(state, limit, now)
        assert decision.allowed == (tokens >= limit.interval)
        if decision.allowed:
            tokens -= limit.interval
            granted += 1
        assert decision.remaining == tokens // limit.interval
        assert decision.full_after == limit.window - tokens
        assert granted <= limit.burst + (now - start) // limit.interval


@given(LIMITS, st.integers(0, 2**52), st.integers(0, 2**51))
def test_whoever_waits_as_long_as_told_is_let_through(limit: Limit, state: int, now: int) -> None:
    decision, after = decide(state, limit, now)
    if not decision.allowed:
        assert after == state
        assert 0 < decision.retry_after <= limit.interval
        later = now + decision.retry_after
        assert decide(state, limit, later)[0].allowed or state > now + limit.window


def test_a_clock_that_was_set_back_locks_nobody_out_for_longer_than_the_bucket_takes() -> None:
    limit = Limit(SECOND, 10)
    _, state = decide(FULL, limit, NOW)
    assert decide(state, limit, NOW - 3600 * SECOND)[0].retry_after == SECOND
    assert decide(state, limit, NOW - 3590 * SECOND)[0].retry_after == SECOND


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("300/1m", Limit(200_000, 300)),
        ("300/m", Limit(200_000, 300)),
        ("10/1s burst 50", Limit(100_000, 50)),
        ("1/1d", Limit(86_400 * SECOND, 1)),
    ],
)
def test_a_limit_is_read_as_it_is_written(text: str, limit: Limit) -> None:
    assert read_limit(text) == limit


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0/1m",
        "-1/1m",
        "5",
        "5/0m",
        "5/1y",
        "5/1m burst 0",
        "1/40d",
        "5/1m ",
        "\uff12/1m",
        "2000000/1s",
    ],
)
def test_any_other_text_is_no_limit(text: str) -> None:
    with pytest.raises(LotaError, match="SETTINGS_INVALID"):
        read_limit(text)


def test_a_share_of_a_limit_is_never_nothing() -> None:
    assert Limit(SECOND, 8).times(0.25) == Limit(4 * SECOND, 2)
    assert Limit(SECOND, 1).times(0.001) == Limit(1000 * SECOND, 1)


def test_memory_is_bounded_and_keeps_what_was_used_lately() -> None:
    memory, limit = Memory(most=100), Limit(SECOND, 5)
    for number in range(1000):
        memory.draw([Draw("kept", limit), Draw(f"stranger {number}", limit)], NOW)
        assert len(memory) <= 100
        if number % 20 == 0:
            assert memory.draw([Draw("kept", limit)], NOW).decisions[0].remaining <= 3


def test_a_token_is_taken_from_every_bucket_or_from_none() -> None:
    memory = Memory()
    small, large = Draw("small", Limit(SECOND, 1)), Draw("large", Limit(SECOND, 9))
    assert memory.draw([small, large], NOW).allowed
    for _ in range(5):
        assert not memory.draw([large, small], NOW).allowed
    assert memory.draw([large], NOW).decisions[0].remaining == 7


Step = tuple[int, list[int]]
STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.tuples(
        st.one_of(st.integers(-5 * SECOND, 100 * SECOND), st.integers(0, 3)),
        st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True),
    ),
    max_size=25,
)
# The script with the test's clock, and with nothing expiring by the real one.
TIMELESS = SCRIPT.replace(CLOCK, "local now = tonumber(ARGV[#ARGV])").replace(
    "(after[i] - now) / 1000", "86400000"
)


@pytest.mark.anyio
async def test_redis_and_memory_decide_the_same_on_the_same_trace(
    redis_server: RedisServer, connections: Connections
) -> None:
    async with Redis.from_url(redis_server.url) as redis:
        shared = Shared(connections, TIMELESS)

        async def replay(limits: Sequence[Limit], steps: list[Step]) -> None:
            await redis.flushdb()
            memory, now = Memory(), NOW
            for pause, places in steps:
                now += pause
                draws = [Draw(f"bucket {place}", limits[place]) for place in places]
                assert await shared.draw(draws, now) == memory.draw(draws, now)
                for draw in draws:
                    kept = await redis.get(PREFIX + draw.key)
                    assert int(kept or FULL) == memory.state(draw.key)

        traces = given(st.lists(LIMITS, min_size=4, max_size=4), STEPS)
        cases: list[tuple[Sequence[Limit], list[Step]]] = []
        traces(lambda limits, steps: cases.append((limits, steps)))()
        assert len(cases) >= 20
        for limits, steps in cases:
            await replay(limits, steps)


@pytest.mark.anyio
async def test_redis_keeps_the_time_and_forgets_a_bucket_when_it_is_full(
    redis_server: RedisServer, connections: Connections
) -> None:
    async with Redis.from_url(redis_server.url) as redis:
        shared = Shared(connections)
        draw = Draw("bucket", Limit(30 * SECOND, 2))
        first = await shared.draw([draw])
        assert first.allowed
        assert len(str(await redis.get(PREFIX + "bucket"))) >= 16  # every digit of microseconds
        assert 29_000 < await redis.pttl(PREFIX + "bucket") <= 30_000
        memory = Memory()
        memory.draw([draw], first.now)
        for _ in range(4):
            drawn = await shared.draw([draw])
            assert drawn == memory.draw([draw], drawn.now)
        assert 55_000 < await redis.pttl(PREFIX + "bucket") <= 60_000


@pytest.mark.anyio
async def test_what_is_no_number_under_a_key_counts_as_a_full_bucket(
    redis_server: RedisServer, connections: Connections
) -> None:
    async with Redis.from_url(redis_server.url) as redis:
        await redis.set(PREFIX + "bucket", "nonsense")
        assert (await Shared(connections).draw([Draw("bucket", Limit(SECOND, 1))])).allowed


@pytest.mark.anyio
async def test_callers_at_once_get_no_more_than_there_is(connections: Connections) -> None:
    shared = Shared(connections)
    draws = [Draw("ip", Limit(60 * SECOND, 50)), Draw("user", Limit(60 * SECOND, 90))]
    drawn = await asyncio.gather(*(shared.draw(draws) for _ in range(190)))
    assert sum(one.allowed for one in drawn) == 50

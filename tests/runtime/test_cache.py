"""The cache: bounded, short, dropped by events, and never used while the channel is silent."""

import asyncio
import io

import pytest
from plugins.events import Open, within
from prometheus_client import CollectorRegistry

from lotabots.runtime import cache as module
from lotabots.runtime.cache import Cache, Caches
from lotabots.runtime.database import Database
from lotabots.runtime.events import Channel, Topic, publish
from lotabots.runtime.telemetry import open_telemetry

pytestmark = pytest.mark.anyio


class Source:
    """What stands behind a cache, and how often it was read."""

    def __init__(self) -> None:
        self.value = 1
        self.reads = 0

    async def read(self) -> int:
        self.reads += 1
        return self.value


@pytest.fixture
async def opened(open_channel: Open) -> tuple[Channel, Database]:
    return await open_channel()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def on(
    channel: Channel,
    registry: CollectorRegistry,
    entries: int = 3,
    topic: Topic | None = Topic.KEYS,
) -> Cache[int]:
    return Caches(channel, registry).open("test", topic=topic, entries=entries)


def counted(registry: CollectorRegistry, outcome: str) -> float | None:
    labels = {"cache": "test", "outcome": outcome}
    return registry.get_sample_value("lotabots_cache_reads_total", labels)


async def test_what_was_read_is_remembered_and_each_read_is_counted(
    opened: tuple[Channel, Database], registry: CollectorRegistry
) -> None:
    cache, source = on(opened[0], registry), Source()
    assert [await cache.get("a", source.read) for _ in range(3)] == [1, 1, 1]
    assert source.reads == 1
    assert cache.find("a") == 1
    assert cache.find("b") is None
    assert (counted(registry, "hit"), counted(registry, "miss")) == (3, 1)


async def test_the_first_that_came_makes_room(
    opened: tuple[Channel, Database], registry: CollectorRegistry
) -> None:
    cache, source = on(opened[0], registry), Source()
    for key in "abcde":
        await cache.get(key, source.read)
    assert len(cache) == 3
    assert [cache.find(key) for key in "abcde"] == [None, None, 1, 1, 1]


async def test_an_entry_ends_after_its_time(
    opened: tuple[Channel, Database], registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, source = on(opened[0], registry), Source()
    await cache.get("a", source.read)
    real = module.monotonic
    monkeypatch.setattr(module, "monotonic", lambda: real() + module.LIFE_SECONDS)
    assert cache.find("a") is None
    await cache.get("a", source.read)
    assert source.reads == 2


async def test_an_event_in_another_process_drops_the_entry_that_it_names_and_no_other(
    open_channel: Open, registry: CollectorRegistry
) -> None:
    (here, _), (_, elsewhere) = await open_channel(), await open_channel()
    cache, source = on(here, registry), Source()
    await cache.get("a", source.read)
    await cache.get("b", source.read)
    async with elsewhere.transaction(None) as tx:
        await publish(tx, Topic.KEYS, "a")
    await within(1, lambda: cache.find("a") is None)
    assert cache.find("b") == 1


async def test_whoever_changed_something_reads_it_anew_at_once(
    opened: tuple[Channel, Database], registry: CollectorRegistry
) -> None:
    channel, database = opened
    cache, source = on(channel, registry), Source()
    await cache.get("a", source.read)
    async with database.transaction(None) as tx:
        source.value = 2
        await publish(tx, Topic.KEYS, "a")
    assert await cache.get("a", source.read) == 2


async def test_what_changed_while_it_was_read_is_not_remembered(
    opened: tuple[Channel, Database], registry: CollectorRegistry
) -> None:
    cache, source = on(opened[0], registry), Source()

    async def slow() -> int:
        value = await source.read()
        source.value = 2
        cache.drop("a")  # the event comes before the old value does
        return value

    assert await cache.get("a", slow) == 1
    assert await cache.get("a", source.read) == 2


async def test_a_read_that_fails_leaves_nothing_behind(
    opened: tuple[Channel, Database], registry: CollectorRegistry
) -> None:
    cache, source = on(opened[0], registry), Source()

    async def failing() -> int:
        raise LookupError

    with pytest.raises(LookupError):
        await cache.get("a", failing)
    assert await cache.get("a", source.read) == 1


async def test_a_silent_channel_bypasses_the_cache_and_loses_what_it_held(
    opened: tuple[Channel, Database], registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel, _ = opened
    cache, source = on(channel, registry), Source()
    await cache.get("a", source.read)
    with monkeypatch.context() as patch:
        patch.setattr(channel, "is_current", lambda: False)
        source.value = 2
        assert cache.find("a") is None
        assert [await cache.get("a", source.read) for _ in range(2)] == [2, 2]
        assert counted(registry, "bypassed") == 2
        await asyncio.sleep(0.6)  # the next beat finds that we were silent
    assert await cache.get("a", source.read) == 2


async def test_a_read_that_began_before_a_silence_is_not_remembered_after_it(
    opened: tuple[Channel, Database], registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel, _ = opened
    cache, source = on(channel, registry), Source()

    async def slow() -> int:
        monkeypatch.setattr(channel, "is_current", lambda: False)
        return await source.read()

    assert await cache.get("a", slow) == 1
    monkeypatch.undo()
    assert cache.find("a") is None


async def test_what_is_named_by_its_content_is_kept_while_the_channel_is_silent(
    database: Database, registry: CollectorRegistry
) -> None:
    closed = Channel(database, CollectorRegistry(), open_telemetry("error", io.BytesIO()).log)
    cache, source = on(closed, registry, topic=None), Source()
    await cache.get(b"content", source.read)
    assert await cache.get(b"content", source.read) == 1
    assert source.reads == 1


async def test_values_can_be_dropped_by_what_they_say(
    opened: tuple[Channel, Database], registry: CollectorRegistry
) -> None:
    channel, database = opened
    cache: Cache[str] = Caches(channel, registry).open(
        "test", topic=Topic.TOKEN, entries=9, stale=lambda value, key: value == key
    )

    async def said(value: str) -> str:
        return value

    for key, value in (("1", "x"), ("2", "y"), ("3", "x")):
        await cache.get(key, lambda value=value: said(value))
    async with database.transaction(None) as tx:
        await publish(tx, Topic.TOKEN, "x")
    assert [cache.find(key) for key in "123"] == [None, "y", None]

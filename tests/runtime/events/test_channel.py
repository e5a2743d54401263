"""The channel: what is published is heard after the commit, and silence is known for what it is."""

import asyncio
import io
import json
import os
import signal
from contextlib import AsyncExitStack, suppress

import asyncpg
import pytest
from plugins.events import LISTENERS, Open, within

from lotabots.kernel import LotaError
from lotabots.runtime.events import SILENT_SECONDS, Channel, Topic, publish

pytestmark = pytest.mark.anyio


class Heard(list[str | None]):
    """What one subscriber was told."""

    @classmethod
    def on(cls, channel: Channel, topic: Topic = Topic.KEYS) -> "Heard":
        heard = cls()
        channel.subscribe(topic, heard.append)
        return heard


async def test_what_is_published_is_heard_in_every_process_when_it_is_committed(
    open_channel: Open,
) -> None:
    (here, database), (there, _) = await open_channel(), await open_channel()
    ours, theirs, other = Heard.on(here), Heard.on(there), Heard.on(there, Topic.SETTINGS)
    async with database.transaction(None) as tx:
        await publish(tx, Topic.KEYS, "a-purpose")
        await asyncio.sleep(0.1)
        assert (ours, theirs) == ([], [])
    assert set(ours) == {
        "a-purpose"
    }  # who published has heard it before the caller's answer goes out
    await within(1, lambda: theirs == ["a-purpose"])
    assert other == []


async def test_what_is_rolled_back_is_never_heard(open_channel: Open) -> None:
    (here, database), (there, _) = await open_channel(), await open_channel()
    ours, theirs = Heard.on(here), Heard.on(there)
    with suppress(ValueError):
        async with database.transaction(None) as tx:
            await publish(tx, Topic.KEYS, "a-purpose")
            raise ValueError
    async with database.transaction(None) as tx:
        await publish(tx, Topic.KEYS, "another")
    await within(1, lambda: "another" in theirs)
    assert "a-purpose" not in ours + theirs


async def test_a_subscriber_that_fails_does_not_keep_others_from_hearing(
    open_channel: Open,
) -> None:
    channel, database = await open_channel()
    channel.subscribe(Topic.KEYS, lambda _: 1 / 0)  # type: ignore[arg-type]
    heard = Heard.on(channel)
    async with database.transaction(None) as tx:
        await publish(tx, Topic.KEYS, "x")
    await within(1, lambda: heard.count("x") == 2)  # at the commit, and by the line
    assert channel.is_current()


@pytest.mark.parametrize("key", ["", "two words", "é", "a" * 257, "a\n"])
async def test_a_key_that_is_no_short_name_is_refused(open_channel: Open, key: str) -> None:
    _, database = await open_channel()
    with pytest.raises(LotaError, match="EVENT_INVALID"):
        async with database.transaction(None) as tx:
            await publish(tx, Topic.KEYS, key)


async def test_notifications_that_are_no_events_are_passed_over(
    open_channel: Open, owner: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    channel, database = await open_channel()
    heard = Heard.on(channel)
    for text in ("", "keys", "keys ", "nothing x", "probe 1", "\u00e9 \u00e9"):
        await owner.execute("select pg_notify('lotabots', $1)", text)
    async with database.transaction(None) as tx:
        await publish(tx, Topic.KEYS, "x")
    await within(1, lambda: heard.count("x") == 2)
    assert set(heard) == {"x"}


async def test_an_open_channel_is_never_silent_for_long(open_channel: Open) -> None:
    channel, _ = await open_channel()
    longest = 0.0
    for _ in range(100):
        longest = max(longest, channel.silent_for())
        await asyncio.sleep(0.01)
    assert longest < SILENT_SECONDS
    assert channel.is_current()


async def test_a_channel_that_was_not_opened_is_silent(open_channel: Open) -> None:
    _, database = await open_channel()
    from prometheus_client import CollectorRegistry

    from lotabots.runtime.telemetry import open_telemetry

    closed = Channel(database, CollectorRegistry(), open_telemetry("error").log)
    assert not closed.is_current()
    assert closed.silent_for() == float("inf")


async def test_a_line_that_is_cut_is_silence_at_once_and_then_everything_is_dropped(
    open_channel: Open, owner: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    channel, _ = await open_channel()
    heard = Heard.on(channel)
    pid = await owner.fetchval(LISTENERS)
    await owner.execute("select pg_terminate_backend($1)", pid)
    await within(1, lambda: not channel.is_current())
    assert heard == []
    await within(3, channel.is_current)
    assert heard == [None]
    assert await owner.fetchval(LISTENERS) != pid


async def test_a_line_on_which_nobody_answers_is_silent_within_a_second_and_opened_again(
    open_channel: Open, owner: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    channel, database = await open_channel()
    heard = Heard.on(channel)
    pid = await owner.fetchval(LISTENERS)
    os.kill(pid, signal.SIGSTOP)
    try:
        took = await within(SILENT_SECONDS + 0.1, lambda: not channel.is_current())
        assert took > 0.5  # a beat or two late is no silence
        await within(5, channel.is_current)  # on another line: this one is still stopped
        assert heard == [None]
        async with database.transaction(None) as tx:
            await publish(tx, Topic.KEYS, "x")
        await within(1, lambda: heard.count("x") == 2)
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_a_line_that_hears_nothing_is_never_current(
    open_channel: Open, owner: "asyncpg.Connection[asyncpg.Record]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind a pooler that lends by the transaction: questions are answered, nothing comes."""
    from lotabots.runtime.database import Database, pool
    from lotabots.runtime.events import channel as module

    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(module, "OPEN_SECONDS", 0.5)
    real = pool.open_line
    monkeypatch.setattr(
        Database, "line", lambda self, _, heard: real(self._url, "another channel", heard)
    )
    channel, _ = await open_channel()
    await asyncio.sleep(0.5)
    assert not channel.is_current()


async def test_a_lost_line_is_said_once_and_so_is_that_it_was_found(
    open_channel: Open, events_log: io.BytesIO, owner: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    channel, _ = await open_channel()
    await owner.execute("select pg_terminate_backend($1)", await owner.fetchval(LISTENERS))
    await within(1, lambda: not channel.is_current())
    await within(3, channel.is_current)
    said = [json.loads(line)["event"] for line in events_log.getvalue().splitlines()]
    assert said == ["events.lost", "events.found"]


async def test_a_pool_that_has_nothing_to_spare_keeps_no_process_from_hearing(
    open_channel: Open, owner: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    channel, database = await open_channel()
    async with AsyncExitStack() as stack:
        for _ in range(3):  # all that there are
            await stack.enter_async_context(database.transaction(None))
        await owner.execute("select pg_terminate_backend($1)", await owner.fetchval(LISTENERS))
        await within(1, lambda: not channel.is_current())
        await within(2, channel.is_current)

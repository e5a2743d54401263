"""Channels on a real database, and the connection that each of them listens on."""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from time import monotonic

import asyncpg
import pytest
from plugins.database import DatabaseUrls

from lotabots.runtime.database import Database
from lotabots.runtime.events import Channel
from lotabots.runtime.telemetry import open_telemetry

LISTENERS = (
    "select pid from pg_stat_activity where application_name = 'lotabots-events'"
    " and datname = current_database()"
)

Open = Callable[[], Awaitable[tuple[Channel, Database]]]


@pytest.fixture
def events_log() -> io.BytesIO:
    """What the channels of this test log."""
    return io.BytesIO()


@pytest.fixture
async def open_channel(
    fresh_database_urls: DatabaseUrls, events_log: io.BytesIO
) -> AsyncIterator[Open]:
    """Opens a channel with a pool of its own, as another process would."""
    async with AsyncExitStack() as stack:

        async def opened() -> tuple[Channel, Database]:
            database = await Database.open(fresh_database_urls.app, connections=3)
            stack.push_async_callback(database.close)
            telemetry = open_telemetry("info", events_log)
            channel = Channel(database, telemetry.registry, telemetry.log)
            await stack.enter_async_context(channel.open())
            return channel, database

        yield opened


@pytest.fixture
async def owner(
    fresh_database_urls: DatabaseUrls,
) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """The database's owner, who can end the connections of others."""
    connection = await asyncpg.connect(fresh_database_urls.owner)
    yield connection
    await connection.close()


async def within(seconds: float, true: Callable[[], bool]) -> float:
    """How long it took to become true; fails when it did not."""
    began = monotonic()
    while not true():
        assert monotonic() - began < seconds, f"not within {seconds} s"
        await asyncio.sleep(0.002)
    return monotonic() - began

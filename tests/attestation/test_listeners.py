"""Streams of events in a process of one's own: slow clients, quiet hours, ends, a lost database."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import httpx
import pytest
from plugins.database import DatabaseUrls
from plugins.process import Tokens, serving

from lotabots.attestation import event_api, listener, stream
from lotabots.attestation.notices import Notice, Told, tell_all
from lotabots.attestation.stream import Stream
from lotabots.kernel import Role
from lotabots.runtime.clock import utc_now
from lotabots.runtime.database import Database
from lotabots.runtime.events import revoke_token
from lotabots.runtime.process import Process
from lotabots.runtime.web import Service

pytestmark = pytest.mark.anyio
STREAM = {"accept": "text/event-stream"}
ID = re.compile(rb"^id: (\S+)$", re.MULTILINE)
NUMBER = re.compile(rb'"number":(\d+)')


@pytest.fixture
def events(process: Process) -> Service:
    return Service(name="events", handlers=event_api.HANDLERS, given={"stream": Stream(process)})


@asynccontextmanager
async def listening(
    client: httpx.AsyncClient, tokens: Tokens, after: str = "", **token: object
) -> AsyncIterator[AsyncIterator[str]]:
    """The lines of a stream, once it is connected."""
    headers = tokens.of(Role.VIEWER, **token) | STREAM
    query = {"after": after} if after else {}
    async with client.stream("GET", "/v1/events", params=query, headers=headers) as answer:
        assert answer.status_code == 200
        lines = answer.aiter_lines()
        async for line in lines:
            if line == ": connected":
                break
        yield lines


async def line_with(lines: AsyncIterator[str], text: str) -> str:
    async with asyncio.timeout(20):
        async for line in lines:
            if text in line:
                return line
    raise AssertionError(f"the stream ended without {text}")


async def happen(database: Database, tokens: Tokens, first: int, count: int = 1) -> None:
    told = [
        Told(Notice.NODE_STALE, None, {"number": first + one, "text": "x" * 500})
        for one in range(count)
    ]
    async with database.transaction(tokens.tenant) as tx:
        await tell_all(tx, told, utc_now())


class RawClient:
    """A client that reads only when it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer

    @classmethod
    async def open(cls, client: httpx.AsyncClient, tokens: Tokens, after: str) -> "RawClient":
        url = client.base_url
        made = cls(*await asyncio.open_connection(url.host, url.port, limit=4096))
        head = [
            f"GET /v1/events?after={after} HTTP/1.1",
            f"host: {url.host}",
            "accept: text/event-stream",
            f"authorization: Bearer {tokens.token(Role.VIEWER)}",
        ]
        made.writer.write(("\r\n".join(head) + "\r\n\r\n").encode())
        return made

    async def rest(self) -> bytes:
        """All that comes until the end, less how it was cut into chunks."""
        found = b""
        try:
            async with asyncio.timeout(30):
                while piece := await self._reader.read(1 << 20):
                    found += piece
                    if found.endswith(b"\r\n0\r\n\r\n"):
                        break
        except ConnectionError:
            pass
        return re.sub(rb"\r\n[0-9a-f]+\r\n", b"", found)


COUNT, BATCH = 30_000, 1000
"""More bytes than all buffers between a server and a client on one machine."""


async def until_it_is_cut(service: Service) -> None:
    of_process = service.given["stream"]
    assert isinstance(of_process, Stream)
    async with asyncio.timeout(30):
        while True:
            if all(one.ended for one in of_process._listeners):
                return
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("grace", [0.05, 20.0], ids=["who reads too late", "who reads at last"])
async def test_a_slow_client_is_cut_off_and_goes_on_from_its_last_id_without_a_gap(
    process: Process,
    tokens: Tokens,
    events: Service,
    monkeypatch: pytest.MonkeyPatch,
    grace: float,
) -> None:
    monkeypatch.setattr(listener, "SLOW_SECONDS", 1.0)
    monkeypatch.setattr(listener, "GRACE_SECONDS", grace)
    monkeypatch.setattr(stream, "LOOK_SECONDS", 0.05)
    async with serving(process, [events]) as client:
        slow = await RawClient.open(client, tokens, "0-0")
        for first in range(0, COUNT, BATCH):
            await happen(process.database, tokens, first, BATCH)
        async with listening(client, tokens) as quick:
            await happen(process.database, tokens, COUNT)
            await line_with(quick, f'"number":{COUNT}')
        await until_it_is_cut(events)
        await asyncio.sleep(2 * grace if grace < 1 else 0)
        seen = await slow.rest()
        slow.writer.close()
        whole = seen[: seen.rfind(b"\n\n") + 2]
        if grace > 1:
            assert whole.endswith(b": too slow: go on from the last id\n\n")
        numbers = [int(one) for one in NUMBER.findall(whole)]
        assert 0 < len(numbers) < COUNT
        async with listening(client, tokens, ID.findall(whole)[-1].decode()) as again:
            while numbers[-1] < COUNT:
                found = NUMBER.search((await line_with(again, "data: ")).encode())
                numbers.append(int(found[1]) if found else -1)
    assert numbers == list(range(COUNT + 1))


async def test_a_quiet_stream_says_that_it_is_there_and_how_far_it_has_come(
    process: Process, tokens: Tokens, events: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "QUIET_SECONDS", 0.05)
    async with serving(process, [events]) as client, listening(client, tokens) as lines:
        assert await line_with(lines, "id: ")
        assert await line_with(lines, "still there")


async def test_a_stream_ends_with_the_token_that_it_was_opened_with(
    process: Process, tokens: Tokens, events: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "LOOK_SECONDS", 0.05)
    short = {"lifetime": timedelta(seconds=2)}
    async with serving(process, [events]) as client, listening(client, tokens, **short) as lines:
        assert await line_with(lines, "the token has expired")
        assert [line async for line in lines] == [""]


async def test_a_stream_of_a_key_that_lives_long_ends_too_and_the_client_comes_back(
    process: Process, tokens: Tokens, events: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(listener, "LONGEST_SECONDS", 0.3)
    async with serving(process, [events]) as client, listening(client, tokens) as lines:
        assert await line_with(lines, "come back, and go on from the last id")


async def test_a_stream_ends_when_its_token_is_revoked_and_others_do_not(
    process: Process, tokens: Tokens, events: Service
) -> None:
    async with (
        serving(process, [events]) as client,
        listening(client, tokens, token_id="a" * 32) as revoked,
        listening(client, tokens) as other,
    ):
        async with process.database.transaction(None) as tx:
            await revoke_token(tx, "a" * 32, utc_now() + timedelta(minutes=10))
        assert await line_with(revoked, "the token was revoked")
        await happen(process.database, tokens, 7)
        assert await line_with(other, '"number":7')


async def test_a_server_that_stops_does_not_wait_for_its_streams(
    process: Process, tokens: Tokens, events: Service
) -> None:
    async with asyncio.timeout(5):  # it waits 10 s for a request that does not end
        async with serving(process, [events]) as client:
            raw = await RawClient.open(client, tokens, "0-0")
            async with listening(client, tokens):
                pass  # by then the first one is open, too
        said = await raw.rest()
        raw.writer.close()
    assert said.rstrip().endswith(b": the server stops: go on from the last id")


async def test_a_stream_outlives_a_database_that_was_away(
    process: Process, tokens: Tokens, events: Service, database_urls: DatabaseUrls
) -> None:
    async with serving(process, [events]) as client, listening(client, tokens) as lines:
        owner = await asyncpg.connect(database_urls.owner)
        for number in range(3):
            await owner.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'lotabots' and datname = current_database()"
            )
            await asyncio.sleep(0.3)
            await happen(process.database, tokens, number)
            assert await line_with(lines, f'"number":{number}')
        await owner.close()

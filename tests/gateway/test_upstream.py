"""Services elsewhere: slow, broken, gone and back; and streams through the gateway."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from plugins.backend import OK, Backend, Behave, backend
from plugins.echo import ENDED, HANDLERS
from plugins.process import Tokens, assert_refused, fronted, make_process, serving

from lotabots.gateway import GatewaySettings, pool
from lotabots.runtime.database import Database
from lotabots.runtime.process import Process
from lotabots.runtime.web import Service, WebSettings, endpoints

pytestmark = pytest.mark.anyio

ENDPOINTS = endpoints("echo", HANDLERS)


@pytest.fixture
def gateway_settings() -> list[object]:
    return []


@asynccontextmanager
async def before(
    process: Process, *urls: str, answer_seconds: float = 5, connections: int = 256
) -> AsyncIterator[httpx.AsyncClient]:
    """The gateway before a service at these addresses."""
    settings = GatewaySettings(
        services=f"echo={','.join(urls)}", answer_seconds=answer_seconds, connections=connections
    )
    with_them = Process(
        **{
            name: getattr(process, name)
            for name in (
                "database",
                "blobs",
                "log_files",
                "model_files",
                "keyring",
                "clock",
                "telemetry",
                "events",
                "caches",
            )
        },
        settings=process.settings.with_section(settings),
    )
    async with fronted(with_them, [], ENDPOINTS) as client:
        yield client


async def test_a_request_reaches_its_service_whole_and_comes_back_whole(
    process: Process, tokens: Tokens
) -> None:
    async with backend() as made, before(process, made.url) as http:
        answer = await http.get("/v1/open?a=%2B%20b&c", headers={"x-secret": "1"})
        assert answer.json() == {}
        assert made.heads[0].startswith(b"GET /v1/open?a=%2B%20b&c HTTP/1.1\r\n")
        assert b"x-secret" not in made.heads[0].lower()
        for size in (0, 5, 100_000, 4_000_000):
            sent = await http.post("/v1/body", content=b"x" * size, headers=tokens.of())
            assert sent.status_code == 200
            assert len(made.bodies[-1]) == size


async def test_a_body_without_announced_length_streams_through(
    process: Process, tokens: Tokens
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"x" * 10_000

    async with backend() as made, before(process, made.url) as http:
        answer = await http.post("/v1/body", content=pieces(), headers=tokens.of())
        assert answer.status_code == 200
        assert made.bodies == [b"x" * 500_000]


async def test_connections_are_kept(process: Process) -> None:
    async with backend() as made, before(process, made.url) as http:
        for _ in range(20):
            assert (await http.get("/v1/open")).status_code == 200
        assert made.connections == 1


async def test_who_waits_for_a_connection_in_vain_is_told_so_and_the_service_is_not_down(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "WAIT_SECONDS", 0.2)
    arrived, opened = asyncio.Event(), asyncio.Event()

    async def waits(
        made: Backend, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while await made.read(reader):
            arrived.set()
            await opened.wait()
            writer.write(OK)

    async with backend(waits) as made, before(process, made.url, connections=1) as http:
        first = asyncio.create_task(http.get("/v1/open"))
        await arrived.wait()
        late = await asyncio.gather(*(http.get("/v1/open") for _ in range(5)))
        for answer in late:
            assert_refused(answer, 503, "UPSTREAM_BUSY")
        opened.set()
        assert (await first).status_code == 200
        assert (await http.get("/v1/open")).status_code == 200
        assert made.connections == 1


async def one_answer(
    made: Backend, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answers once, and closes the idle connection without a word."""
    await made.read(reader)
    writer.write(OK)
    await writer.drain()
    await asyncio.sleep(0.05)


async def breaks_off(
    made: Backend, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answers a first request, and closes as the second one comes."""
    await made.read(reader)
    writer.write(OK)
    await made.read(reader)


async def test_who_may_ask_twice_asks_again_when_an_idle_connection_was_dead(
    process: Process, tokens: Tokens
) -> None:
    async with backend(breaks_off) as made, before(process, made.url) as http:
        for _ in range(6):
            assert (await http.get("/v1/open")).status_code == 200


async def test_what_changes_something_is_never_sent_twice(process: Process, tokens: Tokens) -> None:
    async with backend(breaks_off) as made, before(process, made.url) as http:
        assert (await http.get("/v1/open")).status_code == 200
        answer = await http.post("/v1/body", content=b"once", headers=tokens.of())
        assert_refused(answer, 503, "UPSTREAM_UNAVAILABLE")
        assert answer.headers["retry-after"] == "1"
        assert made.bodies.count(b"once") == 1


async def test_a_service_that_is_gone_is_503_at_once_and_heals_when_it_is_back(
    process: Process, tokens: Tokens
) -> None:
    async with backend() as made:
        port, url = made.port, made.url
    async with before(process, url) as http:
        for _ in range(5):
            assert_refused(await http.get("/v1/open"), 503, "UPSTREAM_UNAVAILABLE")
        assert 'lotabots_upstream_down{address="' in (await http.get("/metrics")).text
        async with backend(port=port):
            for _ in range(60):
                if (await http.get("/v1/open")).status_code == 200:
                    break
                await asyncio.sleep(0.05)
            else:
                pytest.fail("the service was back, and nobody noticed in three seconds")
            assert 'up_down{address="' not in (await http.get("/metrics")).text


async def test_of_several_addresses_each_gets_its_turn_and_a_dead_one_none(
    process: Process, tokens: Tokens
) -> None:
    async with backend() as dead:
        pass
    async with (
        backend() as one,
        backend() as two,
        before(process, one.url, dead.url, two.url) as http,
    ):
        for _ in range(20):
            assert (await http.get("/v1/open")).status_code == 200
            answer = await http.post("/v1/body", content=b"x", headers=tokens.of())
            assert answer.status_code == 200
        heads = [len([h for h in made.heads if b"/healthz" not in h]) for made in (one, two)]
        assert sum(heads) == 40
        assert min(heads) >= 10


async def test_a_service_that_says_nothing_is_waited_for_no_longer_than_set(
    process: Process,
) -> None:
    async def silent(
        made: Backend, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await made.read(reader)
        await reader.read()

    async with backend(silent) as made, before(process, made.url, answer_seconds=0.2) as http:
        assert_refused(await http.get("/v1/open"), 503, "UPSTREAM_TIMEOUT")


def saying(text: bytes) -> Behave:
    async def says(
        made: Backend, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await made.read(reader)
        writer.write(text)

    return says


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 19\r\n\r\nService Unavailable",
        b"HTTP/1.1 500 X\r\ncontent-type: text/html\r\ncontent-length: 12\r\n\r\n<h1>oh</h1> ",
        b'HTTP/1.1 400 X\r\ncontent-length: 15\r\n\r\n{"error": "no"}',
        b"HTTP/1.1 502 X\r\ncontent-length: 0\r\n\r\n",
        b"this is no HTTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 9\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"a" * 100_000 + b"\r\n\r\n",
        b"",
    ],
)
async def test_whatever_a_service_says_amiss_becomes_our_error(
    process: Process, said: bytes
) -> None:
    async with backend(saying(said)) as made, before(process, made.url) as http:
        assert_refused(await http.get("/v1/open"), 503, "UPSTREAM_UNAVAILABLE")


async def test_what_stands_behind_an_answer_is_nobodys_and_ends_the_connection(
    process: Process,
) -> None:
    behind = OK + b"HTTP/1.1 201 Created\r\nx-smuggled: 1\r\ncontent-length: 3\r\n\r\nbad"
    async with backend(saying(behind)) as made, before(process, made.url) as http:
        for number in range(1, 4):
            answer = await http.get("/v1/open")
            assert (answer.status_code, answer.content) == (200, b"{}")
            assert "x-smuggled" not in answer.headers
            assert made.connections == number


async def test_a_service_is_waited_for_anew_with_each_request_on_a_kept_connection(
    process: Process,
) -> None:
    async def slower(
        made: Backend, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        for seconds in (0, 0.25, 0.25, 5):
            await made.read(reader)
            await asyncio.sleep(seconds)
            writer.write(OK)

    async with backend(slower) as made, before(process, made.url, answer_seconds=0.4) as http:
        for _ in range(3):
            assert (await http.get("/v1/open")).status_code == 200
        assert_refused(await http.get("/v1/open"), 503, "UPSTREAM_TIMEOUT")
        assert made.connections == 1


async def test_an_error_of_a_service_in_our_shape_is_passed_on(process: Process) -> None:
    body = b'{"message":"No.","code":"USER_EXISTS","details":{"a":1}}'
    said = b"HTTP/1.1 409 X\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
    async with backend(saying(said % (len(body), body))) as made, before(process, made.url) as http:
        answer = await http.get("/v1/open")
        assert_refused(answer, 409, "USER_EXISTS")
        assert answer.content == body


async def test_what_belongs_to_one_connection_does_not_come_back(process: Process) -> None:
    said = (
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nkeep-alive: timeout=5\r\nserver: x\r\n"
        b'x-request-id: theirs\r\nx-frame-options: ALLOW\r\nset-cookie: a=b\r\netag: "1"\r\n'
        b"date: x\r\nproxy-authenticate: Basic\r\n\r\n{}"
    )
    async with backend(saying(said)) as made, before(process, made.url) as http:
        headers = (await http.get("/v1/open")).headers
        assert headers["x-frame-options"] == "DENY"
        assert headers["etag"] == '"1"'
        assert headers["set-cookie"] == "a=b"
        assert headers["x-request-id"] != "theirs"
        assert not {"server", "keep-alive", "proxy-authenticate"} & set(headers)
        assert len(headers.get_list("date")) == 1


async def test_a_service_that_dies_in_the_middle_of_an_answer_ends_it_as_broken(
    process: Process,
) -> None:
    said = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"
    async with backend(saying(said)) as made, before(process, made.url) as http:
        with pytest.raises(httpx.RemoteProtocolError):
            await http.get("/v1/open")


async def test_a_caller_who_breaks_off_an_upload_harms_nobody_else(
    process: Process, tokens: Tokens
) -> None:
    async with backend() as made, before(process, made.url) as http:
        for _ in range(5):
            _, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
            [(name, value)] = tokens.of().items()
            head = f"POST /v1/body HTTP/1.1\r\nhost: x\r\n{name}: {value}\r\n"
            head += "content-length: 99\r\n\r\n"
            writer.write(head.encode() + b"abc")
            await writer.drain()
            await asyncio.sleep(0.05)
            writer.close()
        await asyncio.sleep(0.1)
        assert (await http.get("/v1/open")).status_code == 200
        assert b"abc" not in made.bodies


@asynccontextmanager
async def behind(database: Database) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    """A real service in a process of its own kind, and the gateway before it."""
    alone = make_process(database, io.BytesIO(), WebSettings(behind_gateway=True))
    async with serving(alone, [Service(name="echo", handlers=HANDLERS)]) as service:
        url = str(service.base_url).rstrip("/")
        async with before(make_process(database, io.BytesIO()), url) as http:
            yield http, service


async def test_a_stream_comes_through_as_it_is_made_and_ends_when_the_caller_leaves(
    database: Database,
) -> None:
    async with behind(database) as (http, _), http.stream("GET", "/v1/stream") as answer:
        pieces = answer.aiter_bytes()
        first = await asyncio.wait_for(anext(pieces), 2)
        assert first.startswith(b"data: 0")
        assert b"data: 50" not in first
        await answer.aclose()
        await asyncio.wait_for(ENDED.wait(), 3)


async def test_a_service_behind_the_gateway_answers_the_gateway_only(
    database: Database, process: Process, tokens: Tokens
) -> None:
    async with behind(database) as (http, service):
        assert (await http.get("/v1/echo", headers=tokens.of())).status_code == 200
        assert_refused(await service.get("/v1/echo", headers=tokens.of()), 401, "GATEWAY_ONLY")
        assert_refused(await service.get("/v1/open"), 401, "GATEWAY_ONLY")
        for token in ("a.b.c", "", tokens.token()):
            answer = await service.get("/v1/echo", headers={"x-lota-internal": token})
            assert_refused(answer, 401, "GATEWAY_TOKEN_INVALID")
        assert (await service.get("/healthz")).status_code == 200


async def test_the_service_learns_address_id_and_trace_from_the_gateway(
    database: Database, tokens: Tokens
) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    sent = tokens.of() | {
        "x-forwarded-for": "198.51.100.1",
        "traceparent": f"00-{trace}-b7ad6b7169203331-01",
    }
    async with behind(database) as (http, _):
        answer = await http.get("/v1/echo", headers=sent)
        seen = dict(answer.json()["headers"])
        assert answer.json()["source"] == "127.0.0.1"
        assert seen["x-request-id"] == answer.headers["x-request-id"]
        assert seen["traceparent"].split("-")[1] == trace
        assert seen["traceparent"].split("-")[2] != "b7ad6b7169203331"

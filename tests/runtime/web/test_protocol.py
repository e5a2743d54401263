"""What the server does with the bytes of a connection, through raw sockets."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

import pytest

from lotabots.runtime.web import WebSettings, bind, serve
from lotabots.runtime.web.protocol import FULL, MAX_HEAD

pytestmark = pytest.mark.anyio

GET = b"GET %b HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST %b HTTP/1.1\r\nhost: x\r\n%b\r\n\r\n"
MARK: ContextVar[str] = ContextVar("mark", default="none")
Send = Callable[[Any], Awaitable[None]]


class App:
    """Answers with what it was asked, or as its path says."""

    def __init__(self) -> None:
        self.scopes: list[dict[str, Any]] = []
        self.seen: list[Any] = []
        self.release = asyncio.Event()
        self.left = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        self.scopes.append(scope)
        await getattr(self, scope["path"][1:])(scope, receive, send)

    async def echo(self, scope: Any, receive: Any, send: Send) -> None:
        await answer(send, await whole(receive))

    async def held(self, scope: Any, receive: Any, send: Send) -> None:
        await self.release.wait()
        await answer(send, b"held")

    async def deaf(self, scope: Any, receive: Any, send: Send) -> None:
        await answer(send, b"no")

    async def slow(self, scope: Any, receive: Any, send: Send) -> None:
        await self.release.wait()
        await answer(send, str(len(await whole(receive))).encode())

    async def gone(self, scope: Any, receive: Any, send: Send) -> None:
        self.seen += [await receive(), await receive(), await receive()]
        await answer(send, b"nobody")
        self.left.set()

    async def flood(self, scope: Any, receive: Any, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(400):
            await send(piece(b"x" * 65536))
            self.seen.append(number)
        await send(piece(b"", more=False))

    async def stream(self, scope: Any, receive: Any, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send(piece(b"ab"))
        await send(piece(b""))
        await send(piece(b"cde", more=False))

    async def crash(self, scope: Any, receive: Any, send: Send) -> None:
        raise ValueError("hunter2")

    async def half(self, scope: Any, receive: Any, send: Send) -> None:
        await send(start((b"content-length", b"10")))
        await send(piece(b"half"))

    async def long(self, scope: Any, receive: Any, send: Send) -> None:
        await send(start((b"content-length", b"2")))
        await send(piece(b"three", more=False))

    async def split(self, scope: Any, receive: Any, send: Send) -> None:
        await send(start((b"x-a", b"b\r\nx-c: d"), (b"content-length", b"0")))
        await send(piece(b"", more=False))

    async def own(self, scope: Any, receive: Any, send: Send) -> None:
        await send(start((b"transfer-encoding", b"chunked"), (b"Content-Length", b"2")))
        await send(piece(b"ab", more=False))

    async def capital(self, scope: Any, receive: Any, send: Send) -> None:
        await send(start((b"Content-Length", b"2")))
        await send(piece(b"ab", more=False))

    async def nothing(self, scope: Any, receive: Any, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send(piece(b"", more=False))

    async def mark(self, scope: Any, receive: Any, send: Send) -> None:
        before = MARK.get()
        MARK.set("set")
        await answer(send, before.encode())

    async def cancelled(self, scope: Any, receive: Any, send: Send) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.left.set()
            raise


def start(*headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http.response.start", "status": 200, "headers": [*headers]}


def piece(body: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def answer(send: Send, body: bytes) -> None:
    await send(start((b"content-length", str(len(body)).encode())))
    await send(piece(body, more=False))


async def whole(receive: Callable[[], Awaitable[Any]]) -> bytes:
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message["body"]
        if not message["more_body"]:
            return body
    return body + b"!"


class Served:
    """An application behind a real listener, and its end."""

    def __init__(self, port: int, app: App, stop: asyncio.Event) -> None:
        self.port, self.app, self.stop = port, app, stop
        self.writers: list[asyncio.StreamWriter] = []

    async def raw(self, sent: bytes) -> "Raw":
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writers.append(writer)
        writer.write(sent)
        return Raw(reader, writer)

    async def said(self, sent: bytes) -> bytes:
        """All that comes back until the server ends the connection, or is quiet."""
        raw = await self.raw(sent)
        return await raw.rest()


class Raw:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.ended = False

    async def rest(self, quiet: float = 0.25) -> bytes:
        """What comes until the server ends the connection, or says nothing more for so long."""
        said = b""
        patience = max(quiet, 5.0)  # for the first of it, on a machine that is busy
        try:
            while data := await asyncio.wait_for(self.reader.read(65536), patience):
                said += data
                patience = quiet
            self.ended = True
        except TimeoutError:
            pass
        self.writer.close()
        return said

    async def until(self, end: bytes) -> bytes:
        return await asyncio.wait_for(self.reader.readuntil(end), 5)


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[Served]:
    app, stop, ready = App(), asyncio.Event(), asyncio.Event()
    listener = bind("127.0.0.1", 0)
    port = listener.getsockname()[1]
    made = WebSettings(**{"stop_seconds": 2, **settings})
    running = asyncio.create_task(serve(app, listener, made, started=ready.set, stop=stop))
    await asyncio.wait({asyncio.create_task(ready.wait()), running}, return_when="FIRST_COMPLETED")
    made_here = Served(port, app, stop)
    try:
        yield made_here
    finally:
        app.release.set()
        stop.set()
        for writer in made_here.writers:
            writer.close()
        await running


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as made:
        yield made


async def test_an_answer_has_the_date_its_length_and_its_body_and_the_connection_is_kept(
    served: Served,
) -> None:
    raw = await served.raw(POST % (b"/echo", b"content-length: 3") + b"abc")
    head = await raw.until(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\ndate: ")
    assert b"content-length: 3\r\n" in head
    assert b"connection" not in head
    raw.writer.write(GET % b"/echo")
    assert (await raw.rest()).count(b"HTTP/1.1 200 OK") == 1
    assert not raw.ended


async def test_the_application_is_told_what_was_asked_and_by_whom(served: Served) -> None:
    await served.said(
        b"GET /echo?a=%2F&b HTTP/1.1\r\nHost: x\r\nX-Two:  v\r\nCookie: a\r\nCookie: b\r\n\r\n"
    )
    [scope] = served.app.scopes
    assert scope["method"] == "GET"
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == (
        "/echo",
        b"/echo",
        b"a=%2F&b",
    )
    assert scope["headers"] == [
        (b"host", b"x"), (b"x-two", b"v"), (b"cookie", b"a"), (b"cookie", b"b"),
    ]  # fmt: skip
    assert scope["client"][0] == "127.0.0.1"
    assert scope["server"] == ("127.0.0.1", served.port)
    assert (scope["http_version"], scope["scheme"], scope["root_path"]) == ("1.1", "http", "")


@pytest.mark.parametrize(
    ("target", "path", "raw_path", "query"),
    [
        (b"/echo%20?%20", "/echo ", b"/echo%20", b"%20"),
        (b"http://other.example/echo?x#y", "/echo", b"/echo", b"x"),
        (b"/echo#here?no", "/echo", b"/echo", b""),
        (b"/echo??", "/echo", b"/echo", b"?"),
    ],
)
async def test_a_target_is_read_in_one_way(
    served: Served, target: bytes, path: str, raw_path: bytes, query: bytes
) -> None:
    setattr(served.app, "echo ", served.app.echo)
    await served.said(GET % target)
    [scope] = served.app.scopes
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == (path, raw_path, query)


async def test_bytes_that_come_one_by_one_are_the_same_request(served: Served) -> None:
    raw = await served.raw(b"")
    sent = (
        POST % (b"/echo", b"transfer-encoding: chunked") + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
    )
    for byte in sent:
        raw.writer.write(bytes([byte]))
        await raw.writer.drain()
        await asyncio.sleep(0)
    assert (await raw.rest()).endswith(b"\r\n\r\nabcde")
    assert served.app.scopes[0]["path"] == "/echo"


async def test_pipelined_requests_are_answered_in_their_order_one_at_a_time(
    served: Served,
) -> None:
    raw = await served.raw(GET % b"/held" + GET % b"/echo" + GET % b"/deaf")
    await asyncio.sleep(0.1)
    assert [scope["path"] for scope in served.app.scopes] == ["/held"]
    served.app.release.set()
    said = await raw.rest()
    assert [part.partition(b"\r\n\r\n")[2] for part in said.split(b"HTTP/1.1 ")[1:]] == [
        b"held", b"", b"no",
    ]  # fmt: skip


async def test_nonsense_behind_a_request_is_refused_after_that_is_answered(served: Served) -> None:
    raw = await served.raw(GET % b"/held" + b"nonsense\r\n\r\n" + GET % b"/echo")
    await asyncio.sleep(0.1)
    served.app.release.set()
    said = await raw.rest()
    assert said.index(b"held") < said.index(b"HTTP/1.1 400 ")
    assert raw.ended
    assert [scope["path"] for scope in served.app.scopes] == ["/held"]


async def test_nonsense_in_the_body_of_a_pipelined_request_refuses_that_one(
    served: Served,
) -> None:
    bad = POST % (b"/echo", b"transfer-encoding: chunked") + b"zz\r\n"
    raw = await served.raw(GET % b"/held" + bad)
    await asyncio.sleep(0.1)
    served.app.release.set()
    said = await raw.rest()
    assert said.count(b"HTTP/1.1 ") == 2
    assert b"HTTP/1.1 400 " in said
    assert [scope["path"] for scope in served.app.scopes] == ["/held"]


async def test_nonsense_in_a_body_is_the_answer_to_its_request(served: Served) -> None:
    raw = await served.raw(POST % (b"/echo", b"transfer-encoding: chunked") + b"zz\r\n")
    said = await raw.rest()
    assert said.startswith(b"HTTP/1.1 400 ")
    assert said.count(b"HTTP/1.1 ") == 1
    assert raw.ended


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /echo HTTP/1.1\r\nx: " + b"a" * (MAX_HEAD + 1),
        b"GET /" + b"a" * (MAX_HEAD + 1),
        POST % (b"/echo", b"transfer-encoding: chunked") + b"1;" + b"a" * (MAX_HEAD + 1),
        POST % (b"/echo", b"transfer-encoding: chunked") + b"0\r\nx: " + b"a" * (MAX_HEAD + 1),
    ],
    ids=["header", "target", "chunk", "trailer"],
)
async def test_what_has_no_end_is_refused(served: Served, sent: bytes) -> None:
    head, middle, rest = sent.partition(b"\r\n\r\n")
    raw = await served.raw(head + middle)
    await asyncio.sleep(0.05)  # what stands behind a head is counted from the next read on
    raw.writer.write(rest)
    assert (await raw.rest()).startswith(b"HTTP/1.1 400 ")
    assert raw.ended


async def test_a_trailer_becomes_no_header(served: Served) -> None:
    sent = POST % (b"/echo", b"transfer-encoding: chunked")
    await served.said(sent + b"1\r\na\r\n0\r\nauthorization: Bearer x\r\n\r\n")
    assert b"authorization" not in dict(served.app.scopes[0]["headers"])


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /echo HTTP/2.0\r\nhost: x\r\n\r\n",
        b"GET /echo HTTP/0.9\r\nhost: x\r\n\r\n",
        b"CONNECT x:22 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET http://x HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /ech\xc3\xb6 HTTP/1.1\r\nhost: x\r\n\r\n",
    ],
)
async def test_what_is_no_request_of_ours_never_reaches_the_application(
    served: Served, sent: bytes
) -> None:
    raw = await served.raw(sent)
    assert (await raw.rest()).startswith(b"HTTP/1.1 400 ")
    assert raw.ended
    assert served.app.scopes == []


async def test_a_client_that_asks_to_go_on_is_told_when_its_body_is_wanted(served: Served) -> None:
    raw = await served.raw(POST % (b"/echo", b"expect: 100-Continue\r\ncontent-length: 3"))
    assert await raw.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    raw.writer.write(b"abc")
    assert (await raw.rest()).endswith(b"abc")
    assert not raw.ended


async def test_a_client_that_was_not_told_to_go_on_loses_the_connection(served: Served) -> None:
    """Whether what it sends next is that body or a request, nobody could say."""
    raw = await served.raw(POST % (b"/deaf", b"expect: 100-continue\r\ncontent-length: 3"))
    said = await raw.rest()
    assert said.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in said
    assert raw.ended


async def test_a_client_that_did_not_wait_is_not_told(served: Served) -> None:
    sent = POST % (b"/echo", b"expect: 100-continue\r\ncontent-length: 3") + b"abc"
    assert (await served.said(sent)).startswith(b"HTTP/1.1 200 ")


async def test_a_body_that_nobody_reads_is_dropped_and_the_next_request_answered(
    served: Served,
) -> None:
    raw = await served.raw(POST % (b"/deaf", b"content-length: 500000"))
    assert await raw.until(b"no")
    raw.writer.write(b"x" * 500_000 + GET % b"/echo")
    assert (await raw.rest()).startswith(b"HTTP/1.1 200 ")


async def test_an_answer_before_the_body_was_read_lets_the_client_send_on(served: Served) -> None:
    size = 5_000_000  # far more than waits anywhere: the client is stopped, then let go on
    raw = await served.raw(POST % (b"/held", b"content-length: %d" % size))
    raw.writer.write(b"x" * size + GET % b"/deaf")
    await asyncio.sleep(0.2)
    served.app.release.set()
    assert (await raw.rest(2)).count(b"HTTP/1.1 200 ") == 2


async def test_the_last_answer_arrives_although_the_client_still_sends(served: Served) -> None:
    size = 5_000_000
    head = POST % (b"/held", b"connection: close\r\ncontent-length: %d" % size)
    raw = await served.raw(head)
    raw.writer.write(b"x" * size)
    await asyncio.sleep(0.2)
    served.app.release.set()
    assert (await raw.rest(2)).endswith(b"held")
    assert raw.ended


async def test_a_client_waits_while_its_body_is_not_read(served: Served) -> None:
    size = 20_000_000
    raw = await served.raw(POST % (b"/slow", b"content-length: %d" % size))
    raw.writer.write(b"x" * size)
    await asyncio.sleep(0.3)
    assert raw.writer.transport.get_write_buffer_size() > size / 2
    served.app.release.set()
    assert (await raw.until(b"%d" % size)).startswith(b"HTTP/1.1 200 ")


async def test_the_application_waits_while_the_client_does_not_read(served: Served) -> None:
    raw = await served.raw(GET % b"/flood")
    await asyncio.sleep(0.2)
    assert 0 < len(served.app.seen) < 300
    said = b""
    async with asyncio.timeout(10):
        while not said.endswith(b"\r\n0\r\n\r\n"):
            said += await raw.reader.read(2**20)
    assert said.count(b"x") == 400 * 65536
    assert len(served.app.seen) == 400


async def test_the_application_learns_that_the_client_has_gone(served: Served) -> None:
    raw = await served.raw(POST % (b"/gone", b"content-length: 3") + b"abc")
    await asyncio.sleep(0.1)
    raw.writer.close()
    await asyncio.wait_for(served.app.left.wait(), 3)
    assert [one["type"] for one in served.app.seen] == [
        "http.request", "http.disconnect", "http.disconnect",
    ]  # fmt: skip


async def test_a_body_that_breaks_off_is_no_whole_one(served: Served) -> None:
    raw = await served.raw(POST % (b"/slow", b"content-length: 9") + b"abc")
    await asyncio.sleep(0.1)
    raw.writer.close()
    await asyncio.sleep(0.1)
    served.app.release.set()
    assert (await served.said(GET % b"/deaf")).endswith(b"no")


async def test_a_body_without_length_comes_in_chunks(served: Served) -> None:
    said = await served.said(GET % b"/stream")
    assert b"transfer-encoding: chunked\r\n" in said
    assert said.endswith(b"\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n")


async def test_http_1_0_gets_no_chunks_and_its_connection_ends(served: Served) -> None:
    raw = await served.raw(
        b"GET /stream HTTP/1.0\r\nconnection: keep-alive\r\n\r\n" + GET % b"/echo"
    )
    said = await raw.rest()
    assert said.count(b"HTTP/1.1 ") == 1
    assert b"chunked" not in said
    assert said.endswith(b"connection: close\r\n\r\nabcde")
    assert raw.ended


async def test_a_client_that_says_close_gets_one_answer(served: Served) -> None:
    raw = await served.raw(
        b"GET /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n" + GET % b"/deaf"
    )
    said = await raw.rest()
    assert said.count(b"HTTP/1.1 ") == 1
    assert b"connection: close\r\n" in said
    assert raw.ended
    assert len(served.app.scopes) == 1


@pytest.mark.parametrize("path", [b"/echo", b"/stream"])
async def test_head_has_no_body(served: Served, path: bytes) -> None:
    said = await served.said((GET % path).replace(b"GET", b"HEAD") * 2)
    assert said.count(b"HTTP/1.1 200 OK") == 2
    assert said.endswith(b"\r\n\r\n")
    assert b"ab" not in said


async def test_no_content_has_neither_length_nor_chunks(served: Served) -> None:
    said = await served.said(GET % b"/nothing")
    assert said.startswith(b"HTTP/1.1 204 ")
    assert b"chunked" not in said


async def test_a_wish_for_another_protocol_is_not_heard(served: Served) -> None:
    wish = b"GET %b HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"
    said = await served.said(wish % b"/echo" + wish % b"/deaf" + GET % b"/stream")
    assert said.count(b"HTTP/1.1 200 ") == 3
    assert [scope["path"] for scope in served.app.scopes] == ["/echo", "/deaf", "/stream"]


async def test_a_thousand_such_wishes_at_once_are_a_thousand_requests(served: Served) -> None:
    wish = b"GET /echo HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"
    assert (await served.said(wish * 1000)).count(b"HTTP/1.1 200 ") == 1000


@pytest.mark.parametrize("path", [b"/crash", b"/long", b"/split", b"/own"])
async def test_an_application_that_fails_before_it_answers_is_our_error(
    served: Served, path: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        raw = await served.raw(GET % path)
        said = await raw.rest()
    assert said.startswith(b"HTTP/1.1 500 ")
    assert b'"code":"INTERNAL"' in said
    assert b"hunter2" not in said
    assert raw.ended
    assert "the application failed" in caplog.text


async def test_an_answer_that_is_not_whole_ends_the_connection(served: Served) -> None:
    raw = await served.raw(GET % b"/half")
    said = await raw.rest()
    assert said.endswith(b"half")
    assert raw.ended


async def test_the_length_that_an_application_writes_in_capitals_counts(served: Served) -> None:
    said = await served.said(GET % b"/capital")
    assert b"\r\ncontent-length: 2\r\n" in said
    assert b"chunked" not in said


async def test_what_one_request_sets_in_its_context_the_next_does_not_see(served: Served) -> None:
    said = await served.said(GET % b"/mark" * 3)
    assert said.count(b"none") == 3
    assert b"set" not in said


async def test_an_idle_connection_ends_and_one_that_waits_for_its_answer_does_not() -> None:
    async with serving(keep_alive=1) as served:
        idle = await served.raw(GET % b"/echo")
        silent = await served.raw(b"")
        begun = await served.raw(b"GET /echo HTTP/1.1\r\n")
        held = await served.raw(GET % b"/held")
        for raw in (idle, silent, begun):
            await raw.rest(3)
            assert raw.ended
        served.app.release.set()
        assert (await held.rest(0.5)).endswith(b"held")
        assert not held.ended


async def test_stopping_answers_what_was_asked_and_ends_idle_connections_at_once() -> None:
    async with serving(stop_seconds=5) as served:
        idle = await served.raw(GET % b"/echo")
        await idle.until(b"\r\n\r\n")
        held = await served.raw(GET % b"/held" + GET % b"/deaf")
        await asyncio.sleep(0.1)
        served.stop.set()
        await idle.rest(2)
        assert idle.ended
        served.app.release.set()
        said = await held.rest(2)
        assert said.count(b"HTTP/1.1 200 ") == 2
        assert said.endswith(b"connection: close\r\n\r\nno")
        assert held.ended


async def test_stopping_cancels_what_takes_too_long() -> None:
    async with serving(stop_seconds=1) as served:
        raw = await served.raw(GET % b"/cancelled")
        await asyncio.sleep(0.1)
        served.stop.set()
        await asyncio.wait_for(served.app.left.wait(), 5)
        await raw.rest(2)
        assert raw.ended


async def test_much_of_a_body_can_wait_and_no_more(served: Served) -> None:
    """The limit is of what waits here, not of what is sent."""
    size = 3 * FULL
    raw = await served.raw(POST % (b"/echo", b"content-length: %d" % size) + b"x" * size)
    assert await raw.until(b"\r\n\r\n")
    assert await asyncio.wait_for(raw.reader.readexactly(size), 5) == b"x" * size

"""Requests with two readings, through a raw socket: the service behind sees one, or none."""

import asyncio
import io
import json

import pytest
from plugins.backend import backend
from plugins.echo import HANDLERS
from plugins.process import fronted, make_process

from lotabots.gateway import GatewaySettings
from lotabots.runtime.database import Database
from lotabots.runtime.web import Service, endpoints

pytestmark = pytest.mark.anyio

SMUGGLED = b"GET /v1/smuggled HTTP/1.1\r\nhost: x\r\n\r\n"
OPEN = b"POST /v1/secret HTTP/1.1\r\nhost: x\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n"

REFUSED = {
    "CL.TE": OPEN + b"content-length: 45\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "TE.CL": OPEN + b"transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n2c\r\n" + SMUGGLED
    + b"\r\n0\r\n\r\n",
    "TE.TE": OPEN + CHUNKED + b"transfer-encoding: x\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "TE unknown": OPEN + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "TE identity": OPEN + b"transfer-encoding: identity\r\ncontent-length: 3\r\n\r\nabc" + SMUGGLED,
    "TE not last": OPEN + b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "TE vertical tab": OPEN + b"transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "two lengths": OPEN + b"content-length: 0\r\ncontent-length: 39\r\n\r\n" + SMUGGLED,
    "two lengths in one": OPEN + b"content-length: 0, 39\r\n\r\n" + SMUGGLED,
    "length with plus": OPEN + b"content-length: +0\r\n\r\n" + SMUGGLED,
    "length negative": OPEN + b"content-length: -1\r\n\r\n" + SMUGGLED,
    "length in hex": OPEN + b"content-length: 0x0\r\n\r\n" + SMUGGLED,
    "length with space": OPEN + b"content-length: 3 9\r\n\r\n" + SMUGGLED,
    "length too large": OPEN + b"content-length: 18446744073709551616\r\n\r\n" + SMUGGLED,
    "obs-fold": OPEN + b"x-a: b\r\n content-length: 39\r\n\r\n" + SMUGGLED,
    "bare LF": b"POST /v1/secret HTTP/1.1\nhost: x\ncontent-length: 0\n\n" + SMUGGLED,
    "bare CR": OPEN + b"x-a: b\rcontent-length: 39\r\n\r\n" + SMUGGLED,
    "space before colon": OPEN + b"content-length : 39\r\n\r\n" + SMUGGLED,
    "NUL in a value": OPEN + b"x-a: b\x00c\r\n\r\n" + SMUGGLED,
    "no name": OPEN + b": 39\r\n\r\n" + SMUGGLED,
    "chunk size with plus": OPEN + b"transfer-encoding: chunked\r\n\r\n+0\r\n\r\n" + SMUGGLED,
    "chunk size in 0x": OPEN + b"transfer-encoding: chunked\r\n\r\n0x0\r\n\r\n" + SMUGGLED,
    "chunk without CRLF": OPEN + CHUNKED + b"\r\n3\r\nabcd\r\n0\r\n\r\n" + SMUGGLED,
    "chunk with bare LF": OPEN + b"transfer-encoding: chunked\r\n\r\n3\nabc\n0\n\n" + SMUGGLED,
    "two hosts": OPEN + b"host: y\r\ncontent-length: 0\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "version": b"POST /v1/secret HTTP/1.9\r\nhost: x\r\n\r\n",
    "connect": b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nhost: x\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
async def test_a_request_with_two_readings_is_refused_and_ends_the_connection(
    name: str, database: Database
) -> None:
    async with backend() as made:
        settings = GatewaySettings(services=f"echo={made.url}")
        process = make_process(database, io.BytesIO(), settings)
        async with fronted(process, [], endpoints("echo", HANDLERS)) as http:
            reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
            writer.write(REFUSED[name])
            answer = await _until_quiet(reader)
            writer.close()
            assert not [head for head in made.heads if b"smuggled" in head], name
            assert not [body for body in made.bodies if b"smuggled" in body], name
            status = answer.split(b" ", 2)[1] if answer else b""
            assert status.startswith(b"4"), (name, answer)
            body = answer.partition(b"\r\n\r\n")[2].split(b"HTTP/1.1 ")[0]
            assert set(json.loads(body)) == {"message", "code", "details"}, (name, answer)


async def _until_quiet(reader: asyncio.StreamReader) -> bytes:
    answer = b""
    try:
        async with asyncio.timeout(1):
            while piece := await reader.read(65536):
                answer += piece
    except TimeoutError:
        pass
    return answer


async def test_an_absolute_target_reaches_our_service_and_never_its_host(
    database: Database,
) -> None:
    process = make_process(database, io.BytesIO())
    async with (
        backend() as made,
        fronted(process, [Service(name="echo", handlers=HANDLERS)]) as http,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
        writer.write(b"GET %b/v1/open HTTP/1.1\r\nhost: x\r\n\r\n" % made.url.encode())
        answer = await _until_quiet(reader)
        writer.close()
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert made.connections == 0


async def test_a_pipelined_request_is_one_of_its_own_and_limited_as_such(
    database: Database,
) -> None:
    """Not smuggling: the second request is as visible to the gateway as the first."""
    process = make_process(database, io.BytesIO())
    async with fronted(process, [Service(name="echo", handlers=HANDLERS)]) as http:
        reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
        one = b"POST /v1/secret HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"
        writer.write(one * 40)
        answer = await _until_quiet(reader)
        writer.close()
        assert answer.count(b"HTTP/1.1 200 ") == 30
        assert answer.count(b"HTTP/1.1 429 ") == 10

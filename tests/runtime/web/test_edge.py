"""What every answer carries, what is logged and counted, and what holds for the application."""

import asyncio
import io
import json
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from litestar import get
from plugins.database import DatabaseUrls
from plugins.process import (
    REQUEST_ID,
    Tokens,
    assert_refused,
    make_process,
    serving,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from lotabots.runtime.database import Database
from lotabots.runtime.process import Process
from lotabots.runtime.web import Service, WebSettings, build_app

pytestmark = pytest.mark.anyio


async def test_the_transaction_has_the_callers_tenant(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    answer = await client.get("/v1/tenant", headers=tokens.of())
    assert answer.text == str(tokens.tenant)


async def test_what_fails_at_commit_is_an_error_and_no_success(
    client: httpx.AsyncClient, tokens: Tokens, database_urls: DatabaseUrls
) -> None:
    owner = await asyncpg.connect(database_urls.owner)
    await owner.execute(
        "create table public.late (x int unique deferrable initially deferred);"
        "grant usage on schema public to lotabots_app; grant insert on public.late to lotabots_app"
    )
    await owner.close()
    assert_refused(await client.get("/v1/deferred", headers=tokens.of()), 409, "DATABASE_CONFLICT")


async def test_an_error_that_a_handler_swallows_does_not_become_a_success_that_stored_nothing(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    assert_refused(await client.get("/v1/swallowed", headers=tokens.of()), 500, "DATABASE_FAILED")


async def test_the_request_id_of_a_trusted_proxy_is_kept_if_it_is_well_formed(
    database: Database, log: io.BytesIO
) -> None:
    process = make_process(database, log, WebSettings(trusted_proxies="127.0.0.0/8"))
    async with serving(process, []) as http:
        kept = await http.get("/healthz", headers={"x-request-id": "trace-0001"})
        assert kept.headers["x-request-id"] == "trace-0001"
        for bad in ("short", "a" * 65, "has space", "semi;colon", ""):
            answer = await http.get("/healthz", headers={"x-request-id": bad})
            assert REQUEST_ID.fullmatch(answer.headers["x-request-id"])
            assert answer.headers["x-request-id"] != bad
        twice = await http.get("/healthz", headers=[("x-request-id", "trace-0001")] * 2)
        assert twice.headers["x-request-id"] != "trace-0001"
        assert b'"request_id":"trace-0001"' in log.getvalue()


async def test_a_stranger_names_neither_a_request_nor_its_own_address(
    http: httpx.AsyncClient, log: io.BytesIO
) -> None:
    sent = {"x-request-id": "trace-0001", "x-forwarded-for": "198.51.100.9"}
    answer = await http.get("/healthz", headers=sent)
    assert answer.headers["x-request-id"] != "trace-0001"
    assert json.loads(log.getvalue().splitlines()[-1])["source"] == "127.0.0.1"


async def test_a_trace_goes_on_and_one_that_is_malformed_begins_anew(
    http: httpx.AsyncClient, log: io.BytesIO
) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    await http.get("/healthz", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    assert json.loads(log.getvalue().splitlines()[-1])["trace_id"] == trace
    for bad in (
        f"00-{trace}-0000000000000000-01",
        f"ff-{trace}-b7ad6b7169203331-01",
        trace,
        "x" * 900,
    ):
        await http.get("/healthz", headers={"traceparent": bad})
        assert json.loads(log.getvalue().splitlines()[-1])["trace_id"] != trace


async def test_every_answer_carries_the_security_headers(
    http: httpx.AsyncClient, tokens: Tokens
) -> None:
    for path in ("/healthz", "/v1/nothing", "/v1/tenant", "/v1/crash", "//"):
        headers = (await http.get(path, headers=tokens.of())).headers
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers
        assert "strict-transport-security" not in headers


async def test_hsts_is_sent_where_clients_come_by_tls(database: Database, log: io.BytesIO) -> None:
    process = make_process(database, log, WebSettings(tls=True))
    async with serving(process, []) as client:
        assert "max-age=" in (await client.get("/healthz")).headers["strict-transport-security"]


async def test_too_many_header_bytes_are_refused(http: httpx.AsyncClient) -> None:
    answer = await http.get("/healthz", headers={"x-big": "a" * 40_000})
    assert_refused(answer, 431, "REQUEST_HEADERS_TOO_LARGE")
    many = await http.get("/healthz", headers={f"x-{number}": "a" for number in range(120)})
    assert_refused(many, 431, "REQUEST_HEADERS_TOO_LARGE")


@pytest.mark.parametrize(
    "sent",
    [
        b"this is no HTTP\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"POST /v1/large HTTP/1.1\r\ncontent-length: +5\r\n\r\nhello",
        b"POST /v1/large HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        b"POST /v1/large HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n",
        b"GET / HTTP/1.1\r\nx: " + b"a" * 80_000,
    ],
)
async def test_bytes_that_are_no_request_get_our_error_body(
    http: httpx.AsyncClient, sent: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
    writer.write(sent)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "REQUEST_NOT_HTTP"


async def test_the_log_line_of_a_request_holds_neither_token_nor_body_nor_query(
    http: httpx.AsyncClient, tokens: Tokens, log: io.BytesIO
) -> None:
    headers = tokens.of()
    note = {"text": "canary-body"}
    await http.get("/v1/tenant?q=canary-query", headers=headers)
    await http.post("/v1/notes", json=note, headers=headers)
    line = json.loads(log.getvalue().splitlines()[-1])
    assert (line["event"], line["route"], line["status"]) == ("request", "/v1/notes", 201)
    assert UUID(line["user"])
    assert b"canary" not in log.getvalue()
    assert headers["authorization"].rpartition(".")[2].encode() not in log.getvalue()


async def test_metrics_count_by_template_never_by_path(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    for number in range(3):
        await client.get(f"/v1/notes/{uuid4()}", headers=tokens.of())
        await client.request("PROPFIND", f"/v1/{number}")
    text = (await client.get("/metrics")).text
    assert 'method="GET",route="/v1/notes/{note_id}",status="200"} 3.0' in text
    assert 'method="OTHER",route="unmatched"' in text


async def test_a_process_is_ready_while_its_database_answers(
    process: Process, database: Database
) -> None:
    async with serving(process, []) as client:
        assert (await client.get("/readyz")).json() == {"status": "ready"}
        await database.close()
        assert_refused(await client.get("/readyz"), 503, "DATABASE_UNAVAILABLE")
        assert (await client.get("/healthz")).status_code == 200


async def test_the_description_is_openapi_3_1_with_our_errors_and_who_must_log_in(
    client: httpx.AsyncClient,
) -> None:
    described: dict[str, Any] = (await client.get("/openapi.json")).json()
    assert described["openapi"].startswith("3.1")
    operation = described["paths"]["/v1/notes"]["post"]
    error = operation["responses"]["default"]["content"]["application/json"]["schema"]
    assert error == {"$ref": "#/components/schemas/Error"}
    assert operation["security"] == [{"token": []}]
    assert operation["x-permissions"] == ["node.write"]
    assert described["paths"]["/v1/large"]["post"]["security"] == []
    assert described["components"]["schemas"]["Note"]["additionalProperties"] is False
    parameters = described["paths"]["/v1/notes/{note_id}"]["get"]["parameters"]
    assert {one["name"] for one in parameters} == {"note_id", "limit"}


async def test_a_route_that_is_neither_guarded_nor_public_is_not_served(process: Process) -> None:
    @get("/v1/forgotten")
    async def forgotten() -> None: ...

    with pytest.raises(RuntimeError, match="/v1/forgotten"):
        build_app([Service(name="x", handlers=[forgotten])], process)


async def test_metrics_have_the_one_content_type_that_prometheus_reads(
    client: httpx.AsyncClient,
) -> None:
    assert (await client.get("/metrics")).headers["content-type"] == CONTENT_TYPE_LATEST

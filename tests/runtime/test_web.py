"""The web edge over real HTTP: bad input, identity of callers, headers, one error body."""

import asyncio
import base64
import io
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import msgspec
import pytest
from litestar import get, post
from litestar.params import Parameter
from plugins.database import DatabaseUrls
from plugins.process import Tokens, make_process, new_key, serving

from lotabots.access import Permission
from lotabots.kernel import Kind, LotaError, Principal, Role
from lotabots.runtime.clock import utc_now
from lotabots.runtime.database import Database, Transaction
from lotabots.runtime.process import Process
from lotabots.runtime.web import AUTHENTICATED, PUBLIC, Service, WebSettings, build_app, requires

pytestmark = pytest.mark.anyio

NOTE = "6a1c1f0e-0000-4000-8000-000000000001"
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class Note(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    number: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 0
    data: bytes = b""


class Shelf:
    """Something that a service gives to its handlers."""

    def __init__(self) -> None:
        self.notes: list[Note] = []


@post("/v1/notes", guards=[requires(Permission.NODE_WRITE)])
async def add_note(data: Note, shelf: Shelf, principal: Principal, now: datetime) -> Note:
    shelf.notes.append(data)
    assert now.tzinfo is not None
    return data


@get("/v1/notes/{note_id:uuid}", guards=[AUTHENTICATED])
async def show_note(
    note_id: UUID, limit: Annotated[int, Parameter(ge=1, le=9)] = 1
) -> dict[str, str]:
    return {"id": str(note_id), "limit": str(limit)}


@post("/v1/large", opt=PUBLIC, request_max_body_size=4 * 1024 * 1024)
async def large(data: Note) -> int:
    return len(data.text)


@get("/v1/tenant", guards=[AUTHENTICATED])
async def tenant(tx: Transaction) -> str:
    return str(await tx.fetch_value("select current_setting('lotabots.tenant')"))


@get("/v1/deferred", guards=[AUTHENTICATED])
async def deferred(tx: Transaction) -> str:
    await tx.execute("insert into public.late values (1), (1)")
    return "stored"


@get("/v1/crash", opt=PUBLIC)
async def crash() -> None:
    raise ValueError("hunter2")


@get("/v1/busy", opt=PUBLIC)
async def busy() -> None:
    raise LotaError(Kind.RATE_LIMITED, "LOGIN_BUSY", "Busy.", retry_after_seconds=7)


@get("/v1/group", opt=PUBLIC)
async def group() -> None:
    raise ExceptionGroup("closing", [LotaError(Kind.CONFLICT, "USER_EXISTS", "It is there.")])


HANDLERS = [add_note, show_note, large, tenant, deferred, crash, busy, group]


@pytest.fixture
def service() -> Service:
    return Service(name="notes", handlers=HANDLERS, given={"shelf": Shelf()})


@pytest.fixture
async def client(process: Process, service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(process, [service]) as client:
        yield client


def assert_refused(answer: httpx.Response, status: int, code: str) -> None:
    """The status and code, the error body and nothing else, the request id, no detail of ours."""
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), body
    assert set(body) == {"message", "code", "details"}
    assert body["message"]
    assert answer.headers["content-type"] == "application/json"
    assert REQUEST_ID.fullmatch(answer.headers["x-request-id"])
    assert answer.headers["cache-control"] == "no-store"
    assert "Traceback" not in answer.text
    assert "litestar" not in answer.text.lower()


JSON = {"content-type": "application/json"}

BAD_BODIES: list[tuple[str, dict[str, str], bytes, int, str]] = [
    ("no content type", {}, b'{"text":"a"}', 415, "REQUEST_CONTENT_TYPE"),
    ("text", {"content-type": "text/plain"}, b'{"text":"a"}', 415, "REQUEST_CONTENT_TYPE"),
    (
        "form",
        {"content-type": "application/x-www-form-urlencoded"},
        b"text=a",
        415,
        "REQUEST_CONTENT_TYPE",
    ),
    ("msgpack", {"content-type": "application/x-msgpack"}, b"\x80", 415, "REQUEST_CONTENT_TYPE"),
    ("almost json", {"content-type": "application/jsonp"}, b"{}", 415, "REQUEST_CONTENT_TYPE"),
    (
        "another charset",
        {"content-type": "application/json; charset=utf-16"},
        '{"text":"a"}'.encode("utf-16"),
        415,
        "REQUEST_CONTENT_TYPE",
    ),
    ("empty", JSON, b"", 400, "REQUEST_BODY_EMPTY"),
    ("null", JSON, b"null", 400, "REQUEST_BODY_INVALID"),
    ("a list", JSON, b"[]", 400, "REQUEST_BODY_INVALID"),
    ("cut short", JSON, b'{"text":', 400, "JSON_MALFORMED"),
    ("two values", JSON, b'{"text":"a"}{}', 400, "JSON_MALFORMED"),
    ("not UTF-8", JSON, b'{"text":"\xff"}', 400, "JSON_NOT_UTF8"),
    ("a byte order mark", JSON, b'\xef\xbb\xbf{"text":"a"}', 400, "JSON_MALFORMED"),
    ("a lone surrogate", JSON, b'{"text":"\\ud800"}', 400, "JSON_SURROGATE"),
    ("a lone surrogate as a name", JSON, b'{"\\ud800":"a"}', 400, "JSON_SURROGATE"),
    ("NaN", JSON, b'{"text":"a","number":NaN}', 400, "JSON_MALFORMED"),
    ("a duplicate key", JSON, b'{"text":"a","text":"b"}', 400, "JSON_DUPLICATE_KEY"),
    ("an escaped duplicate", JSON, b'{"text":"a","t\\u0065xt":"b"}', 400, "JSON_DUPLICATE_KEY"),
    ("deep lists", JSON, b"[" * 5000 + b"]" * 5000, 400, "JSON_TOO_DEEP"),
    ("deep objects", JSON, b'{"a":' * 5000 + b"1" + b"}" * 5000, 400, "JSON_TOO_DEEP"),
    ("unknown field", JSON, b'{"text":"a","role":"admin"}', 400, "REQUEST_BODY_INVALID"),
    ("missing field", JSON, b"{}", 400, "REQUEST_BODY_INVALID"),
    ("number for text", JSON, b'{"text":5}', 400, "REQUEST_BODY_INVALID"),
    ("text for number", JSON, b'{"text":"a","number":"5"}', 400, "REQUEST_BODY_INVALID"),
    ("fraction for number", JSON, b'{"text":"a","number":1.0}', 400, "REQUEST_BODY_INVALID"),
    ("a huge number", JSON, b'{"text":"a","number":' + b"9" * 400 + b"}", 400, "JSON_NUMBER_RANGE"),
    ("out of range", JSON, b'{"text":"a","number":-1}', 400, "REQUEST_BODY_INVALID"),
    ("NUL in text", JSON, b'{"text":"a\\u0000"}', 400, "REQUEST_TEXT_NUL"),
    ("raw NUL", JSON, b'{"text":"a\x00"}', 400, "JSON_MALFORMED"),
    ("bad base64", JSON, b'{"text":"a","data":"%%%"}', 400, "REQUEST_BODY_INVALID"),
    ("oversize", JSON, b'{"text":"' + b"a" * 1_100_000 + b'"}', 413, "REQUEST_TOO_LARGE"),
]


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [case[1:] for case in BAD_BODIES],
    ids=[case[0] for case in BAD_BODIES],
)
async def test_a_bad_body_is_refused_with_a_code(
    client: httpx.AsyncClient,
    tokens: Tokens,
    headers: dict[str, str],
    body: bytes,
    status: int,
    code: str,
) -> None:
    answer = await client.post("/v1/notes", content=body, headers=headers | tokens.of())
    assert_refused(answer, status, code)


async def test_a_good_body_gets_through(client: httpx.AsyncClient, tokens: Tokens) -> None:
    note = {"text": 'a \\u0000 "é"', "number": 7, "data": base64.b64encode(b"x").decode()}
    answer = await client.post("/v1/notes", json=note, headers=tokens.of())
    assert (answer.status_code, answer.json()) == (201, note)
    typed = {"content-type": "Application/JSON; charset=UTF-8"}
    sent = await client.post("/v1/notes", content=json.dumps(note), headers=typed | tokens.of())
    assert sent.status_code == 201


async def test_a_body_without_announced_length_is_held_to_the_limit(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(300):
            yield b" " * 8192

    answer = await client.post("/v1/notes", content=endless(), headers=JSON | tokens.of())
    assert_refused(answer, 413, "REQUEST_TOO_LARGE")


async def test_a_route_may_take_more_than_the_usual_limit(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/large", json={"text": "a" * 2_000_000})
    assert answer.json() == 2_000_000


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "ROUTE_UNKNOWN"),
        ("GET", "/v1/notes/", 404, "ROUTE_UNKNOWN"),
        ("GET", "//v1/tenant", 404, "ROUTE_UNKNOWN"),
        ("GET", "/v1%2Ftenant", 404, "ROUTE_UNKNOWN"),
        ("GET", "/v1/tenant%00", 404, "ROUTE_UNKNOWN"),
        ("GET", "/v1/x/..%5ctenant", 404, "ROUTE_UNKNOWN"),
        ("GET", "/V1/TENANT", 404, "ROUTE_UNKNOWN"),
        ("GET", "/%ff%fe", 404, "ROUTE_UNKNOWN"),
        ("GET", "/v1/notes/no-uuid", 404, "ROUTE_UNKNOWN"),
        ("GET", "/schema", 404, "ROUTE_UNKNOWN"),
        ("DELETE", "/v1/notes", 405, "REQUEST_METHOD"),
        ("HEAD", "/v1/tenant", 405, "REQUEST_METHOD"),
        ("TRACE", "/v1/tenant", 405, "REQUEST_METHOD"),
        ("GET", "/v1/tenant?x=%00", 400, "REQUEST_TEXT_NUL"),
        ("GET", f"/v1/notes/{NOTE}?limit=10", 400, "REQUEST_PARAMETER"),
        ("GET", f"/v1/notes/{NOTE}?limt=1", 400, "REQUEST_PARAMETER"),
        ("GET", f"/v1/notes/{NOTE}?limit=1&limit=2", 400, "REQUEST_PARAMETER"),
        ("GET", "/v1/crash?" + "&".join(f"a{n}=1" for n in range(3000)), 400, "REQUEST_PARAMETER"),
        ("GET", "/v1/tenant?tenant_id=1&principal=2", 400, "REQUEST_PARAMETER"),
        ("GET", f"/v1/notes/{NOTE}?limit=%ff", 400, "REQUEST_PARAMETER"),
        ("GET", f"/v1/notes/{NOTE}?limit=" + "9" * 5000, 400, "REQUEST_PARAMETER"),
    ],
)
async def test_a_bad_path_method_or_parameter_is_refused_with_a_code(
    client: httpx.AsyncClient, tokens: Tokens, method: str, path: str, status: int, code: str
) -> None:
    answer = await client.request(method, path, headers=tokens.of())
    if method == "HEAD":
        assert answer.status_code == status
    else:
        assert_refused(answer, status, code)


async def test_a_405_names_the_methods_in_order(client: httpx.AsyncClient) -> None:
    answer = await client.delete("/v1/notes")
    assert answer.headers["allow"] == "OPTIONS, POST"


async def test_a_crash_says_nothing_to_the_caller_and_all_to_the_log(
    client: httpx.AsyncClient, log: io.BytesIO
) -> None:
    answer = await client.get("/v1/crash")
    assert_refused(answer, 500, "INTERNAL")
    assert "hunter2" not in answer.text
    assert b"ValueError: hunter2" in log.getvalue()


async def test_a_refusal_for_rate_says_when_to_come_back(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/busy")
    assert_refused(answer, 429, "LOGIN_BUSY")
    assert answer.headers["retry-after"] == "7"


async def test_an_error_inside_a_group_keeps_its_code(client: httpx.AsyncClient) -> None:
    assert_refused(await client.get("/v1/group"), 409, "USER_EXISTS")


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


async def test_a_request_id_that_is_well_formed_is_kept_and_any_other_replaced(
    client: httpx.AsyncClient, log: io.BytesIO
) -> None:
    kept = await client.get("/healthz", headers={"x-request-id": "trace-0001"})
    assert kept.headers["x-request-id"] == "trace-0001"
    for bad in ("short", "a" * 65, "has space", "semi;colon", ""):
        answer = await client.get("/healthz", headers={"x-request-id": bad})
        assert REQUEST_ID.fullmatch(answer.headers["x-request-id"])
        assert answer.headers["x-request-id"] != bad
    twice = await client.get("/healthz", headers=[("x-request-id", "trace-0001")] * 2)
    assert twice.headers["x-request-id"] != "trace-0001"
    assert b'"request_id":"trace-0001"' in log.getvalue()


async def test_every_answer_carries_the_security_headers(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    for path in ("/healthz", "/v1/nothing", "/v1/tenant", "/v1/crash", "//"):
        headers = (await client.get(path, headers=tokens.of())).headers
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


async def test_too_many_header_bytes_are_refused(client: httpx.AsyncClient) -> None:
    answer = await client.get("/healthz", headers={"x-big": "a" * 40_000})
    assert_refused(answer, 431, "REQUEST_HEADERS_TOO_LARGE")
    many = await client.get("/healthz", headers={f"x-{number}": "a" for number in range(120)})
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
    client: httpx.AsyncClient, sent: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
    writer.write(sent)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "REQUEST_NOT_HTTP"


async def test_the_log_line_of_a_request_holds_neither_token_nor_body_nor_query(
    client: httpx.AsyncClient, tokens: Tokens, log: io.BytesIO
) -> None:
    headers = tokens.of()
    note = {"text": "canary-body"}
    await client.get("/v1/tenant?q=canary-query", headers=headers)
    await client.post("/v1/notes", json=note, headers=headers)
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
    assert described["paths"]["/v1/large"]["post"]["security"] == []
    assert described["components"]["schemas"]["Note"]["additionalProperties"] is False
    parameters = described["paths"]["/v1/notes/{note_id}"]["get"]["parameters"]
    assert {one["name"] for one in parameters} == {"note_id", "limit"}


async def test_a_route_that_is_neither_guarded_nor_public_is_not_served(process: Process) -> None:
    @get("/v1/forgotten")
    async def forgotten() -> None: ...

    with pytest.raises(RuntimeError, match="/v1/forgotten"):
        build_app([Service(name="x", handlers=[forgotten])], process)


# Callers


def _altered(token: str, **header: object) -> str:
    first, payload, signature = token.split(".")
    decoded = json.loads(base64.urlsafe_b64decode(first + "=="))
    changed = json.dumps(decoded | header).encode()
    return f"{base64.urlsafe_b64encode(changed).decode().rstrip('=')}.{payload}.{signature}"


async def test_a_request_without_a_token_is_told_how_to_send_one(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/v1/tenant")
    assert_refused(answer, 401, "TOKEN_ABSENT")
    assert answer.headers["www-authenticate"] == 'Bearer realm="lotabots"'


@pytest.mark.parametrize("scheme", ["Basic YTpi", "Bearer", "bearer  x", "Digest x=y"])
async def test_another_scheme_is_refused(client: httpx.AsyncClient, scheme: str) -> None:
    answer = await client.get("/v1/tenant", headers={"authorization": scheme})
    assert (answer.status_code, answer.json()["code"][:6]) == (401, "TOKEN_")


async def test_two_authorization_headers_are_refused(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    [one] = tokens.of().items()
    assert_refused(await client.get("/v1/tenant", headers=[one, one]), 401, "TOKEN_SCHEME")


async def test_a_forged_foreign_or_stale_token_is_refused(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    good = tokens.token()
    stranger = replace(tokens, key=new_key())
    longest = timedelta(minutes=10)
    bad = {
        "alg none": _altered(good, alg="none"),
        "alg None": _altered(good, alg="None"),
        "HS256": _altered(good, alg="HS256"),
        "a path as kid": _altered(good, kid="../../etc/passwd"),
        "an embedded key": _altered(good, jwk=tokens.key.jwk_public()),
        "a key's address": _altered(good, jku="http://127.0.0.1/keys"),
        "no signature": good.rpartition(".")[0] + ".",
        "another key": stranger.token(),
        "another issuer": tokens.token(issuer="urn:other"),
        "another audience": tokens.token(audience="urn:other"),
        "expired": tokens.token(now=utc_now() - longest - timedelta(minutes=2)),
        "from the future": tokens.token(now=utc_now() + timedelta(minutes=2)),
        "too long": good + "a" * 9000,
        "no token": "x.y.z",
    }
    for name, token in bad.items():
        answer = await client.get("/v1/tenant", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 401, name
        assert answer.json()["code"].startswith("TOKEN_"), name
        assert 'error="invalid_token"' in answer.headers["www-authenticate"], name


async def test_a_caller_without_the_permission_is_refused_and_counted(
    client: httpx.AsyncClient, tokens: Tokens, process: Process
) -> None:
    answer = await client.post("/v1/notes", json={"text": "a"}, headers=tokens.of(Role.VIEWER))
    assert_refused(answer, 403, "PERMISSION_DENIED")
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    [refusal] = process.telemetry.refusals.take()
    assert (refusal.tenant, refusal.subject) == (tokens.tenant, "permission:node.write")


async def test_who_may_call_is_asked_before_the_body_is_read(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/notes", content=b"x" * 2_000_000)
    assert_refused(answer, 401, "TOKEN_ABSENT")


async def test_strangers_are_counted_by_code(client: httpx.AsyncClient, process: Process) -> None:
    for _ in range(3):
        await client.get("/v1/tenant")
    [(refusal, count)] = process.telemetry.refusals.take().items()
    assert (refusal.code, count) == ("TOKEN_ABSENT", 3)

"""Bad requests over HTTP: each is refused with a code, in the one error body."""

import base64
import io
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from plugins.process import (
    Tokens,
    assert_refused,
)

pytestmark = pytest.mark.anyio


NOTE = "6a1c1f0e-0000-4000-8000-000000000001"

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


async def test_a_good_body_gets_through(http: httpx.AsyncClient, tokens: Tokens) -> None:
    note = {"text": 'a \\u0000 "é"', "number": 7, "data": base64.b64encode(b"x").decode()}
    answer = await http.post("/v1/notes", json=note, headers=tokens.of())
    assert (answer.status_code, answer.json()) == (201, note)
    typed = {"content-type": "Application/JSON; charset=UTF-8"}
    sent = await http.post("/v1/notes", content=json.dumps(note), headers=typed | tokens.of())
    assert sent.status_code == 201


async def test_a_body_without_announced_length_is_held_to_the_limit(
    http: httpx.AsyncClient, tokens: Tokens
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(300):
            yield b" " * 8192

    answer = await http.post("/v1/notes", content=endless(), headers=JSON | tokens.of())
    assert_refused(answer, 413, "REQUEST_TOO_LARGE")


async def test_a_route_may_take_more_than_the_usual_limit(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/large", json={"text": "a" * 2_000_000})
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


async def test_a_405_names_the_methods_in_order(http: httpx.AsyncClient) -> None:
    answer = await http.delete("/v1/notes")
    assert answer.headers["allow"] == "OPTIONS, POST"


async def test_a_crash_says_nothing_to_the_caller_and_all_to_the_log(
    http: httpx.AsyncClient, log: io.BytesIO
) -> None:
    answer = await http.get("/v1/crash")
    assert_refused(answer, 500, "INTERNAL")
    assert "hunter2" not in answer.text
    assert b"ValueError: hunter2" in log.getvalue()


async def test_a_refusal_for_rate_says_when_to_come_back(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/busy")
    assert_refused(answer, 429, "LOGIN_BUSY")
    assert answer.headers["retry-after"] == "7"


async def test_an_error_inside_a_group_keeps_its_code(client: httpx.AsyncClient) -> None:
    assert_refused(await client.get("/v1/group"), 409, "USER_EXISTS")

"""The gateway in front of a service: who is let through, how often, and what the service sees."""

import asyncio
import io
import json
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
from plugins.process import Tokens, assert_refused, new_key

from lotabots.access import issue_internal
from lotabots.kernel import Role
from lotabots.runtime.clock import utc_now
from lotabots.runtime.process import Process

pytestmark = pytest.mark.anyio

CLAIMED = {
    "x-lota-internal": "a.b.c",
    "x-user": "root",
    "x-user-id": "0",
    "x-tenant-id": "0",
    "x-forwarded-user": "root",
    "x-forwarded-host": "evil.example.org",
    "x-forwarded-proto": "http",
    "x-real-ip": "127.0.0.1",
    "x-original-url": "/v1/users",
    "x-http-method-override": "DELETE",
    "x-method-override": "DELETE",
    "forwarded": "for=127.0.0.1",
    "via": "1.1 proxy",
    "te": "trailers",
    "connection": "close, x-user",
    "proxy-authorization": "Basic YTpi",
    "lota-anything": "1",
}


async def test_a_service_sees_nothing_that_a_client_claims_about_itself(
    http: httpx.AsyncClient, tokens: Tokens
) -> None:
    user = uuid4()
    answer = await http.get("/v1/echo", headers=CLAIMED | tokens.of(user_id=user))
    seen = answer.json()
    names = [name for name, _ in seen["headers"]]
    assert set(names) <= {
        "accept", "accept-encoding", "host", "user-agent", "x-request-id", "traceparent",
        "x-lota-internal",
    }  # fmt: skip
    assert len(names) == len(set(names))
    assert seen["user"] == str(user)
    assert seen["source"] == "127.0.0.1"
    assert dict(seen["headers"])["x-lota-internal"] != "a.b.c"


async def test_the_callers_own_token_goes_no_further_than_the_gateway(
    http: httpx.AsyncClient, tokens: Tokens
) -> None:
    headers = tokens.of()
    token = headers["authorization"].split()[1]
    assert token not in (await http.get("/v1/echo", headers=headers)).text
    assert token in (await http.get("/v1/open", headers=headers)).text  # there it is the service's


async def test_a_stranger_is_refused_before_the_service_is_asked(http: httpx.AsyncClient) -> None:
    assert_refused(await http.get("/v1/echo"), 401, "TOKEN_ABSENT")
    forged = {"authorization": f"Bearer {Tokens(new_key(), uuid4()).token()}"}
    assert_refused(await http.get("/v1/echo", headers=forged), 401, "TOKEN_INVALID")


async def test_a_token_that_only_the_gateway_may_send_is_nobodys_way_in(
    http: httpx.AsyncClient, process: Process
) -> None:
    keys = await process.keyring.load("internal-token")
    token = issue_internal(None, "127.0.0.1", keys.current, utc_now())
    answer = await http.get("/v1/echo", headers={"x-lota-internal": token})
    assert_refused(answer, 401, "TOKEN_ABSENT")
    answer = await http.get("/v1/echo", headers={"authorization": f"Bearer {token}"})
    assert_refused(answer, 401, "TOKEN_INVALID")


async def test_the_permission_is_asked_at_the_door(http: httpx.AsyncClient, tokens: Tokens) -> None:
    path = f"/v1/write/{uuid4()}"
    answer = await http.get(path, headers=tokens.of(Role.VIEWER))
    assert_refused(answer, 403, "PERMISSION_DENIED")
    assert (await http.get(path, headers=tokens.of(Role.OPERATOR))).status_code == 200


async def test_every_answer_says_what_is_left(http: httpx.AsyncClient, tokens: Tokens) -> None:
    user = tokens.of(user_id=uuid4())
    answer = await http.get("/v1/echo", headers=user)
    assert answer.headers["ratelimit-policy"] == '"ip";q=80;w=3600, "user";q=50;w=3600'
    assert answer.headers["ratelimit"].startswith('"user";r=49;t=')
    assert answer.headers["lota-version"] == "1"
    refused = await http.get("/v1/nothing", headers=user)
    assert_refused(refused, 404, "ROUTE_UNKNOWN")
    assert refused.headers["ratelimit"].startswith('"ip";r=')


async def test_a_user_over_the_limit_is_told_when_to_come_back_and_counted(
    http: httpx.AsyncClient, tokens: Tokens, process: Process
) -> None:
    user = tokens.of(user_id=uuid4())
    statuses = [(await http.get("/v1/echo", headers=user)).status_code for _ in range(52)]
    assert statuses == [200] * 50 + [429] * 2
    answer = await http.get("/v1/echo", headers=user)
    assert_refused(answer, 429, "RATE_LIMITED")
    assert 60 <= int(answer.headers["retry-after"]) <= 72
    assert answer.json()["details"] == {"retry_after_seconds": int(answer.headers["retry-after"])}
    assert ("RATE_LIMITED", 3) in [
        (one.code, count) for one, count in process.telemetry.refusals.take().items()
    ]
    text = (await http.get("/metrics")).text
    assert 'lotabots_rate_limited_total{by="user",limit="default"} 3.0' in text


async def test_a_bad_token_costs_its_address_a_token(http: httpx.AsyncClient) -> None:
    forged = {"authorization": "Bearer x.y.z"}
    statuses = [(await http.get("/v1/echo", headers=forged)).status_code for _ in range(82)]
    assert statuses == [401] * 80 + [429] * 2


async def test_no_spelling_of_a_path_or_method_has_a_bucket_of_its_own(
    http: httpx.AsyncClient,
) -> None:
    for _ in range(3):
        assert (await http.post("/v1/secret")).status_code == 200
    for path in ("/v1/secret", "/v1/%73ecret", "/v1/secre%74", "/%76%31/secret", "/v1/secret?x=1"):
        assert_refused(await http.post(path), 429, "RATE_LIMITED")
    for path in ("/V1/secret", "/v1/Secret", "/v1/secret;x=1", "/v1/secret%20", "/v1//secret",
                 "/v1/secret/", "/v1/./secret", "/v1/%2e/secret", "/v1/x/../secret"):  # fmt: skip
        answer = await _raw(http, f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
        assert b" 404 " in answer.splitlines()[0], path
    for method in ("GET", "PUT", "PATCH", "DELETE", "HEAD", "PROPFIND"):
        assert (await http.request(method, "/v1/secret")).status_code == 405, method
    override = {"x-http-method-override": "POST", "x-method": "POST"}
    answer = await http.get("/v1/secret?_method=POST", headers=override)
    assert_refused(answer, 405, "REQUEST_METHOD")


async def _raw(http: httpx.AsyncClient, text: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
    writer.write(text.encode())
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    writer.close()
    return answer


async def test_another_address_has_another_bucket_and_a_claimed_one_has_not(
    http: httpx.AsyncClient,
) -> None:
    async def tries(*forwarded: str) -> list[int]:
        headers = [("x-forwarded-for", one) for one in forwarded]
        return [(await http.post("/v1/secret", headers=headers)).status_code for _ in range(4)]

    spent = [200, 200, 200, 429]
    assert await tries("203.0.113.1") == spent
    # What the client wrote itself stands left of what the proxy added.
    assert await tries("198.51.100.77, 203.0.113.1") == [429] * 4
    assert await tries("127.0.0.1, 203.0.113.1") == [429] * 4
    assert await tries("198.51.100.78", "203.0.113.1") == [429] * 4
    assert await tries("2001:db8:1:2::1") == spent
    assert await tries("2001:db8:1:2:ffff::9") == [429] * 4  # the same /64
    assert await tries("2001:db8:1:3::1") == spent


async def test_a_page_of_a_listed_origin_may_call_and_no_other(http: httpx.AsyncClient) -> None:
    answer = await http.get("/v1/open", headers={"origin": "https://app.example.org"})
    assert answer.headers["access-control-allow-origin"] == "https://app.example.org"
    assert answer.headers["vary"] == "origin"
    for origin in (
        "https://evil.example.org", "null", "*", "https://app.example.org.evil.org",
        "https://evilapp.example.org", "http://app.example.org", "https://app.example.org:444",
        "HTTPS://APP.EXAMPLE.ORG", "https://app.example.org/", "https://app.example.org ,x",
    ):  # fmt: skip
        answer = await http.get("/v1/open", headers={"origin": origin})
        assert not [name for name in answer.headers if name.startswith("access-control")], origin
        assert answer.headers["vary"] == "origin"
    twice = [("origin", "https://app.example.org"), ("origin", "https://evil.example.org")]
    answer = await http.get("/v1/open", headers=twice)
    assert "access-control-allow-origin" not in answer.headers


async def test_a_browser_that_asks_first_is_answered_without_the_service(
    http: httpx.AsyncClient,
) -> None:
    asks = {"origin": "https://app.example.org", "access-control-request-method": "POST"}
    answer = await http.options("/v1/secret", headers=asks)
    assert (answer.status_code, answer.headers["allow"]) == (204, "OPTIONS, POST")
    assert "authorization" in answer.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in answer.headers
    refused = await http.options("/v1/secret", headers=asks | {"origin": "https://evil.org"})
    assert not [name for name in refused.headers if name.startswith("access-control")]


async def test_only_the_version_that_there_is_is_answered(
    http: httpx.AsyncClient, tokens: Tokens
) -> None:
    for sent, status in (("1", 200), ("2", 400), ("", 400), ("latest", 400)):
        answer = await http.get("/v1/open", headers={"lota-version": sent})
        assert answer.status_code == status
    assert answer.json()["code"] == "REQUEST_VERSION"


async def test_a_body_too_large_is_refused_by_its_announcement(
    http: httpx.AsyncClient, tokens: Tokens
) -> None:
    answer = await http.post("/v1/body", content=b"x" * 4_000_000, headers=tokens.of())
    assert answer.json() == 4_000_000
    refused = await http.post("/v1/body", content=b"x" * 5_000_001, headers=tokens.of())
    assert_refused(refused, 413, "REQUEST_TOO_LARGE")


async def test_nothing_that_a_client_sends_breaks_out_of_the_log(
    http: httpx.AsyncClient, log: io.BytesIO, tokens: Tokens
) -> None:
    hostile = 'x","user":"root","a":"\u001b[31m\u2028'
    headers = {"user-agent": "a\tb", "x-forwarded-for": '203.0.113.9","user":"root'}
    await http.get("/v1/" + quote(hostile), headers=headers | tokens.of())
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert lines[-1]["user"] is None
    assert lines[-1]["source"] == "127.0.0.1"
    assert b"\x1b" not in log.getvalue()


async def test_load_balancers_are_never_limited(http: httpx.AsyncClient) -> None:
    assert {(await http.get("/healthz")).status_code for _ in range(120)} == {200}
    assert "ratelimit" not in (await http.get("/readyz")).headers


async def test_the_page_about_the_api_loads_nothing_from_elsewhere(
    http: httpx.AsyncClient,
) -> None:
    page = await http.get("/docs")
    assert page.status_code == 200
    assert "://" not in page.text
    policy = page.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    for path, kind in (("/docs/page.js", "text/javascript"), ("/docs/page.css", "text/css")):
        asset = await http.get(path)
        assert asset.headers["content-type"] == f"{kind}; charset=utf-8"
        assert "://" not in asset.text
        assert "innerHTML" not in asset.text
    assert "/v1/echo" in (await http.get("/openapi.json")).json()["paths"]

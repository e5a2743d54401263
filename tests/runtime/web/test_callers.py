"""Who may call: tokens that are believed, and all that are not."""

import base64
import json
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from plugins.process import (
    Tokens,
    assert_refused,
    new_key,
)

from lotabots.kernel import Role
from lotabots.runtime.clock import utc_now
from lotabots.runtime.process import Process

pytestmark = pytest.mark.anyio


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


async def test_who_may_call_is_asked_before_the_body_is_read(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/notes", content=b"x" * 2_000_000)
    assert_refused(answer, 401, "TOKEN_ABSENT")


async def test_strangers_are_counted_by_code(client: httpx.AsyncClient, process: Process) -> None:
    for _ in range(3):
        await client.get("/v1/tenant")
    [(refusal, count)] = process.telemetry.refusals.take().items()
    assert (refusal.code, count) == ("TOKEN_ABSENT", 3)

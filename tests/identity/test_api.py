"""Users and log-in over HTTP."""

import asyncio
import io
import json
import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from plugins.process import Tokens, assert_refused, calling, make_process

from lotabots import audit, identity
from lotabots.access import verify_token
from lotabots.audit.store import Filter, newest
from lotabots.identity import IdentitySettings
from lotabots.kernel import OPERATOR_TENANT, Role, VerificationKeys
from lotabots.runtime.database import Database
from lotabots.runtime.process import Process
from lotabots.runtime.web import TokenSettings

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"


@pytest.fixture
async def client(process: Process) -> AsyncIterator[httpx.AsyncClient]:
    services = [identity.service(process), audit.service(process)]
    async with calling(process, services) as client:
        yield client


def new_user(role: Role = Role.VIEWER, **other: Any) -> dict[str, Any]:
    name = f"u{uuid4().hex}"
    node = {"node_id": "node-7"} if role is Role.AGENT else {}
    user = {"username": name, "email": f"{name}@example.org", "password": PASSWORD, "role": role}
    return user | node | other


async def add(client: httpx.AsyncClient, tokens: Tokens, **fields: Any) -> dict[str, Any]:
    answer = await client.post("/v1/users", json=new_user(**fields), headers=tokens.of(Role.OWNER))
    assert answer.status_code == 201, answer.text
    user: dict[str, Any] = answer.json()
    return user


async def log_in(client: httpx.AsyncClient, username: str, password: str) -> httpx.Response:
    return await client.post("/v1/login", json={"username": username, "password": password})


@pytest.mark.parametrize("role", list(Role))
async def test_a_user_logs_in_and_is_who_they_were_made(
    client: httpx.AsyncClient, tokens: Tokens, process: Process, role: Role
) -> None:
    user = await add(client, tokens, role=role)
    answer = await log_in(client, user["username"], PASSWORD)
    token = answer.json()
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert (token["token_type"], token["expires_in"]) == ("Bearer", 600)

    jwks = await client.get("/v1/identity/jwks.json")
    keys = VerificationKeys.from_jwks(jwks.content)
    settings = TokenSettings()
    principal = verify_token(
        token["access_token"], keys, settings.issuer, settings.audience, process.clock()
    )
    assert (principal.user_id, principal.tenant_id) == (UUID(user["id"]), tokens.tenant)
    assert (principal.role, principal.node_id) == (role, user["node_id"])

    headers = {"authorization": f"Bearer {token['access_token']}"}
    me = (await client.get("/v1/me", headers=headers)).json()
    assert me.pop("last_used_at") > user["created_at"]
    assert me == {name: value for name, value in user.items() if name != "last_used_at"}


async def test_a_user_is_shown_without_password_or_hash(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    user = await add(client, tokens)
    assert set(user) == {
        *("id", "username", "email", "role", "node_id"),
        *("created_at", "last_used_at", "disabled_at"),
    }


async def test_a_wrong_name_and_a_wrong_password_are_answered_alike(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    user = await add(client, tokens)
    answers = [
        await log_in(client, user["username"], "not the password"),
        await log_in(client, "nobody-at-all", PASSWORD),
        await log_in(client, "'; drop table users --", PASSWORD),
        await log_in(client, user["username"].upper(), PASSWORD),
        await log_in(client, "аdmin", PASSWORD),  # noqa: RUF001 - a Cyrillic look-alike
        await log_in(client, "", ""),
    ]
    for answer in answers:
        assert_refused(answer, 401, "LOGIN_FAILED")
        assert answer.content == answers[0].content
        assert answer.headers["www-authenticate"] == 'Bearer realm="lotabots"'


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"username": "a", "password": "x" * 1025}, 400, "REQUEST_BODY_INVALID"),
        ({"username": "a", "password": "a\0b"}, 400, "REQUEST_TEXT_NUL"),
        ({"username": "a"}, 400, "REQUEST_BODY_INVALID"),
        ({"username": "a", "password": ["b"]}, 400, "REQUEST_BODY_INVALID"),
        ({"username": "a", "password": "b", "tenant_id": "c"}, 400, "REQUEST_BODY_INVALID"),
        ({"username": "a", "password": "ü" * 1000}, 401, "LOGIN_FAILED"),
    ],
)
async def test_a_log_in_that_cannot_be_meant_is_refused(
    client: httpx.AsyncClient, body: dict[str, Any], status: int, code: str
) -> None:
    assert_refused(await client.post("/v1/login", json=body), status, code)


async def test_a_log_in_is_an_audit_entry_of_the_users_tenant(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    user = await add(client, tokens)
    await log_in(client, user["username"], PASSWORD)
    answer = await client.get(
        "/v1/audit/entries", params={"actor": user["id"]}, headers=tokens.of()
    )
    [entry] = [one["entry"] for one in answer.json()["entries"]]
    assert (entry["verb"], entry["outcome"]) == ("session.open", "done")
    assert entry["subject"].startswith("session:")
    assert entry["digests"] == {"method": "password"}


async def test_making_a_user_is_an_audit_entry_without_their_name(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    admin = uuid4()
    answer = await client.post("/v1/users", json=new_user(), headers=tokens.of(user_id=admin))
    user = answer.json()
    page = await client.get("/v1/audit/entries", headers=tokens.of())
    [one] = page.json()["entries"]
    assert one["entry"]["verb"] == "user.create"
    shown = {name: field["text"] for name, field in one["disclosed"].items()}
    assert (shown["actor"], shown["subject"]) == (str(admin), user["id"])
    assert re.fullmatch("[0-9a-f]{64}", one["entry"]["actor"])
    assert re.fullmatch("user:[0-9a-f]{64}", one["entry"]["subject"])
    assert user["username"] not in page.text
    assert user["id"] not in json.dumps(one["entry"])


async def test_a_log_in_shows_from_where_to_those_who_may_read_it(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    user = await add(client, tokens)
    await log_in(client, user["username"], PASSWORD)
    answer = await client.get("/v1/audit/entries?verb=session.open", headers=tokens.of())
    [one] = answer.json()["entries"]
    shown = {name: field["text"] for name, field in one["disclosed"].items()}
    assert shown == {"actor": user["id"], "address": "127.0.0.1"}
    assert "127.0.0.1" not in json.dumps(one["entry"])


async def test_failed_log_ins_are_counted_not_written_one_by_one(
    client: httpx.AsyncClient, process: Process
) -> None:
    for _ in range(3):
        await log_in(client, "nobody-at-all", PASSWORD)
    [(refusal, count)] = process.telemetry.refusals.take().items()
    assert (refusal.code, refusal.tenant, count) == ("LOGIN_FAILED", OPERATOR_TENANT, 3)
    text = (await client.get("/metrics")).text
    assert 'lotabots_refusals_total{code="LOGIN_FAILED"} 3.0' in text


async def test_a_password_reaches_neither_log_nor_answer(
    client: httpx.AsyncClient, tokens: Tokens, log: io.BytesIO
) -> None:
    user = await add(client, tokens, password="canary-canary-canary")
    await log_in(client, user["username"], "canary-canary-canary")
    await log_in(client, user["username"], "canary-wrong")
    await client.post("/v1/login", content=b'{"username": "a", "password": "canary')
    assert b"canary" not in log.getvalue()
    assert b"canary" not in json.dumps(user).encode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", "Upper"),
        ("username", "with space"),
        ("username", "-dash"),
        ("username", "ädmin"),
        ("username", "a\n"),
        ("username", "x" * 64),
        ("username", ""),
        ("email", "no-at-sign"),
        ("email", "two@at@signs"),
        ("email", "a@b\n"),
        ("email", "x" * 250 + "@b.org"),
        ("password", "short"),
        ("password", "x" * 1025),
        ("role", "root"),
        ("role", 1),
        ("tenant_id", str(UUID(int=7))),
        ("id", str(UUID(int=8))),
        ("created_at", "2020-01-01T00:00:00Z"),
        ("password_hash", "$2b$"),
    ],
)
async def test_a_user_that_cannot_be_is_refused(
    client: httpx.AsyncClient, tokens: Tokens, field: str, value: object
) -> None:
    answer = await client.post("/v1/users", json=new_user(**{field: value}), headers=tokens.of())
    assert_refused(answer, 400, "REQUEST_BODY_INVALID")


async def test_only_an_agent_has_a_node(client: httpx.AsyncClient, tokens: Tokens) -> None:
    for user in (new_user(Role.AGENT, node_id=None), new_user(Role.VIEWER, node_id="node-7")):
        answer = await client.post("/v1/users", json=user, headers=tokens.of())
        assert_refused(answer, 400, "USER_NODE")


async def test_a_name_or_address_is_given_once(client: httpx.AsyncClient, tokens: Tokens) -> None:
    user = await add(client, tokens)
    for field, value in (("username", user["username"]), ("email", user["email"].upper())):
        answer = await client.post(
            "/v1/users", json=new_user(**{field: value}), headers=tokens.of()
        )
        assert_refused(answer, 409, "USER_EXISTS")
        assert answer.json()["details"] == {"field": field}


async def test_of_many_who_want_a_name_at_once_one_gets_it(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    user = new_user()
    race = [client.post("/v1/users", json=user, headers=tokens.of()) for _ in range(4)]
    statuses = [answer.status_code for answer in await asyncio.gather(*race)]
    assert sorted(statuses) == [201, 409, 409, 409]


async def test_users_are_listed_by_name_in_pages(client: httpx.AsyncClient, tokens: Tokens) -> None:
    names = sorted([(await add(client, tokens))["username"] for _ in range(5)])
    listed, query = [], {"limit": "2"}
    while True:
        page = (await client.get("/v1/users", params=query, headers=tokens.of())).json()
        listed += [user["username"] for user in page["users"]]
        if page["next"] is None:
            break
        query["after"] = page["next"]
    assert listed == names


async def test_another_tenant_sees_none_of_the_users(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    user = await add(client, tokens)
    other = Tokens(tokens.key, uuid4())
    assert (await client.get("/v1/users", headers=other.of())).json()["users"] == []
    answer = await client.get(f"/v1/users/{user['id']}", headers=other.of())
    assert_refused(answer, 404, "USER_UNKNOWN")
    assert (await client.get(f"/v1/users/{user['id']}", headers=tokens.of())).json() == user


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/v1/users", {Role.OWNER, Role.ADMIN}),
        ("GET", "/v1/users", {Role.OWNER, Role.ADMIN, Role.AUDITOR}),
        ("GET", f"/v1/users/{UUID(int=1)}", {Role.OWNER, Role.ADMIN, Role.AUDITOR}),
        ("GET", "/v1/me", set(Role)),
    ],
)
async def test_each_route_is_for_its_roles_only(
    client: httpx.AsyncClient, tokens: Tokens, method: str, path: str, allowed: set[Role]
) -> None:
    for role in Role:
        answer = await client.request(method, path, headers=tokens.of(role))
        assert (answer.status_code != 403) == (role in allowed), role
    assert_refused(await client.request(method, path), 401, "TOKEN_ABSENT")


async def test_the_published_keys_hold_no_private_part(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/identity/jwks.json")
    assert answer.headers["cache-control"] == "public, max-age=60"
    for key in answer.json()["keys"]:
        assert "d" not in key
        assert {"kty", "kid", "alg"} <= set(key)


async def test_the_names_of_users_cannot_be_read_without_a_tenant_or_a_claimed_name(
    client: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    user, query = await add(client, tokens), "select username from identity.users"
    async with database.transaction(None) as tx:
        assert await tx.fetch(query) == []
        assert await tx.fetch("select name from identity.tenants") == []
    async with database.transaction(None, login=user["username"]) as tx:
        assert await tx.fetch(query) == [{"username": user["username"]}]
    async with database.transaction(None, login="%") as tx:
        assert await tx.fetch(query) == []


async def test_refusals_reach_the_audit_log_when_the_process_stops(
    process: Process, database: Database
) -> None:
    async with calling(process, [identity.service(process)]) as client:
        await log_in(client, "nobody-at-all", PASSWORD)
    async with database.transaction(OPERATOR_TENANT) as tx:
        rows = await newest(tx, Filter(outcome="LOGIN_FAILED"), 10)
    assert len(rows) >= 1


async def test_every_way_of_failing_to_get_in_is_counted_by_its_code(
    client: httpx.AsyncClient, tokens: Tokens, process: Process
) -> None:
    user = await add(client, tokens)
    owner = await add(client, tokens, role=Role.OWNER)
    process.telemetry.refusals.take()
    await log_in(client, user["username"], "wrong")
    await client.post("/v1/login/refresh", json={"refresh_token": "A" * 64})
    accepted = {"token": "A" * 64, "password": PASSWORD}
    await client.post("/v1/login/invitation", json=accepted)
    claimed = {"username": user["username"], "password": PASSWORD}
    await client.post("/v1/login", json=claimed, headers={"dpop": "no proof"})
    key = {"authorization": "Bearer lota_live_x"}
    await client.get("/v1/me", headers=key)
    token = (await log_in(client, user["username"], PASSWORD)).json()["access_token"]
    own = {"authorization": f"Bearer {token}"}
    await client.post("/v1/me/codes/remove", json={"code": "000000"}, headers=own)
    change = {"current": "wrong", "new": PASSWORD}
    await client.post("/v1/me/password", json=change, headers=own)
    await client.get("/v1/users", headers=own)
    await client.post(f"/v1/users/{owner['id']}/disable", headers=tokens.of(Role.ADMIN))
    counted: dict[str, int] = {}
    for refusal, count in process.telemetry.refusals.take().items():
        counted[refusal.code] = counted.get(refusal.code, 0) + count
    assert counted == {
        "LOGIN_FAILED": 2,
        "REFRESH_REFUSED": 1,
        "INVITATION_REFUSED": 1,
        "PROOF_INVALID": 1,
        "API_KEY_INVALID": 1,
        "CODE_WRONG": 1,
        "PERMISSION_DENIED": 1,
        "ROLE_DENIED": 1,
    }


async def test_a_hash_of_other_rounds_is_made_anew_when_its_user_logs_in(
    client: httpx.AsyncClient, tokens: Tokens, database: Database, log: io.BytesIO
) -> None:
    user = await add(client, tokens)

    async def rounds() -> str:
        query = "select left(password_hash, 7) from identity.users where id = $1"
        async with database.transaction(tokens.tenant) as tx:
            return str(await tx.fetch_value(query, user["id"]))

    assert await rounds() == "$2b$10$"
    session = (await log_in(client, user["username"], PASSWORD)).json()
    dearer = make_process(database, log, IdentitySettings(bcrypt_cost=11, free_attempts=1000))
    async with calling(dearer, [identity.service(dearer)]) as later:
        assert (await log_in(later, user["username"], "wrong")).status_code == 401
        assert await rounds() == "$2b$10$"
        assert (await log_in(later, user["username"], PASSWORD)).status_code == 200
        assert await rounds() == "$2b$11$"
        assert (await log_in(later, user["username"], PASSWORD)).status_code == 200
        refresh = {"refresh_token": session["refresh_token"]}
        assert (await later.post("/v1/login/refresh", json=refresh)).status_code == 200

"""Canaries: no password, token, key or code reaches log, metric, error, audit entry or table."""

import base64
import io
import json
from typing import Any

import asyncpg
import pytest
from plugins.database import DatabaseUrls
from plugins.process import Tokens, calling

from lotabots import audit, identity
from lotabots.identity.codes import code_at, step_of
from lotabots.kernel import Role
from lotabots.runtime.clock import utc_now
from lotabots.runtime.process import Process

pytestmark = pytest.mark.anyio

FIRST, SECOND = "canary-otter-window", "canary-lamp-staple"


async def whole_database(urls: DatabaseUrls) -> str:
    """Every row of every table, bytes in hex."""
    owner = await asyncpg.connect(urls.owner)
    tables = await owner.fetch(
        "select format('%I.%I', schemaname, tablename) as name, schemaname from pg_tables"
        " where schemaname in ('identity', 'audit', 'runtime')"
    )
    text = []
    for table in tables:
        name = table["name"]
        forced = await owner.fetchval(
            "select relforcerowsecurity from pg_class where oid = $1::regclass", name
        )
        if forced:
            await owner.execute(f"alter table {name} no force row level security")
        text += [str(row[0]) for row in await owner.fetch(f"select t::text from {name} t")]
        if forced:
            await owner.execute(f"alter table {name} force row level security")
    await owner.close()
    return "\n".join(text)


async def test_what_opens_something_is_nowhere_but_with_its_holder(
    process: Process, tokens: Tokens, log: io.BytesIO, database_urls: DatabaseUrls
) -> None:
    secrets: list[str] = [FIRST, SECOND]
    said: list[str] = []

    async with calling(process, [identity.service(process), audit.service(process)]) as client:

        async def post(path: str, body: dict[str, Any], headers: dict[str, str]) -> Any:
            answer = await client.post(path, json=body, headers=headers)
            if answer.status_code >= 400:
                said.append(answer.text)
            return answer.json() if answer.content else None

        admin = tokens.of(Role.OWNER)
        new = {"username": "canary-user", "email": "c@b.org", "role": "admin"}
        invited = await post("/v1/users/invitations", new, admin)
        secrets.append(invited["token"])
        await post("/v1/login/invitation", {"token": invited["token"], "password": FIRST}, {})
        claimed = {"username": "canary-user", "password": FIRST}
        session = await post("/v1/login", claimed, {})
        own = {"authorization": f"Bearer {session['access_token']}"}
        secrets += [session["access_token"], session["refresh_token"]]
        key = await post("/v1/me/keys", {"name": "mine"}, own)
        secrets += [key["key"], key["key"].split("_")[3]]
        await client.get("/v1/me", headers={"authorization": f"Bearer {key['key']}"})
        enrolled = await post("/v1/me/codes", {"password": FIRST}, own)
        secret = base64.b32decode(enrolled["secret"])
        code = code_at(secret, step_of(utc_now().timestamp()))
        recovery = (await post("/v1/me/codes/confirm", {"code": code}, own))["codes"]
        secrets += [enrolled["secret"], secret.hex(), *recovery]
        refreshed = {"refresh_token": session["refresh_token"]}
        secrets.append((await post("/v1/login/refresh", refreshed, {}))["refresh_token"])
        await post("/v1/login/refresh", refreshed, {})
        await post("/v1/login", claimed | {"code": recovery[0]}, {})
        await post("/v1/login", claimed | {"code": "123456"}, {})
        await post("/v1/login", claimed | {"password": SECOND}, {})
        await post("/v1/login", {"username": FIRST, "password": FIRST}, {})
        await post("/v1/me/password", {"current": FIRST, "new": SECOND}, own)
        await client.get(f"/v1/login/oidc/callback?code={FIRST}&state={SECOND}")
        await client.get("/v1/me", headers={"authorization": f"Bearer {key['key'][:-1]}x"})
        said.append((await client.get("/metrics")).text)
        said.append((await client.get("/v1/audit/entries", headers=admin)).text)
    said += [log.getvalue().decode(), json.dumps(str(process.telemetry.refusals.take()))]
    said.append(await whole_database(database_urls))
    for text in secrets:
        for place, where in enumerate(said):
            assert text not in where, (text, place)
            assert text.encode().hex() not in where, (text, place)

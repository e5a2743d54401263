"""What is long over is deleted, whatever the tenant; and nothing else."""

from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
from plugins.database import DatabaseUrls
from plugins.process import Tokens, calling

from lotabots import identity
from lotabots.identity.attempts import Attempts
from lotabots.identity.sweeping import sweep
from lotabots.kernel import Role
from lotabots.runtime.database import Database
from lotabots.runtime.process import Process

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"


async def test_sessions_are_deleted_a_month_after_their_end(
    process: Process, tokens: Tokens, database: Database, database_urls: DatabaseUrls
) -> None:
    name = f"u{uuid4().hex}"
    user = {"username": name, "email": f"{name}@b.org", "password": PASSWORD, "role": "viewer"}
    claimed = {"username": name, "password": PASSWORD}
    async with calling(process, [identity.service(process)]) as client:
        await client.post("/v1/users", json=user, headers=tokens.of(Role.ADMIN))
        old, new = [(await client.post("/v1/login", json=claimed)).json() for _ in range(2)]
    owner = await asyncpg.connect(database_urls.owner)
    await owner.execute("alter table identity.sessions no force row level security")
    await owner.execute(
        "update identity.sessions set expires_at = now() - $2::interval where id = $1",
        old["session_id"],
        timedelta(days=31),
    )
    await owner.execute("alter table identity.sessions force row level security")
    await owner.close()
    await sweep(process)
    async with database.transaction(tokens.tenant) as tx:
        left = await tx.fetch("select id::text from identity.sessions")
        tokens_left = await tx.fetch("select session_id::text from identity.refresh_tokens")
    assert left == [{"id": new["session_id"]}]
    assert tokens_left == [{"session_id": new["session_id"]}]


async def test_a_child_does_not_rest_in_the_database_for_long(
    process: Process, tokens: Tokens, database: Database
) -> None:
    name = f"u{uuid4().hex}"
    user = {"username": name, "email": f"{name}@b.org", "password": PASSWORD, "role": "viewer"}
    claimed = {"username": name, "password": PASSWORD}
    async with calling(process, [identity.service(process)]) as client:
        await client.post("/v1/users", json=user, headers=tokens.of(Role.ADMIN))
        session = (await client.post("/v1/login", json=claimed)).json()
        refresh = {"refresh_token": session["refresh_token"]}
        await client.post("/v1/login/refresh", json=refresh)
    for aged, left in ((timedelta(0), 1), (timedelta(minutes=2), 0)):
        async with database.transaction(tokens.tenant) as tx:
            await tx.execute(
                "update identity.refresh_tokens set used_at = used_at - $1::interval", aged
            )
        await sweep(process)
        async with database.transaction(tokens.tenant) as tx:
            sealed = await tx.fetch(
                "select digest from identity.refresh_tokens where sealed_child is not null"
            )
        assert len(sealed) == left


async def test_a_sweep_without_its_word_sees_nothing(database: Database) -> None:
    for login in ("sweep", "sweep:x", "", None):
        async with database.transaction(None, login=login) as tx:
            assert await tx.fetch("select id from identity.sessions") == []
            assert await tx.execute("delete from identity.sessions") == 0
            assert await tx.fetch("select digest from identity.refresh_tokens") == []


async def test_tries_are_forgotten_after_a_day(process: Process, database: Database) -> None:
    name = f"nobody-{uuid4().hex}"
    await Attempts(process, free=5).begin(name, "198.51.100.9")
    await sweep(process)
    async with database.transaction(None) as tx:
        before = await tx.fetch_value("select count(*) from identity.attempts", into=int)
        await tx.execute(
            "update identity.attempts set last_at = last_at - $1::interval", timedelta(days=2)
        )
    assert before
    await sweep(process)
    async with database.transaction(None) as tx:
        assert (
            await tx.fetch_value("select count(*) from identity.attempts where known_until is null")
            == 0
        )

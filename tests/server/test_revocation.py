"""Tokens and keys that are revoked are refused within a second by every process, come what may."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from time import monotonic
from uuid import uuid4

import asyncpg
import pytest
from plugins.api import Api
from plugins.database import DatabaseUrls
from plugins.events import LISTENERS
from plugins.process import MASTER_KEY, assert_refused

from lotabots.kernel import SigningKey
from lotabots.runtime.clock import utc_now
from lotabots.runtime.events import revoke_token
from lotabots.runtime.keyring import Keyring
from lotabots.runtime.web import TOKEN_PURPOSE

pytestmark = pytest.mark.anyio

PATHS = ("/v1/users", "/v1/nodes", "/v1/audit/entries")
"""One of each process, in either mode."""


@pytest.fixture
async def owner(
    session_database_urls: DatabaseUrls,
) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(session_database_urls.owner)
    yield connection
    await connection.close()


class Caller:
    """Someone with one token, who calls every process over and over."""

    def __init__(self, api: Api, key: SigningKey | None = None) -> None:
        self.api = api
        self.token_id = uuid4().hex
        token = api.tokens.token(token_id=self.token_id, key=key or api.tokens.key)
        self.headers = {"authorization": f"Bearer {token}"}

    async def status(self, path: str) -> int:
        return (await self.api.get(path, as_=None, headers=self.headers)).status_code

    async def is_let_in(self) -> None:
        for path in PATHS:
            assert await self.status(path) == 200

    async def revoke(self) -> None:
        async with self.api.database.transaction(None) as tx:
            await revoke_token(tx, self.token_id, utc_now() + timedelta(minutes=10))

    async def last_accepted(self, seconds: float) -> float:
        """Seconds from now until the last request that began and was let in anywhere."""
        began, last = monotonic(), 0.0
        while monotonic() - began < seconds:
            for path in PATHS:
                asked = monotonic()
                status = await self.status(path)
                assert status in (200, 401), status
                if status == 200:
                    last = asked - began
            await asyncio.sleep(0.005)
        return last


async def listeners(api: Api, owner: "asyncpg.Connection[asyncpg.Record]") -> list[int]:
    """The PostgreSQL backends on which the processes listen, once each has one."""
    while len(found := await owner.fetch(LISTENERS)) != len(api.servers.processes):
        await owner.execute("select pg_sleep(0.05)")
    return [row["pid"] for row in found]


async def test_a_revoked_token_is_refused_by_every_process_and_others_are_not(api: Api) -> None:
    revoked, other = Caller(api), Caller(api)
    await revoked.is_let_in()
    await other.is_let_in()
    await revoked.revoke()
    assert await revoked.last_accepted(1.5) < 1
    answer = await api.get("/v1/nodes", as_=None, headers=revoked.headers)
    assert_refused(answer, 401, "TOKEN_REVOKED")
    await other.is_let_in()


async def test_a_token_revoked_before_it_was_ever_seen_is_refused(api: Api) -> None:
    caller = Caller(api)
    await caller.revoke()
    assert await caller.last_accepted(1.5) < 1
    assert [await caller.status(path) for path in PATHS] == [401, 401, 401]


async def test_what_a_revoked_key_signed_is_refused_by_every_process_and_the_next_one_takes_over(
    api: Api,
) -> None:
    caller = Caller(api)
    await caller.is_let_in()
    keyring = Keyring(api.database, MASTER_KEY)
    before = await keyring.load(TOKEN_PURPOSE)
    async with api.database.transaction(None) as tx:
        await keyring.revoke(tx, TOKEN_PURPOSE, before.current.kid)
    assert await caller.last_accepted(1.5) < 1
    assert before.next is not None
    published = (await api.get("/v1/identity/jwks.json", as_=None)).json()["keys"]
    kids = [key["kid"] for key in published]
    assert before.current.kid not in kids
    assert before.next.kid in kids
    await Caller(api, before.next).is_let_in()


async def test_a_rotation_refuses_nobody(api: Api) -> None:
    caller = Caller(api)
    keyring = Keyring(api.database, MASTER_KEY)
    before = (await keyring.load(TOKEN_PURPOSE)).jwks()["keys"]
    async with api.database.transaction(None) as tx:
        await keyring.rotate(tx, TOKEN_PURPOSE, rest=timedelta())
    began = monotonic()
    while monotonic() - began < 1:
        await caller.is_let_in()
    after = (await api.get("/v1/identity/jwks.json", as_=None)).json()["keys"]
    assert [key["kid"] for key in after][:2] == [key["kid"] for key in before][-2:]
    assert len(after) == 3


async def test_nothing_revoked_is_accepted_for_a_second_when_the_lines_are_cut(
    api: Api, owner: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    caller = Caller(api)
    await caller.is_let_in()
    for pid in await listeners(api, owner):
        await owner.execute("select pg_terminate_backend($1)", pid)
    await caller.revoke()
    assert await caller.last_accepted(2) < 1


async def test_nothing_revoked_is_accepted_for_a_second_when_the_lines_are_stuck(
    api: Api, owner: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """No connection ends, and nobody is told anything: only the missing answers tell."""
    caller, other = Caller(api), Caller(api)
    await caller.is_let_in()
    stuck = await listeners(api, owner)
    for pid in stuck:
        os.kill(pid, signal.SIGSTOP)
    try:
        await caller.revoke()
        last = await caller.last_accepted(1.5)
        assert 0 < last < 1  # heard from nobody, and believed no longer than that
        await other.is_let_in()
    finally:
        for pid in stuck:
            os.kill(pid, signal.SIGCONT)

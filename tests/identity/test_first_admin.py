"""The first administrator: made once, with a password that is told once."""

import asyncio
import io
from collections.abc import AsyncIterator

import pytest
from plugins.database import DatabaseUrls
from plugins.process import calling, make_process

from lotabots import identity
from lotabots.identity import FIRST_ADMIN, ensure_first_admin
from lotabots.runtime.database import Database
from lotabots.runtime.process import Process

pytestmark = pytest.mark.anyio


@pytest.fixture
async def empty(fresh_database_urls: DatabaseUrls, log: io.BytesIO) -> AsyncIterator[Process]:
    database = await Database.open(fresh_database_urls.app)
    yield make_process(database, log)
    await database.close()


async def test_the_password_that_is_told_opens_a_session_of_an_admin(empty: Process) -> None:
    password = await ensure_first_admin(empty)
    async with calling(empty, [identity.service(empty)]) as client:
        claimed = {"username": FIRST_ADMIN, "password": password}
        token = (await client.post("/v1/login", json=claimed)).json()["access_token"]
        me = (await client.get("/v1/me", headers={"authorization": f"Bearer {token}"})).json()
    assert (me["username"], me["role"]) == (FIRST_ADMIN, "owner")


async def test_there_is_no_second_first_admin(empty: Process) -> None:
    assert await ensure_first_admin(empty)
    assert await ensure_first_admin(empty) is None


async def test_of_several_processes_that_start_at_once_one_makes_the_admin(
    empty: Process,
) -> None:
    told = await asyncio.gather(*(ensure_first_admin(empty) for _ in range(3)))
    assert sum(password is not None for password in told) == 1

"""Keys are rotated by themselves: once, by one process, each change with its audit entry."""

import asyncio
import io

import asyncpg
import pytest
from plugins.database import DatabaseUrls
from plugins.process import make_process

from lotabots.kernel import OPERATOR_TENANT, KeySet
from lotabots.runtime.database import Database
from lotabots.runtime.process import Process
from lotabots.runtime.web import TOKEN_PURPOSE
from lotabots.server.settings import KeyringSettings
from lotabots.server.upkeep import rotate_due

pytestmark = pytest.mark.anyio

PURPOSES = (TOKEN_PURPOSE, "result", "reference")


async def opened(urls: DatabaseUrls, days: int = 30) -> tuple[Process, Database]:
    database = await Database.open(urls.app, connections=3)
    return make_process(database, io.BytesIO(), KeyringSettings(rotate_days=days)), database


async def aged(urls: DatabaseUrls, days: int) -> None:
    owner = await asyncpg.connect(urls.owner)
    await owner.execute(
        "update runtime.signing_keys set placed_at = now() - make_interval(days => $1)", days
    )
    await owner.close()


async def current(process: Process) -> dict[str, KeySet]:
    return {purpose: await process.keyring.load(purpose) for purpose in PURPOSES}


async def test_keys_that_signed_long_enough_are_rotated_by_one_of_several_processes(
    fresh_database_urls: DatabaseUrls,
) -> None:
    several = [await opened(fresh_database_urls) for _ in range(3)]
    process = several[0][0]
    before = await current(process)
    await rotate_due(process)  # too young
    assert (await current(process))[TOKEN_PURPOSE].jwks() == before[TOKEN_PURPOSE].jwks()
    await aged(fresh_database_urls, 31)
    await asyncio.gather(*(rotate_due(each) for each, _ in several))
    after = await current(process)
    for purpose in (TOKEN_PURPOSE, "result"):
        was, is_now = before[purpose], after[purpose]
        assert was.next is not None
        assert is_now.previous is not None
        assert is_now.current.kid == was.next.kid
        assert is_now.previous.kid == was.current.kid
    assert after["reference"].current.kid == before["reference"].current.kid
    async with several[0][1].transaction(OPERATOR_TENANT) as tx:
        rotations = await tx.fetch(
            "select subject_ref from audit.entries where verb = 'key.rotate'"
        )
    assert {row["subject_ref"] for row in rotations} == {"purpose:user-token", "purpose:result"}
    assert len(rotations) == 2
    for _, database in several:
        await database.close()


async def test_nothing_is_rotated_where_the_settings_say_never(
    fresh_database_urls: DatabaseUrls,
) -> None:
    process, database = await opened(fresh_database_urls, days=0)
    before = await current(process)
    await aged(fresh_database_urls, 4000)
    await rotate_due(process)
    assert (await current(process))[TOKEN_PURPOSE].current.kid == before[TOKEN_PURPOSE].current.kid
    await database.close()

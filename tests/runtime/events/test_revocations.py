"""Revoked tokens: known everywhere, whenever they were revoked, as long as they could be used."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from plugins.events import Open, within

from lotabots.kernel import LotaError
from lotabots.runtime.clock import utc_now
from lotabots.runtime.database import Database
from lotabots.runtime.events import Channel, Revocations, Topic, revocations, revoke_token

pytestmark = pytest.mark.anyio


async def revoke(database: Database, token_id: str, minutes: float = 10) -> None:
    async with database.transaction(None) as tx:
        await revoke_token(tx, token_id, utc_now() + timedelta(minutes=minutes))


def new() -> str:
    return uuid4().hex


class Counting:
    """How many statements that read tokens a database was sent."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        real = database.transaction

        def counted(tenant: object) -> object:
            self.count += 1
            return real(tenant)  # type: ignore[arg-type]

        monkeypatch.setattr(database, "transaction", counted)


async def test_a_token_is_known_whether_it_was_revoked_before_or_after_the_first_question(
    open_channel: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here, ours), (_, elsewhere) = await open_channel(), await open_channel()
    known = Revocations(ours, here)
    before, after, never = new(), new(), new()
    await revoke(elsewhere, before)
    asked = Counting(ours, monkeypatch)
    assert await known.include(before)
    assert not await known.include(after)
    await revoke(elsewhere, after)
    await within(1, lambda: after in known._told)
    assert await known.include(after)
    assert not await known.include(never)
    assert asked.count == 1


async def test_whoever_revokes_refuses_at_once(open_channel: Open) -> None:
    channel, database = await open_channel()
    known, token = Revocations(database, channel), new()
    assert not await known.include(token)
    await revoke(database, token)
    assert await known.include(token)


async def test_while_nothing_is_heard_the_database_is_asked(
    open_channel: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here, ours), (_, elsewhere) = await open_channel(), await open_channel()
    known, token = Revocations(ours, here), new()
    assert not await known.include(token)
    monkeypatch.setattr(Channel, "is_current", lambda self: False)
    monkeypatch.setattr(known, "_hear", lambda _: None)
    await revoke(elsewhere, token)
    assert await known.include(token)
    await ours.close()
    with pytest.raises(LotaError, match="DATABASE_"):
        await known.include(token)


async def test_after_something_may_have_been_missed_all_are_read_again(open_channel: Open) -> None:
    channel, database = await open_channel()
    known, token = Revocations(database, channel), new()
    assert not await known.include(token)
    async with database.transaction(None) as tx:  # as if its event had been lost
        await tx.execute(
            "insert into runtime.revoked_tokens (token_id, expires_at) values ($1, $2)",
            token,
            utc_now() + timedelta(minutes=10),
        )
    assert not await known.include(token)
    channel._tell(Topic.TOKEN, None)
    assert await known.include(token)


async def test_what_was_told_outlives_the_next_reading_and_what_expired_does_not(
    open_channel: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel, database = await open_channel()
    known, token, gone = Revocations(database, channel), new(), new()
    assert not await known.include(token)
    await revoke(database, token)
    await revoke(database, gone, minutes=-6)
    monkeypatch.setattr(revocations, "READ_SECONDS", -1.0)
    assert await known.include(gone)  # it is not taken away yet
    await revoke(database, new())  # which takes away what has expired
    await asyncio.sleep(0.1)
    assert await known.include(token)
    assert not await known.include(gone)
    assert token not in known._told


async def test_many_that_ask_at_once_read_once(
    open_channel: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel, database = await open_channel()
    known, token = Revocations(database, channel), new()
    await revoke(database, token)
    known = Revocations(database, channel)
    asked = Counting(database, monkeypatch)
    assert await asyncio.gather(*(known.include(token) for _ in range(50))) == [True] * 50
    assert asked.count == 1


async def test_revoking_again_changes_and_tells_nothing(open_channel: Open) -> None:
    channel, database = await open_channel()
    token, heard = new(), list[str | None]()
    channel.subscribe(Topic.TOKEN, heard.append)
    await revoke(database, token)
    await within(1, lambda: len(heard) == 2)
    await revoke(database, token)
    await asyncio.sleep(0.1)
    assert heard == [token, token]


async def test_many_may_revoke_at_the_same_time(open_channel: Open) -> None:
    channel, database = await open_channel()
    for _ in range(3):
        await revoke(database, new(), minutes=-6)
    tokens = [new() for _ in range(20)]
    await asyncio.gather(*(revoke(database, token) for token in tokens))
    known = Revocations(database, channel)
    assert all([await known.include(token) for token in tokens])


@pytest.mark.parametrize("token_id", ["", "a b", "x" * 65, "é"])
async def test_what_is_no_token_id_is_refused(open_channel: Open, token_id: str) -> None:
    _, database = await open_channel()
    with pytest.raises(LotaError):
        await revoke(database, token_id)

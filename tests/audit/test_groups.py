"""Entries of many callers in one commit: each is durable when acknowledged, and knows its place."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import asyncpg
import pytest
from audit.log import SIGNERS
from plugins.database import DatabaseUrls
from plugins.process import MASTER_KEY

from lotabots.audit import SYSTEM, Entry, Group, Journal, Sequencer, groups
from lotabots.audit.types import Appended
from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database import Database, Transaction
from lotabots.runtime.files import open_files
from lotabots.runtime.keyring import Keyring

pytestmark = pytest.mark.anyio

PATIENCE = 10


@pytest.fixture
def group(app: Database) -> Group:
    return Group(app, Journal(Keyring(app, MASTER_KEY)))


def entry(subject: str = "node:n1", actor: str = SYSTEM) -> Entry:
    return Entry(actor_ref=actor, verb="a.b", subject_ref=subject, outcome="done")


def subject(body: bytes) -> str:
    return str(json.loads(body)["subject"])


async def idle(group: Group) -> None:
    """Returns when nothing is on its way any more, and nothing is left of any tenant."""
    async with asyncio.timeout(PATIENCE):
        while not group._gathering.idle or group._awaited or group._looking:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


@asynccontextmanager
async def ordered(ordering: Database) -> AsyncIterator[None]:
    """A sequencer beside the block, which gives entries their places."""
    sequencer = Sequencer(ordering, open_files("memory:///"), SIGNERS)

    async def order() -> None:
        while True:
            await sequencer.order()
            await asyncio.sleep(0.005)

    task = asyncio.create_task(order())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def stored(app: Database, tenant: UUID) -> list[bytes]:
    async with app.transaction(tenant) as tx:
        rows = await tx.fetch("select body from audit.entries order by position")
    return [bytes(row["body"]) for row in rows]


async def test_many_callers_get_entries_of_their_own_in_few_transactions(
    app: Database, group: Group
) -> None:
    tenant, wanted = uuid4(), [f"node:n{number}" for number in range(300)]
    appended = await asyncio.gather(*(group.append(tenant, entry(one)) for one in wanted))
    assert [subject(one.body) for one in appended] == wanted
    assert len({one.id for one in appended}) == 300
    assert set(await stored(app, tenant)) == {one.body for one in appended}
    async with app.transaction(tenant) as tx:
        transactions = await tx.fetch_value("select count(distinct xmin::text) from audit.entries")
    assert transactions <= 300 // groups.MOST + groups.AT_ONCE
    await idle(group)


class Watched(Journal):
    """A journal that counts how many append at one time."""

    now = most = 0

    async def append_many(self, tx: Transaction, entries: Sequence[Entry]) -> list[Appended]:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            return await super().append_many(tx, entries)
        finally:
            self.now -= 1


async def test_a_tenant_has_few_commits_on_their_way_at_one_time(app: Database) -> None:
    journal = Watched(Keyring(app, MASTER_KEY))
    group, tenant = Group(app, journal), uuid4()
    await asyncio.gather(*(group.append(tenant, entry()) for _ in range(10 * groups.MOST)))
    assert 1 <= journal.most <= groups.AT_ONCE


async def test_who_comes_while_a_commit_is_on_its_way_goes_with_the_next(
    app: Database, group: Group
) -> None:
    tenant = uuid4()
    tasks = []
    for number in range(200):
        tasks.append(asyncio.create_task(group.append(tenant, entry(f"node:n{number}"))))
        if number % 7 == 0:
            await asyncio.sleep(0.001)
    async with asyncio.timeout(PATIENCE):
        appended = await asyncio.gather(*tasks)
    assert [subject(one.body) for one in appended] == [f"node:n{n}" for n in range(200)]
    assert len(await stored(app, tenant)) == 200
    await idle(group)


async def test_an_entry_is_durable_when_it_is_acknowledged(app: Database, group: Group) -> None:
    tenant = uuid4()

    async def append(number: int) -> None:
        appended = await group.append(tenant, entry(f"node:n{number}"))
        assert appended.body in await stored(app, tenant)

    await asyncio.gather(*(append(number) for number in range(20)))


async def test_each_tenant_has_its_entries_in_its_own_log(app: Database, group: Group) -> None:
    tenants = [uuid4() for _ in range(5)]
    await asyncio.gather(
        *(group.append(tenants[n % 5], entry(f"node:n{n}", str(uuid4()))) for n in range(50))
    )
    for place, tenant in enumerate(tenants):
        mine = [subject(body) for body in await stored(app, tenant)]
        assert sorted(mine) == sorted(f"node:n{n}" for n in range(place, 50, 5))
        assert all(UUID(json.loads(body)["tenant"]) == tenant for body in await stored(app, tenant))
    await idle(group)


async def test_each_caller_is_told_the_place_of_its_own_entry(
    app: Database, ordering: Database, group: Group
) -> None:
    tenant, wanted = uuid4(), [f"node:n{number}" for number in range(100)]
    async with ordered(ordering), asyncio.timeout(PATIENCE):
        places = await asyncio.gather(*(group.placed(tenant, entry(one)) for one in wanted))
    assert sorted(places) == list(range(100))
    async with app.transaction(tenant) as tx:
        rows = await tx.fetch(
            "select body from audit.leaves join audit.entries on id = entry_id order by idx"
        )
    at = [subject(bytes(row["body"])) for row in rows]
    assert [at[place] for place in places] == wanted
    await idle(group)


async def test_an_invalid_entry_fails_alone(app: Database, group: Group) -> None:
    tenant = uuid4()
    bad = [entry("no subject"), entry(actor="alice"), Entry(
        actor_ref=str(uuid4()), verb="a.b", subject_ref="x", outcome="done", note="\ud800",
    )]  # fmt: skip
    all_ = [
        *(entry(f"node:n{n}") for n in range(5)),
        *bad,
        *(entry(f"node:m{n}") for n in range(5)),
    ]
    done = await asyncio.gather(
        *(group.append(tenant, one) for one in all_), return_exceptions=True
    )
    codes = [one.code for one in done if isinstance(one, LotaError)]
    assert codes == ["AUDIT_ENTRY_INVALID"] * 3
    assert len([one for one in done if isinstance(one, Appended)]) == 10
    assert len(await stored(app, tenant)) == 10


@pytest.mark.parametrize("callers", [1, 2, 3, 4, 300])
async def test_a_database_that_is_gone_refuses_everyone_and_hangs_nobody(
    app: Database, group: Group, callers: int
) -> None:
    await app.close()
    tenant = uuid4()
    async with asyncio.timeout(PATIENCE):
        done = await asyncio.gather(
            *(group.append(tenant, entry()) for _ in range(callers)), return_exceptions=True
        )
    assert {one.code for one in done if isinstance(one, LotaError)} == {"DATABASE_UNAVAILABLE"}
    assert len(done) == callers
    await idle(group)


@pytest.mark.parametrize("late", range(6))
async def test_who_comes_in_the_moment_in_which_others_end_is_not_forgotten(
    app: Database, group: Group, late: int
) -> None:
    await app.close()  # then each commit ends at once, and all of them in one round of the loop
    tenant = uuid4()

    async def append(rounds: int) -> str:
        for _ in range(rounds):
            await asyncio.sleep(0)
        with pytest.raises(LotaError) as caught:
            await group.append(tenant, entry())
        return caught.value.code

    async with asyncio.timeout(PATIENCE):
        codes = await asyncio.gather(*map(append, [0] * groups.AT_ONCE), append(late))
    assert set(codes) == {"DATABASE_UNAVAILABLE"}


async def test_a_caller_who_gives_up_takes_nobody_along(app: Database, group: Group) -> None:
    tenant = uuid4()
    tasks = [asyncio.create_task(group.append(tenant, entry(f"node:n{n}"))) for n in range(30)]
    await asyncio.sleep(0)
    for task in tasks[::3]:
        task.cancel()
    async with asyncio.timeout(PATIENCE):
        done = await asyncio.gather(*tasks, return_exceptions=True)
    there = await stored(app, tenant)
    for number, one in enumerate(done):
        if number % 3:
            assert isinstance(one, Appended)
            assert one.body in there
        else:
            assert isinstance(one, asyncio.CancelledError)
    await idle(group)


async def test_without_a_sequencer_a_place_is_not_waited_for_for_ever(
    app: Database, group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "PLACE_SECONDS", 0.05)
    tenant = uuid4()
    done = await asyncio.gather(
        *(group.placed(tenant, entry(f"node:n{n}")) for n in range(5)), return_exceptions=True
    )
    assert [(one.code, one.kind) for one in done if isinstance(one, LotaError)] == [
        ("AUDIT_UNPLACED", Kind.UNAVAILABLE)
    ] * 5
    assert len(await stored(app, tenant)) == 5
    await idle(group)


async def test_who_comes_after_the_last_place_was_told_is_told_too(
    ordering: Database, group: Group
) -> None:
    async with ordered(ordering), asyncio.timeout(PATIENCE):
        for place in range(4):
            assert await group.placed(uuid4(), entry()) == place
            if place % 2:
                await asyncio.sleep(3 * groups.LOOK_SECONDS)  # nobody looks any more


async def test_a_database_that_comes_back_tells_the_places_after_all(
    app: Database, ordering: Database, group: Group, fresh_database_urls: DatabaseUrls
) -> None:
    name = fresh_database_urls.owner.partition("?")[0].rpartition("/")[2]
    admin = await asyncpg.connect(fresh_database_urls.owner.replace(f"/{name}?", "/postgres?"))
    try:
        task = asyncio.create_task(group.placed(uuid4(), entry()))
        async with asyncio.timeout(PATIENCE):
            while not group._awaited:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            await admin.execute(f"alter database {name} connection limit 0")
            await admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name
            )
            await asyncio.sleep(5 * groups.LOOK_SECONDS)
            assert not task.done()
            await admin.execute(f"alter database {name} connection limit -1")
            async with ordered(ordering):
                assert await task == 0
    finally:
        await admin.close()

"""The audit log in a real database: appended with the change, kept for ever, seen by its tenant."""

import json
from uuid import UUID, uuid4

import asyncpg
import pytest
from plugins.database import DatabaseUrls

from lotabots.audit import ANONYMOUS, SYSTEM, Entry, Journal
from lotabots.audit.store import Filter, Row, newest
from lotabots.kernel import LotaError, canonical
from lotabots.runtime.database import Database
from lotabots.runtime.process import Process
from lotabots.tlog import leaf_hash

pytestmark = pytest.mark.anyio


def entry(subject: str = "node:n1", verb: str = "node.register", outcome: str = "done") -> Entry:
    return Entry(actor_ref=str(uuid4()), verb=verb, subject_ref=subject, outcome=outcome)


async def entries(database: Database, tenant: UUID | None) -> list[Row]:
    async with database.transaction(tenant) as tx:
        return await newest(tx, Filter(), 100)


async def test_an_entry_is_stored_with_the_leaf_hash_of_its_bytes(
    database: Database, journal: Journal
) -> None:
    tenant = uuid4()
    async with database.transaction(tenant) as tx:
        await journal.append(tx, entry())
    [row] = await entries(database, tenant)
    assert row.leaf == leaf_hash(row.body)


async def test_an_entry_goes_the_way_of_its_transaction(
    database: Database, journal: Journal
) -> None:
    tenant = uuid4()

    async def fail_after_appending() -> None:
        async with database.transaction(tenant) as tx:
            await journal.append(tx, entry())
            raise KeyError

    with pytest.raises(KeyError):
        await fail_after_appending()
    assert await entries(database, tenant) == []


async def test_no_other_tenant_and_nobody_without_a_tenant_sees_an_entry(
    database: Database, journal: Journal
) -> None:
    async with database.transaction(uuid4()) as tx:
        await journal.append(tx, entry())
    assert await entries(database, uuid4()) == []
    assert await entries(database, None) == []


async def test_an_entry_needs_a_tenant(database: Database, journal: Journal) -> None:
    with pytest.raises(LotaError) as caught:
        async with database.transaction(None) as tx:
            await journal.append(tx, entry())
    assert caught.value.code == "AUDIT_ENTRY_INVALID"


async def test_an_entry_cannot_be_written_into_another_tenants_log(database: Database) -> None:
    with pytest.raises(LotaError) as caught:
        async with database.transaction(uuid4()) as tx:
            await tx.execute(
                "insert into audit.entries"
                " (id, tenant_id, at, actor_kind, verb, subject_ref, outcome, body, leaf)"
                " values ($1, $2, now(), 'system', 'a', 'b', 'c', $3, $4)",
                uuid4(), uuid4(), b"{}", leaf_hash(b"{}"),
            )  # fmt: skip
    assert caught.value.code == "DATABASE_FAILED"


async def test_a_leaf_that_is_not_that_of_the_bytes_is_refused(database: Database) -> None:
    with pytest.raises(LotaError) as caught:
        async with database.transaction(uuid4()) as tx:
            await tx.execute(
                "insert into audit.entries"
                " (id, at, actor_kind, verb, subject_ref, outcome, body, leaf)"
                " values ($1, now(), 'system', 'a', 'b', 'c', $2, $3)",
                uuid4(), b"{}", leaf_hash(b"{ }"),
            )  # fmt: skip
    assert caught.value.code == "DATABASE_VALUE_REFUSED"


CHANGES = (
    "update audit.entries set outcome = 'other'",
    "delete from audit.entries",
    "truncate audit.entries",
)


@pytest.mark.parametrize("change", CHANGES)
async def test_a_service_may_not_change_or_remove_entries(database: Database, change: str) -> None:
    with pytest.raises(LotaError):
        async with database.transaction(uuid4()) as tx:
            await tx.execute(change)


@pytest.mark.parametrize("change", CHANGES)
async def test_not_even_the_owner_can_change_or_remove_entries_in_passing(
    database_urls: DatabaseUrls, change: str
) -> None:
    owner = await asyncpg.connect(database_urls.owner)
    try:
        with pytest.raises(asyncpg.RestrictViolationError):
            await owner.execute(change)
    finally:
        await owner.close()


async def test_several_are_appended_in_their_order_or_none_at_all(
    database: Database, journal: Journal
) -> None:
    tenant, actors = uuid4(), [str(uuid4()), SYSTEM, ANONYMOUS, str(uuid4())] * 3
    several = [
        Entry(actor_ref=actor, verb="a.b", subject_ref=f"node:n{number}", outcome="done")
        for number, actor in enumerate(actors)
    ]
    async with database.transaction(tenant) as tx:
        appended = await journal.append_many(tx, several)
    rows = await entries(database, tenant)
    assert [row.body for row in reversed(rows)] == [one.body for one in appended]
    assert [row.id for row in reversed(rows)] == [one.id for one in appended]
    assert [row.leaf for row in reversed(rows)] == [one.leaf for one in appended]

    async def with_a_bad_one() -> None:
        async with database.transaction(tenant) as tx:
            await journal.append_many(tx, [*several, entry(verb="no verb at all")])

    with pytest.raises(LotaError, match="AUDIT_ENTRY_INVALID"):
        await with_a_bad_one()
    assert len(await entries(database, tenant)) == len(several)


async def test_none_at_all_can_be_appended(database: Database, journal: Journal) -> None:
    async with database.transaction(uuid4()) as tx:
        assert await journal.append_many(tx, []) == []


async def test_what_is_stored_is_version_2_at_the_time_of_its_transaction(
    database: Database, journal: Journal
) -> None:
    tenant = uuid4()
    async with database.transaction(tenant) as tx:
        appended = await journal.append(tx, entry("policy:p1", "policy.activate", "refused"))
        began = tx.began
    value = json.loads(appended.body)
    assert appended.body == canonical(value)
    assert (value["version"], value["tenant"], value["id"]) == (2, str(tenant), str(appended.id))
    assert (value["verb"], value["subject"], value["outcome"]) == (
        "policy.activate", "policy:p1", "refused",
    )  # fmt: skip
    assert value["at"] == began.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


async def test_two_entries_of_one_person_share_nothing_that_is_hashed(
    database: Database, journal: Journal
) -> None:
    actor = str(uuid4())
    same = Entry(
        actor_ref=actor, verb="user.update", subject_ref=f"user:{actor}", outcome="done",
        address="203.0.113.7", note="the same words",
    )  # fmt: skip
    async with database.transaction(uuid4()) as tx:
        bodies = [json.loads(one.body) for one in await journal.append_many(tx, [same, same])]
    values = [one[name] for one in bodies for name in ("actor", "subject", "address", "note")]
    assert len({value.removeprefix("user:") for value in values}) == 8


@pytest.mark.parametrize("actor", [SYSTEM, ANONYMOUS])
async def test_an_entry_that_mentions_nobody_leaves_nothing_beside_the_log(
    database: Database, journal: Journal, actor: str
) -> None:
    nobody = Entry(actor_ref=actor, verb="a.b", subject_ref="node:n1", outcome="done")
    async with database.transaction(uuid4()) as tx:
        appended = await journal.append(tx, nobody)
        assert await tx.fetch_value("select count(*) from audit.persons") == 0
        assert await tx.fetch_value("select count(*) from audit.mentions") == 0
        kind = await tx.fetch_value("select actor_kind from audit.entries", into=str)
    assert kind == actor == json.loads(appended.body)["actor"]


async def test_every_process_knows_a_person_by_one_row(
    database: Database, process: Process
) -> None:
    tenant, one = uuid4(), entry()
    for journal in (Journal(process.keyring), Journal(process.keyring)):
        for _ in range(3):
            async with database.transaction(tenant) as tx:
                await journal.append_many(tx, [one, one])
    async with database.transaction(tenant) as tx:
        assert await tx.fetch_value("select count(*) from audit.persons") == 1
        assert await tx.fetch_value("select count(distinct actor) from audit.mentions") == 1
        assert await tx.fetch_value("select count(*) from audit.mentions") == 12


async def test_a_person_of_two_tenants_is_two_persons(database: Database, journal: Journal) -> None:
    shared = entry()
    rows = []
    for tenant in (uuid4(), uuid4()):
        async with database.transaction(tenant) as tx:
            await journal.append(tx, shared)
        async with database.transaction(tenant) as tx:
            rows += await tx.fetch("select id, lookup from audit.persons")
    assert (
        len(rows) == len({row["id"] for row in rows}) == len({row["lookup"] for row in rows}) == 2
    )


async def test_who_it_is_stands_in_no_table(
    database: Database, journal: Journal, database_urls: DatabaseUrls
) -> None:
    actor, subject, address, note = str(uuid4()), str(uuid4()), "203.0.113.77", "said in words"
    async with database.transaction(uuid4()) as tx:
        await journal.append(
            tx,
            Entry(actor_ref=actor, verb="a.b", subject_ref=f"user:{subject}", outcome="done",
                  address=address, note=note),
        )  # fmt: skip
    owner = await asyncpg.connect(database_urls.owner)
    try:
        for table in ("entries", "pending", "persons", "mentions"):
            rows = await owner.fetch(f"select t.* from audit.{table} t")
            whole = " ".join(str(dict(row)) for row in rows)
            for personal in (actor, subject, address, note):
                assert personal not in whole
                assert personal.encode().hex() not in whole
    finally:
        await owner.close()

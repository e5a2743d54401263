"""The audit log in a real database: appended with the change, kept for ever, seen by its tenant."""

from uuid import UUID, uuid4

import asyncpg
import pytest
from plugins.database import DatabaseUrls

from lotabots.audit import ANONYMOUS, Entry, append
from lotabots.audit.log import write_refusals
from lotabots.audit.store import Filter, Row, newest
from lotabots.kernel import OPERATOR_TENANT, LotaError
from lotabots.runtime.database import Database
from lotabots.runtime.process import Process
from lotabots.tlog import leaf_hash

pytestmark = pytest.mark.anyio


def entry(subject: str = "node:n1", verb: str = "node.register", outcome: str = "done") -> Entry:
    return Entry(actor_ref=str(uuid4()), verb=verb, subject_ref=subject, outcome=outcome)


async def entries(database: Database, tenant: UUID | None) -> list[Row]:
    async with database.transaction(tenant) as tx:
        return await newest(tx, Filter(), 100)


async def test_an_entry_is_stored_with_the_leaf_hash_of_its_bytes(database: Database) -> None:
    tenant = uuid4()
    async with database.transaction(tenant) as tx:
        await append(tx, entry())
    [row] = await entries(database, tenant)
    assert row.leaf == leaf_hash(row.body)


async def test_an_entry_goes_the_way_of_its_transaction(database: Database) -> None:
    tenant = uuid4()

    async def fail_after_appending() -> None:
        async with database.transaction(tenant) as tx:
            await append(tx, entry())
            raise KeyError

    with pytest.raises(KeyError):
        await fail_after_appending()
    assert await entries(database, tenant) == []


async def test_no_other_tenant_and_nobody_without_a_tenant_sees_an_entry(
    database: Database,
) -> None:
    async with database.transaction(uuid4()) as tx:
        await append(tx, entry())
    assert await entries(database, uuid4()) == []
    assert await entries(database, None) == []


async def test_an_entry_needs_a_tenant(database: Database) -> None:
    with pytest.raises(LotaError) as caught:
        async with database.transaction(None) as tx:
            await append(tx, entry())
    assert caught.value.code == "AUDIT_ENTRY_INVALID"


async def test_an_entry_cannot_be_written_into_another_tenants_log(database: Database) -> None:
    with pytest.raises(LotaError) as caught:
        async with database.transaction(uuid4()) as tx:
            await tx.execute(
                "insert into audit.entries"
                " (id, tenant_id, at, actor_ref, verb, subject_ref, outcome, body, leaf)"
                " values ($1, $2, now(), 'system', 'a', 'b', 'c', $3, $4)",
                uuid4(), uuid4(), b"{}", leaf_hash(b"{}"),
            )  # fmt: skip
    assert caught.value.code == "DATABASE_FAILED"


async def test_a_leaf_that_is_not_that_of_the_bytes_is_refused(database: Database) -> None:
    with pytest.raises(LotaError) as caught:
        async with database.transaction(uuid4()) as tx:
            await tx.execute(
                "insert into audit.entries"
                " (id, at, actor_ref, verb, subject_ref, outcome, body, leaf)"
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


async def test_refusals_become_one_entry_each_with_their_count(process: Process) -> None:
    for _ in range(5):
        process.telemetry.refusals.stranger("192.0.2.7", "LOGIN_FAILED")
    await write_refusals(process)
    async with process.database.transaction(OPERATOR_TENANT) as tx:
        [row] = await newest(tx, Filter(outcome="LOGIN_FAILED"), 10)
    assert b'"count":5' in row.body
    assert f'"actor":"{ANONYMOUS}"'.encode() in row.body
    assert b"192.0.2" not in row.body
    assert process.telemetry.refusals.take() == {}


async def test_refusals_that_could_not_be_written_are_written_later(process: Process) -> None:
    process.telemetry.refusals.stranger("192.0.2.7", "TOKEN_EXPIRED")
    await process.database.close()
    with pytest.raises(LotaError):
        await write_refusals(process)
    assert sum(process.telemetry.refusals.take().values()) == 1

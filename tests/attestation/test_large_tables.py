"""What is read of tables that grow is found by an index, also where others may see more of them."""

from uuid import UUID, uuid4

import asyncpg
import pytest
from plugins.database import DatabaseUrls

from lotabots.attestation import event_store
from lotabots.attestation.notices import Notice, Told, tell_all
from lotabots.attestation.webhooks import store
from lotabots.runtime.clock import utc_now
from lotabots.runtime.database import Database, Transaction

pytestmark = pytest.mark.anyio
TENANT, WEBHOOK = uuid4(), uuid4()


async def filled(urls: DatabaseUrls) -> Database:
    """Thousands of events and deliveries of two tenants."""
    database = await Database.open(urls.app, connections=1)
    for tenant in (TENANT, uuid4()):
        async with database.transaction(tenant) as tx:
            webhook = WEBHOOK if tenant == TENANT else uuid4()
            await store.add(tx, webhook, "https://a.example/", (), b"s", uuid4(), utc_now())
            told = [Told(Notice.NODE_STALE, None, {"number": one}) for one in range(5000)]
            await tell_all(tx, told, utc_now())
    owner = await asyncpg.connect(urls.owner)
    await owner.execute("analyze attestation.events")
    await owner.execute("analyze attestation.deliveries")
    await owner.close()
    return database


async def plan(tx: Transaction, sql: str, *arguments: object) -> str:
    return "\n".join(str(row["QUERY PLAN"]) for row in await tx.fetch(f"explain {sql}", *arguments))


async def test_events_and_deliveries_are_found_by_their_indexes(
    fresh_database_urls: DatabaseUrls,
) -> None:
    database = await filled(fresh_database_urls)
    now = utc_now()
    everything: tuple[UUID, list[str], None] = (TENANT, [], None)
    try:
        async with database.transaction(TENANT) as tx:
            page = await event_store.newest(tx, 100)
            assert len(page.rows) == 100
            middle = page.rows[0].position
            asked = (*everything, middle.xact, middle.number, 500)
            assert "events_in_order" in await plan(tx, event_store._AFTER, *asked)
            assert "events_in_order" in await plan(tx, event_store._NEWEST, *everything, 50)
            listed = await plan(tx, store._LISTED, TENANT, WEBHOOK, None, None, 50)
            assert "deliveries_newest" in listed
        async with database.transaction(None, login="deliver:") as tx:
            due = await plan(tx, store._DUE, now, 8)
            assert "Seq Scan on deliveries" not in due
            assert "deliveries_queued" in due
    finally:
        await database.close()

"""A verification is worked on by one process at a time, and outlives each of them."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from lotabots.attestation.models import store, work
from lotabots.attestation.models.store import ModelRow
from lotabots.attestation.models.work import CLAIM, MAX_ATTEMPTS, Claimed, Ending
from lotabots.runtime.clock import utc_now
from lotabots.runtime.database import Database

pytestmark = pytest.mark.anyio

SECOND = timedelta(seconds=1)
ENDING = Ending(
    policy_id="urn:lotabots:model-policy:x@sha256:" + "0" * 64,
    outcome="accepted",
    verdict_digest="0" * 64,
    verdict=b"{}",
    tensors=None,
    report=None,
    bom=None,
)


async def asked(database: Database, tenant: UUID) -> str:
    """A model of a tenant of its own, whose verification waits."""
    digest = uuid4().hex * 2
    now = utc_now()
    row = ModelRow(
        id=uuid4(),
        digest=digest,
        name="acme/model",
        version="1",
        version_order=(1,),
        files=b"[]",
        bundle=None,
        strong_bundle=None,
        registered_by=uuid4(),
        registered_at=now,
    )
    async with database.transaction(tenant) as tx:
        assert await store.insert(tx, row)
        _, new = await work.ask(tx, digest, uuid4(), now)
        assert new
    return digest


async def claimed(
    database: Database, digest: str, after: timedelta = timedelta()
) -> Claimed | None:
    """What a process gets that looks for work so much later; others' work is left to them."""
    found = await work.claim(database, utc_now() + after)
    while found is not None and found.digest != digest:
        found = await work.claim(database, utc_now() + after)
    return found


async def test_what_one_process_has_no_other_gets(database: Database) -> None:
    digest = await asked(database, uuid4())
    assert await claimed(database, digest) is not None
    assert await claimed(database, digest) is None


async def test_what_runs_already_is_joined(database: Database) -> None:
    tenant = uuid4()
    digest = await asked(database, tenant)
    async with database.transaction(tenant) as tx:
        first = await work.of_model(tx, digest)
        again, new = await work.ask(tx, digest, uuid4(), utc_now())
    assert (again, new) == (first, False)


async def test_the_work_of_a_process_that_fell_silent_is_another_s(database: Database) -> None:
    tenant = uuid4()
    digest = await asked(database, tenant)
    dead = await claimed(database, digest)
    heir = await claimed(database, digest, CLAIM + SECOND)
    assert dead is not None
    assert heir is not None
    assert (heir.id, heir.attempts) == (dead.id, 2)
    async with database.transaction(tenant) as tx:
        assert not await work.extend(tx, dead, 1, 2, utc_now())
        assert not await work.end(tx, dead, ENDING, utc_now())
        assert await work.end(tx, heir, ENDING, utc_now())
        ended = await work.of_model(tx, digest)
    assert ended is not None
    assert (ended.state, ended.outcome) == ("done", "accepted")


async def test_a_claim_that_is_extended_stays(database: Database) -> None:
    tenant = uuid4()
    digest = await asked(database, tenant)
    mine = await claimed(database, digest)
    assert mine is not None
    async with database.transaction(tenant) as tx:
        assert await work.extend(tx, mine, 10, 20, utc_now() + CLAIM)
        shown = await work.of_model(tx, digest)
    assert await claimed(database, digest, CLAIM + SECOND) is None
    assert shown is not None
    assert (shown.done_bytes, shown.total_bytes) == (10, 20)


async def test_a_claim_that_is_given_back_is_free_at_once(database: Database) -> None:
    tenant = uuid4()
    digest = await asked(database, tenant)
    mine = await claimed(database, digest)
    assert mine is not None
    async with database.transaction(tenant) as tx:
        await work.release(tx, mine)
    assert await claimed(database, digest) is not None


async def test_work_that_processes_die_of_is_given_up_and_may_be_asked_for_anew(
    database: Database,
) -> None:
    tenant = uuid4()
    digest = await asked(database, tenant)
    last = None
    for attempt in range(1, MAX_ATTEMPTS + 2):
        last = await claimed(database, digest, attempt * (CLAIM + SECOND))
    assert last is not None
    assert last.attempts == MAX_ATTEMPTS + 1
    async with database.transaction(tenant) as tx:
        assert await work.give_up(tx, last, "VERIFICATION_ABANDONED", utc_now())
        _, new = await work.ask(tx, digest, uuid4(), utc_now())
    assert new


async def test_no_tenant_sees_the_work_of_another(database: Database) -> None:
    digest = await asked(database, uuid4())
    async with database.transaction(uuid4()) as tx:
        assert await work.of_model(tx, digest) is None

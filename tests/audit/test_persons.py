"""Secrets of persons: one for each, made by whoever comes first, gone for every process at once."""

import asyncio
import hashlib
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from plugins.database import DatabaseUrls
from plugins.process import MASTER_KEY

from lotabots.audit import Entry, Journal, persons
from lotabots.audit.persons import Persons
from lotabots.audit.reading import Asked, LoggedEntry, page
from lotabots.audit.types import Appended, Person
from lotabots.kernel import LotaError, Principal, Role
from lotabots.runtime.clock import utc_now
from lotabots.runtime.database import Database, Transaction
from lotabots.runtime.keyring import Keyring
from lotabots.runtime.process import Process

pytestmark = pytest.mark.anyio

PATIENCE = 20


def user(id_: UUID | str | None = None) -> Person:
    return Person("user", str(id_ or uuid4()))


def by(person: Person, verb: str = "a.b") -> Entry:
    return Entry(actor_ref=person.value, verb=verb, subject_ref="node:n1", outcome="done",
                 note="what was said")  # fmt: skip


async def append(
    process: Process, journal: Journal, tenant: UUID, *entries: Entry
) -> list[Appended]:
    async with process.database.transaction(tenant) as tx:
        return await journal.append_many(tx, entries)


async def shown(process: Process, tenant: UUID, **asked: str) -> list[LoggedEntry]:
    """What the tenant may read, newest first, in a process that remembers nothing."""
    async with process.database.transaction(tenant) as tx:
        found = await page(tx, Persons(process.keyring), tenant, Asked(**asked), 200)
    return found.entries


def admin(tenant: UUID) -> Principal:
    return Principal(
        user_id=uuid4(), tenant_id=tenant, role=Role.ADMIN, token_id="t",
        expires_at=utc_now() + timedelta(hours=1),
    )  # fmt: skip


async def erase(process: Process, tenant: UUID, person: Person) -> Appended:
    async with process.database.transaction(tenant) as tx:
        return await Journal(process.keyring).erase(tx, admin(tenant), person, "asked to", None)


async def count(process: Process, tenant: UUID, sql: str) -> object:
    async with process.database.transaction(tenant) as tx:
        return await tx.fetch_value(sql)


async def test_a_process_that_remembers_an_erased_person_starts_anew_with_another_secret(
    process: Process, journal: Journal
) -> None:
    tenant, person = uuid4(), user()
    for _ in range(3):
        await append(process, journal, tenant, by(person))
    assert journal.persons._remembered
    row = await count(process, tenant, "select id from audit.persons")
    await erase(process, tenant, person)
    await append(process, journal, tenant, by(person, "c.d"))
    await append(process, journal, tenant, by(person, "c.d"))
    entries = await shown(process, tenant)
    assert [(one.entry.verb, "actor" in one.disclosed) for one in entries] == [
        ("c.d", True), ("c.d", True), ("person.erase", True), *[("a.b", False)] * 3,
    ]  # fmt: skip
    assert len(await shown(process, tenant, actor=person.value)) == 2
    known = await count(process, tenant, "select array_agg(id) from audit.persons")
    assert row not in known  # type: ignore[operator]


async def test_the_new_secret_opens_nothing_of_the_old_entries(
    process: Process, journal: Journal
) -> None:
    tenant, person = uuid4(), user()
    [old] = await append(process, journal, tenant, by(person))
    await erase(process, tenant, person)
    await append(process, journal, tenant, by(person))
    async with process.database.transaction(tenant) as tx:
        known = await Persons(process.keyring).find(tx, tenant, person)
    assert known is not None
    assert known.secret.commitment(old.id, "actor", person.value) != json.loads(old.body)["actor"]


async def test_an_erasure_waits_for_an_append_that_has_begun_and_takes_it_too(
    process: Process, journal: Journal
) -> None:
    tenant, person = uuid4(), user()
    await append(process, journal, tenant, by(person))
    async with asyncio.timeout(PATIENCE):
        async with process.database.transaction(tenant) as tx:
            await journal.append(tx, by(person))
            erasing = asyncio.create_task(erase(process, tenant, person))
            await blocked(process, tenant)
            assert not erasing.done()
        await erasing
    assert [set(one.disclosed) for one in await shown(process, tenant, verb="a.b")] == [set()] * 2
    [said] = await shown(process, tenant, verb="person.erase")
    assert said.entry.count == 2


@pytest.mark.parametrize("kept", [False, True])
async def test_an_append_waits_for_an_erasure_that_has_begun(
    process: Process, journal: Journal, kept: bool
) -> None:
    tenant, person = uuid4(), user()
    for _ in range(2):
        await append(process, journal, tenant, by(person))
    appending: list[asyncio.Task[list[Appended]]] = []

    async def erase_meanwhile() -> None:
        async with process.database.transaction(tenant) as tx:
            await Journal(process.keyring).erase(tx, admin(tenant), person, "asked to", None)
            appending.append(
                asyncio.create_task(append(process, journal, tenant, by(person, "c.d")))
            )
            await blocked(process, tenant)
            assert not appending[0].done()
            if kept:
                raise KeyError

    async with asyncio.timeout(PATIENCE):
        if kept:
            with pytest.raises(KeyError):
                await erase_meanwhile()
        else:
            await erase_meanwhile()
        await appending[0]
    old = {"actor", "note"} if kept else set()
    assert [set(one.disclosed) for one in await shown(process, tenant, verb="a.b")] == [old, old]
    [new] = await shown(process, tenant, verb="c.d")
    assert set(new.disclosed) == {"actor", "note"}


async def blocked(process: Process, tenant: UUID) -> None:
    """Returns when some transaction of this database waits for another."""
    sql = (
        "select exists (select from pg_stat_activity"
        " where datname = current_database() and wait_event_type = 'Lock')"
    )
    while not await count(process, tenant, sql):  # noqa: ASYNC110 - another process says it
        await asyncio.sleep(0.005)


async def test_appends_and_erasures_at_once_leave_no_error_and_no_trace(process: Process) -> None:
    tenant, person = uuid4(), user()
    journals = [Journal(process.keyring) for _ in range(3)]
    refused = []

    async def keep_appending(journal: Journal) -> None:
        for _ in range(15):
            try:
                await append(process, journal, tenant, by(person), by(person))
            except LotaError as error:
                refused.append(error.code)

    async def keep_erasing() -> None:
        for _ in range(10):
            try:
                await erase(process, tenant, person)
            except LotaError as error:
                assert error.code == "PERSON_UNKNOWN"  # noqa: PT017 - not there at the moment
            await asyncio.sleep(0.002)

    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*map(keep_appending, journals), keep_erasing())
    assert set(refused) <= {"DATABASE_CONTENDED"}
    assert len(refused) < 5
    await append(process, journals[0], tenant, by(person))
    await erase(process, tenant, person)
    entries = await shown(process, tenant, verb="a.b")
    assert len(entries) >= 30
    assert all(one.disclosed == {} for one in entries)


async def test_of_two_erasures_at_once_one_has_done_it(process: Process, journal: Journal) -> None:
    tenant, person = uuid4(), user()
    await append(process, journal, tenant, by(person))
    done = await asyncio.gather(
        *(erase(process, tenant, person) for _ in range(4)), return_exceptions=True
    )
    codes = [one.code for one in done if isinstance(one, LotaError)]
    assert codes == ["PERSON_UNKNOWN"] * 3
    assert len(await shown(process, tenant, verb="person.erase")) == 1


async def test_a_person_who_is_erased_in_the_moment_of_being_made_is_made_again(
    process: Process, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant, person = uuid4(), user()
    make, times = Persons._make, 0

    async def meet_another(self: Persons, tx: Transaction, made: dict[bytes, Person]) -> None:
        nonlocal times
        times += 1
        if self is not journal.persons or times > 1:
            await make(self, tx, made)
            return
        # Another process makes the same person first, and it is erased before we read it.
        await append(process, Journal(process.keyring), tenant, by(person))
        await make(self, tx, made)
        await erase(process, tenant, person)

    monkeypatch.setattr(Persons, "_make", meet_another)
    await append(process, journal, tenant, by(person, "c.d"))
    [one] = await shown(process, tenant, verb="c.d")
    assert one.disclosed["actor"].text == person.value


async def test_processes_that_meet_the_same_persons_in_any_order_do_not_wait_crosswise(
    process: Process,
) -> None:
    journals = [Journal(process.keyring) for _ in range(4)]
    async with asyncio.timeout(PATIENCE):
        for _ in range(10):
            tenant, people = uuid4(), [user() for _ in range(6)]
            orders = [people, people[::-1], people[3:] + people[:3], people[::2] + people[1::2]]
            await asyncio.gather(
                *(
                    append(process, journal, tenant, *map(by, order))
                    for journal, order in zip(journals, orders, strict=True)
                )
            )
            assert await count(process, tenant, "select count(*) from audit.persons") == 6
            assert await count(process, tenant, "select count(*) from audit.mentions") == 24


MAKE = """
import asyncio, sys
from uuid import UUID
from lotabots.audit.persons import Persons
from lotabots.audit.types import Person
from lotabots.runtime.database import Database
from lotabots.runtime.keyring import Keyring

async def main(url, key):
    database = await Database.open(url)
    known = Persons(Keyring(database, bytes.fromhex(key))).known
    print("ready", flush=True)
    for line in sys.stdin:
        tenant = UUID(int=int(line))
        people = [Person("user", str(UUID(int=number))) for number in range(1, 1001)]
        async with database.transaction(tenant) as tx:
            print(len(await known(tx, tenant, people)), flush=True)
    await database.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_processes_that_make_the_same_persons_do_so_in_one_order(
    database_urls: DatabaseUrls,
) -> None:
    # Processes of their own: the order of a set is one thing that they do not share.
    command = [sys.executable, "-c", MAKE, database_urls.app, MASTER_KEY.hex()]
    both = [
        await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, env=os.environ | {"PYTHONHASHSEED": str(seed)}
        )
        for seed in (1, 2)
    ]
    try:
        async with asyncio.timeout(60):
            assert [await line(each) for each in both] == ["ready", "ready"]
            for _ in range(5):
                tenant = uuid4().int
                for each in both:
                    assert each.stdin is not None
                    each.stdin.write(b"%d\n" % tenant)
                assert [await line(each) for each in both] == ["1000", "1000"]
    finally:
        for each in both:
            each.kill()
            await each.wait()


async def line(child: asyncio.subprocess.Process) -> str:
    assert child.stdout is not None
    return (await child.stdout.readline()).decode().strip()


async def test_a_process_that_erases_keeps_no_secret_in_its_memory(
    process: Process, journal: Journal
) -> None:
    tenant, person, other = uuid4(), user(), user()
    for _ in range(2):
        await append(process, journal, tenant, by(person), by(other))
    assert len(journal.persons._remembered) == 2
    async with process.database.transaction(tenant) as tx:
        await journal.erase(tx, admin(tenant), person, "asked to", None)
    assert len(journal.persons._remembered) == 1


async def test_what_was_rolled_back_is_not_believed(process: Process, journal: Journal) -> None:
    tenant, person = uuid4(), user()

    async def twice_and_fail() -> None:
        async with process.database.transaction(tenant) as tx:
            await journal.append(tx, by(person))
            await journal.append(tx, by(person))
            raise KeyError

    with pytest.raises(KeyError):
        await twice_and_fail()
    assert await count(process, tenant, "select count(*) from audit.persons") == 0
    await append(process, journal, tenant, by(person))
    [one] = await shown(process, tenant)
    assert one.disclosed["actor"].text == person.value


async def test_secrets_are_remembered_for_a_while_and_not_without_end(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, read = 100.0, []
    real = Persons._read

    async def counted(self: Persons, tx: Transaction, lookups: Iterable[bytes]) -> object:
        read.append(len(list(lookups)))
        return await real(self, tx, lookups)  # type: ignore[arg-type]

    monkeypatch.setattr(persons, "monotonic", lambda: now)
    monkeypatch.setattr(persons, "REMEMBERED", 3)
    monkeypatch.setattr(Persons, "_read", counted)
    tenant, people, journal = uuid4(), [user() for _ in range(5)], Journal(process.keyring)
    await append(process, Journal(process.keyring), tenant, *map(by, people))
    for person in people:
        await append(process, journal, tenant, by(person))
    read.clear()
    for person in people[2:]:
        await append(process, journal, tenant, by(person))
    assert read == []
    assert len(journal.persons._remembered) == 3
    now += persons.MEMORY_SECONDS + 1
    await append(process, journal, tenant, by(people[4]))
    assert read == [1]


async def test_another_master_key_neither_finds_nor_opens_a_person(
    process: Process, journal: Journal, database: Database
) -> None:
    tenant, person = uuid4(), user()
    await append(process, journal, tenant, by(person))
    stranger = Persons(Keyring(database, bytes(32)))
    async with database.transaction(tenant) as tx:
        assert await stranger.find(tx, tenant, person) is None
        with pytest.raises(LotaError, match="AUDIT_SEAL_BROKEN"):
            await page(tx, stranger, tenant, Asked(), 10)
    ours = Persons(Keyring(database, MASTER_KEY))
    async with database.transaction(tenant) as tx:
        assert (await page(tx, ours, tenant, Asked(), 10)).entries[0].disclosed


async def test_a_secret_that_was_moved_to_another_row_opens_nothing(
    process: Process, journal: Journal
) -> None:
    tenant, people = uuid4(), [user(), user()]
    await append(process, journal, tenant, *map(by, people))
    async with process.database.transaction(tenant) as tx:
        await tx.execute(
            "update audit.persons p set secret = o.secret from audit.persons o where o.id <> p.id"
        )
    for person in people:
        async with process.database.transaction(tenant) as tx:
            with pytest.raises(LotaError, match="AUDIT_SEAL_BROKEN"):
                await Persons(process.keyring).find(tx, tenant, person)


async def test_a_text_that_was_moved_to_another_entry_opens_nothing(
    process: Process, journal: Journal
) -> None:
    tenant, person = uuid4(), user()
    await append(process, journal, tenant, by(person), by(person))
    async with process.database.transaction(tenant) as tx:
        await tx.execute(
            "update audit.mentions m set texts = o.texts from audit.mentions o"
            " where o.entry_id <> m.entry_id"
        )
    with pytest.raises(LotaError, match="AUDIT_SEAL_BROKEN"):
        await shown(process, tenant)


async def test_no_other_tenant_sees_a_person_or_who_is_mentioned(
    process: Process, journal: Journal
) -> None:
    tenant, other, person = uuid4(), uuid4(), user()
    await append(process, journal, tenant, by(person))
    for stranger in (other, None):
        async with process.database.transaction(stranger) as tx:
            assert await tx.fetch_value("select count(*) from audit.persons") == 0
            assert await tx.fetch_value("select count(*) from audit.mentions") == 0
    async with process.database.transaction(other) as tx:
        assert await Persons(process.keyring).find(tx, tenant, person) is None
    with pytest.raises(LotaError, match="PERSON_UNKNOWN"):
        await erase(process, other, person)
    assert (await shown(process, tenant))[0].disclosed


async def test_a_lookup_is_no_digest_that_could_be_guessed(
    process: Process, journal: Journal
) -> None:
    tenant, person = uuid4(), user()
    await append(process, journal, tenant, by(person))
    lookup = await count(process, tenant, "select lookup from audit.persons")
    for guess in (person.value, person.ref, f"{tenant}{person.ref}"):
        for digest in (hashlib.sha256, hashlib.sha512):
            assert digest(guess.encode()).digest()[:32] != lookup
    raw = hashlib.sha512(tenant.bytes + person.ref.encode()).digest()[:32]
    assert raw != lookup

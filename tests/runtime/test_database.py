"""Transactions, tenants and the driver's errors, on a real PostgreSQL."""
# ruff: noqa: PT012 - what raises is the block that a transaction closes

import asyncio
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest
from plugins.database import DatabaseUrls

from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database import Database

pytestmark = pytest.mark.anyio


class Thing(msgspec.Struct, frozen=True):
    id: UUID
    name: str
    notes: dict[str, int]


@pytest.fixture(scope="module")
def things(database_urls: DatabaseUrls) -> None:
    """A table made by the idiom that 0000_runtime.sql asks for."""

    async def make() -> None:
        connection = await asyncpg.connect(database_urls.owner)
        await connection.execute("""
            CREATE SCHEMA shop;
            GRANT USAGE ON SCHEMA shop TO lotabots_app;
            CREATE TABLE shop.things (
                id uuid PRIMARY KEY,
                tenant_id uuid NOT NULL
                    DEFAULT NULLIF(current_setting('lotabots.tenant', true), '')::uuid,
                name text NOT NULL CONSTRAINT name_is_short CHECK (length(name) < 20),
                count integer NOT NULL DEFAULT 1,
                notes jsonb NOT NULL DEFAULT '{}',
                parent uuid REFERENCES shop.things,
                CONSTRAINT name_is_new UNIQUE (tenant_id, name) DEFERRABLE
            );
            ALTER TABLE shop.things ENABLE ROW LEVEL SECURITY;
            ALTER TABLE shop.things FORCE ROW LEVEL SECURITY;
            CREATE POLICY tenant ON shop.things
                USING (tenant_id = NULLIF(current_setting('lotabots.tenant', true), '')::uuid);
            CREATE POLICY login ON shop.things FOR SELECT
                USING (name = NULLIF(current_setting('lotabots.login', true), ''));
            GRANT SELECT, INSERT, UPDATE, DELETE ON shop.things TO lotabots_app;
        """)
        await connection.close()

    asyncio.run(make())


async def add(database: Database, tenant: UUID | None, name: str) -> UUID:
    key = uuid4()
    async with database.transaction(tenant) as tx:
        await tx.execute("insert into shop.things (id, name) values ($1, $2)", key, name)
    return key


async def names(database: Database, tenant: UUID | None) -> list[object]:
    async with database.transaction(tenant) as tx:
        return [row["name"] for row in await tx.fetch("select name from shop.things order by 1")]


async def code_of(database: Database, sql: str, *args: object) -> tuple[str, Kind]:
    with pytest.raises(LotaError) as caught:
        async with database.transaction(uuid4()) as tx:
            await tx.execute(sql, *args)
    return caught.value.code, caught.value.kind


async def test_a_tenant_sees_its_own_rows_and_with_no_tenant_there_are_none(
    database: Database, things: None
) -> None:
    ours, theirs = uuid4(), uuid4()
    await add(database, ours, "mine")
    await add(database, theirs, "yours")
    assert await names(database, ours) == ["mine"]
    assert await names(database, theirs) == ["yours"]
    assert await names(database, None) == []


async def test_the_tenant_of_one_request_never_reaches_the_next_on_the_same_connection(
    database_urls: DatabaseUrls, things: None
) -> None:
    database = await Database.open(database_urls.app, connections=1)
    tenant = uuid4()
    await add(database, tenant, "mine")
    async with database.transaction(None) as tx:
        assert await tx.fetch_value("select current_setting('lotabots.tenant', true)") == ""
        assert await tx.fetch("select 1 from shop.things") == []
    await database.close()


async def test_a_row_for_another_tenant_or_for_none_cannot_be_written(
    database: Database, things: None
) -> None:
    sql = "insert into shop.things (id, tenant_id, name) values ($1, $2, 'x')"
    assert await code_of(database, sql, uuid4(), uuid4()) == ("DATABASE_FAILED", Kind.INTERNAL)
    with pytest.raises(LotaError, match=r"DATABASE_(FAILED|VALUE_REFUSED)"):
        await add(database, None, "of nobody")


async def test_a_claimed_login_shows_that_one_row_before_the_tenant_is_known(
    database: Database, things: None
) -> None:
    await add(database, uuid4(), "alice")
    await add(database, uuid4(), "bob")
    async with database.transaction(None, login="alice") as tx:
        assert await tx.fetch("select name from shop.things") == [{"name": "alice"}]
    assert await names(database, None) == []


async def test_the_serving_role_owns_nothing_and_is_bound_by_row_level_security(
    database: Database,
) -> None:
    async with database.transaction(None) as tx:
        role = await tx.fetch_one(
            "select rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication,"
            " exists (select 1 from pg_class where relowner = pg_roles.oid) as owns"
            " from pg_roles where rolname = current_user"
        )
        assert role is not None
        assert not any(role.values())


async def test_a_role_that_security_does_not_bind_is_refused_at_opening(
    database_urls: DatabaseUrls,
) -> None:
    with pytest.raises(LotaError, match="DATABASE_ROLE_UNBOUND"):
        await Database.open(database_urls.owner)


async def test_what_raises_is_rolled_back_and_the_callers_error_is_what_comes_out(
    database: Database, things: None
) -> None:
    tenant = uuid4()
    with pytest.raises(ZeroDivisionError):
        async with database.transaction(tenant) as tx:
            await tx.execute("insert into shop.things (id, name) values ($1, 'x')", uuid4())
            raise ZeroDivisionError
    assert await names(database, tenant) == []


async def test_a_constraint_that_fails_at_commit_is_a_coded_error_and_stores_nothing(
    database: Database, things: None
) -> None:
    tenant = uuid4()
    await add(database, tenant, "taken")
    with pytest.raises(LotaError, match="DATABASE_CONFLICT"):
        async with database.transaction(tenant) as tx:
            await tx.execute("set constraints all deferred")
            await tx.execute("insert into shop.things (id, name) values ($1, 'taken')", uuid4())
    assert await names(database, tenant) == ["taken"]


async def test_rows_become_checked_values_and_json_comes_back_as_it_went_in(
    database: Database, things: None
) -> None:
    key = uuid4()
    async with database.transaction(uuid4()) as tx:
        sql = "insert into shop.things (id, name, notes) values ($1, $2, $3)"
        assert await tx.execute(sql, key, "a", {"b": 1}) == 1
        many = [(uuid4(), f"n{number}", {}) for number in range(3)]
        await tx.execute_many(sql, many)
        sql = "select id, name, notes from shop.things where id = $1"
        assert await tx.fetch_one(sql, key, into=Thing) == Thing(key, "a", {"b": 1})
        assert len(await tx.fetch("select id, name, notes from shop.things", into=Thing)) == 4
        assert await tx.fetch_value("select count(*) from shop.things", into=int) == 4
        assert await tx.fetch_value("select 1 where false", into=int) is None
        assert await tx.fetch_one("select 1 where false") is None
        assert await tx.execute("update shop.things set count = 2") == 4
        with pytest.raises(LotaError, match="DATABASE_FAILED"):
            await tx.fetch("select 1 as id, 'x' as name, '{}'::jsonb as notes", into=Thing)


@pytest.mark.parametrize(
    ("values", "want"),
    [
        (("'x'", "'{}'", "gen_random_uuid()"), ("DATABASE_REFERENCE_BROKEN", Kind.CONFLICT)),
        (("repeat('x', 30)", "'{}'", "null"), ("DATABASE_VALUE_REFUSED", Kind.VALIDATION)),
        (("null", "'{}'", "null"), ("DATABASE_VALUE_REFUSED", Kind.VALIDATION)),
        (("'x', 99999999999", "'{}'", "null"), ("DATABASE_FAILED", Kind.INTERNAL)),
    ],
)
async def test_integrity_is_named_before_the_general_failure(
    database: Database, things: None, values: tuple[str, ...], want: tuple[str, Kind]
) -> None:
    sql = f"insert into shop.things (id, name, notes, parent) values ($1, {', '.join(values)})"
    assert await code_of(database, sql, uuid4()) == want


async def test_a_conflict_names_its_constraint_and_quotes_no_value(
    database: Database, things: None
) -> None:
    tenant = uuid4()
    await add(database, tenant, "secret name")
    with pytest.raises(LotaError) as caught:
        await add(database, tenant, "secret name")
    assert caught.value.details == {"constraint": "name_is_new", "table": "things"}
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("sql", "value", "code"),
    [
        ("select $1::text", "nul \0 in text", "DATABASE_TEXT_REFUSED"),
        ("select $1::jsonb", {"nul": "\0"}, "DATABASE_TEXT_REFUSED"),
        ("select $1::text", "half a pair \ud800", "DATABASE_VALUE_REFUSED"),
        ("select $1::jsonb", {"half": "\ud800"}, "DATABASE_VALUE_REFUSED"),
        ("select $1::jsonb", object(), "DATABASE_VALUE_REFUSED"),
        ("select $1::int", 2**40, "DATABASE_VALUE_REFUSED"),
        ("select $1::int", "five", "DATABASE_VALUE_REFUSED"),
        ("select 1 / $1::int", 0, "DATABASE_VALUE_REFUSED"),
    ],
)
async def test_a_value_that_cannot_be_stored_is_the_callers_fault(
    database: Database, sql: str, value: object, code: str
) -> None:
    assert await code_of(database, sql, value) == (code, Kind.VALIDATION)


async def test_a_lost_connection_is_unavailable_and_the_next_use_works(database: Database) -> None:
    sql = "select pg_terminate_backend(pg_backend_pid())"
    assert await code_of(database, sql) == ("DATABASE_UNAVAILABLE", Kind.UNAVAILABLE)
    await database.check()


async def test_a_statement_that_takes_too_long_is_ended(database: Database) -> None:
    with pytest.raises(LotaError, match="DATABASE_TIMEOUT"):
        async with database.transaction(None) as tx:
            await tx.execute("set local statement_timeout = '20ms'")
            await tx.execute("select pg_sleep(5)")


async def test_a_server_that_is_not_there_and_a_closed_pool_are_unavailable(
    database_urls: DatabaseUrls,
) -> None:
    with pytest.raises(LotaError, match="DATABASE_UNAVAILABLE"):
        await Database.open("postgresql://lotabots_app@/lotabots?host=/nowhere")
    database = await Database.open(database_urls.app)
    await database.close()
    with pytest.raises(LotaError, match="DATABASE_UNAVAILABLE"):
        await database.check()


@pytest.mark.parametrize("url", ["", "no url", "http://host/", "postgresql://u:pa ss@h:port/d"])
async def test_an_unreadable_url_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(LotaError, match="DATABASE_URL_INVALID") as caught:
        await Database.open(url)
    assert "pa ss" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong", [("lotabots_app@", "nobody_here@"), ("?host=", "_missing?host=")], ids=["role", "name"]
)
async def test_who_is_not_let_in_reads_that_and_not_that_it_is_our_fault(
    database_urls: DatabaseUrls, wrong: tuple[str, str]
) -> None:
    with pytest.raises(LotaError, match="DATABASE_LOGIN_REFUSED"):
        await Database.open(database_urls.app.replace(*wrong))


async def test_a_lock_is_held_by_one_transaction_at_a_time(database: Database) -> None:
    async with database.transaction(None) as first:
        await first.lock("one")
        with pytest.raises(LotaError, match="DATABASE_CONTENDED"):
            async with database.transaction(None) as second:
                await second.execute("set local lock_timeout = '20ms'")
                await second.lock("one")
        async with database.transaction(None) as third:
            await third.lock("another")


async def test_those_who_wait_for_a_connection_get_it_in_their_order(
    database_urls: DatabaseUrls,
) -> None:
    database = await Database.open(database_urls.app, connections=1)
    given: list[int] = []

    async def use(number: int) -> None:
        async with database.transaction(None):
            given.append(number)

    try:
        async with asyncio.TaskGroup() as group:
            # Somebody comes in every turn of the loop, also in the one that frees the connection.
            for number in range(600):
                group.create_task(use(number))
                await asyncio.sleep(0)
    finally:
        await database.close()
    assert given == sorted(given)

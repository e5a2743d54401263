"""Numbered SQL files: run once, in order, all or nothing, by one process at a time."""
# ruff: noqa: ASYNC220 - real processes, and nothing else runs

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from plugins.database import DatabaseUrls
from plugins.process import MASTER_KEY

from lotabots.audit import Entry, Journal, Sequencer
from lotabots.kernel import LotaError, canonical
from lotabots.runtime.database import Database
from lotabots.runtime.files import open_files
from lotabots.runtime.keyring import Keyring
from lotabots.runtime.migrations import SqlFile, migrate, require_current, sql_files
from lotabots.runtime.postgres import EmbeddedPostgres
from lotabots.tlog import Algorithm, CompactRange, NoteSigner, leaf_hash, read_bundle

pytestmark = pytest.mark.anyio

BARE = ("0000_first.sql", "create table runtime.first (id int)")


def steps(folder: Path, *files: tuple[str, str]) -> tuple[SqlFile, ...]:
    folder.mkdir(exist_ok=True)
    for name, sql in files:
        (folder / name).write_text(sql)
    return sql_files(folder)


@pytest.fixture
async def bare(postgres: EmbeddedPostgres) -> DatabaseUrls:
    """A database without any step."""
    name = f"bare_{uuid4().hex}"
    connection = await asyncpg.connect(postgres.owner_url.replace("/lotabots?", "/postgres?"))
    await connection.execute(f"create database {name}")
    await connection.close()
    return DatabaseUrls(
        postgres.app_url.replace("/lotabots?", f"/{name}?"),
        postgres.owner_url.replace("/lotabots?", f"/{name}?"),
    )


async def value(urls: DatabaseUrls, sql: str) -> object:
    connection = await asyncpg.connect(urls.owner)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_the_first_run_brings_everything_and_the_second_finds_it_done(
    bare: DatabaseUrls,
) -> None:
    assert await migrate(bare.owner) is True
    assert await migrate(bare.owner) is False
    await require_current(bare.app)
    version = await value(bare, "select version_num from runtime.schema_version")
    assert version == sql_files()[-1].version


async def test_only_the_missing_steps_run(bare: DatabaseUrls, tmp_path: Path) -> None:
    assert await migrate(bare.owner, steps(tmp_path, BARE))
    more = steps(tmp_path, ("0001_second.sql", "create table runtime.second (id int)"))
    with pytest.raises(LotaError, match="SCHEMA_OUTDATED"):
        await require_current(bare.owner, more)
    assert await migrate(bare.owner, more)
    await require_current(bare.owner, more)


async def test_a_step_may_hold_many_statements_and_what_looks_like_parameters(
    bare: DatabaseUrls, tmp_path: Path
) -> None:
    sql = """
        create table runtime.kept (body jsonb);
        insert into runtime.kept values ('{"a":1, "b":":name", "c":"$1 %s %(x)s"}');
        do $$ begin perform 1; end $$;
    """
    await migrate(bare.owner, steps(tmp_path, ("0000_kept.sql", sql)))
    assert await value(bare, "select body->>'b' from runtime.kept") == ":name"


async def test_a_step_that_fails_takes_every_other_back_with_it(
    bare: DatabaseUrls, tmp_path: Path
) -> None:
    broken = steps(tmp_path, BARE, ("0001_broken.sql", "create table x (id int); select 1/0"))
    with pytest.raises(LotaError, match="SCHEMA_STEP_FAILED") as caught:
        await migrate(bare.owner, broken)
    assert caught.value.details["step"] == "0001_broken"
    assert await value(bare, "select to_regclass('runtime.first')") is None
    fixed = steps(tmp_path, ("0001_broken.sql", "create table runtime.x (id int)"))
    assert await migrate(bare.owner, fixed)


async def test_a_database_of_a_newer_program_is_left_alone(
    bare: DatabaseUrls, tmp_path: Path
) -> None:
    await migrate(bare.owner, steps(tmp_path, BARE, ("0001_later.sql", "select 1")))
    (tmp_path / "0001_later.sql").unlink()
    for check in (migrate, require_current):
        with pytest.raises(LotaError, match="SCHEMA_NEWER"):
            await check(bare.owner, sql_files(tmp_path))


def test_files_of_one_number_or_none_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LotaError, match="SCHEMA_FILES_BROKEN"):
        sql_files(tmp_path)
    with pytest.raises(LotaError, match="SCHEMA_FILES_BROKEN"):
        steps(tmp_path, BARE, ("0000_other.sql", ""))


def test_the_steps_of_this_project_are_found_in_order() -> None:
    assert [file.version[:4] for file in sql_files()] == [
        f"{number:04}" for number in range(len(sql_files()))
    ]


PROCESS = """
import asyncio, sys
from lotabots.runtime.migrations import migrate

print(asyncio.run(migrate(sys.argv[1])))
print("alembic" in sys.modules)
"""


async def test_processes_that_start_together_all_succeed_and_one_did_the_work(
    bare: DatabaseUrls,
) -> None:
    command = [sys.executable, "-c", PROCESS, bare.owner]
    children = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [await asyncio.to_thread(child.communicate) for child in children]
    assert [child.returncode for child in children] == [0, 0, 0], said
    assert sorted(out.split()[0] for out, _ in said) == ["False", "False", "True"]


async def test_alembic_is_not_even_imported_when_there_is_nothing_to_do(
    database_urls: DatabaseUrls,
) -> None:
    command = [sys.executable, "-c", PROCESS, database_urls.owner]
    run = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    assert run.stdout.split() == ["False", "False"]


async def test_every_table_with_a_tenant_forces_row_level_security(
    database_urls: DatabaseUrls,
) -> None:
    connection = await asyncpg.connect(database_urls.owner)
    unforced = await connection.fetch(
        "select c.oid::regclass::text from pg_class c"
        " join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'"
        " where c.relkind in ('r', 'p') and not (c.relrowsecurity and c.relforcerowsecurity)"
    )
    owned = await connection.fetch(
        "select oid::regclass::text from pg_class where relowner = 'lotabots_app'::regrole"
    )
    await connection.close()
    assert unforced == []
    assert owned == []


TENANT = UUID(int=7)
USER = "6a1c1f0e-0000-4000-8000-000000000001"


def up_to(number: str) -> tuple[SqlFile, ...]:
    return tuple(file for file in sql_files() if file.version[:4] <= number)


def of_version_1(actor: str, subject: str) -> bytes:
    """An entry as it was written before persons were commitments."""
    return canonical(
        {"version": 1, "id": str(uuid4()), "tenant": str(TENANT), "at": "2026-01-02T03:04:05Z",
         "actor": actor, "verb": "a.b", "subject": subject, "outcome": "done", "count": 1,
         "digests": {}}
    )  # fmt: skip


@pytest.fixture
async def plain(bare: DatabaseUrls) -> AsyncIterator[DatabaseUrls]:
    """The same database, owned and migrated by a role that is no superuser."""
    name = bare.owner.partition("?")[0].rpartition("/")[2]
    role = f"plain_{uuid4().hex}"
    owner = await asyncpg.connect(bare.owner)
    await owner.execute(f"create role {role} nosuperuser nobypassrls")
    await owner.execute(f"alter database {name} owner to {role}")
    yield DatabaseUrls(bare.app, f"{bare.owner}&role={role}")
    await owner.execute(f"alter database {name} owner to current_user")
    await owner.execute(f"reassign owned by {role} to current_user; drop owned by {role}")
    await owner.execute(f"drop role {role}")
    await owner.close()


async def add(urls: DatabaseUrls, *entries: tuple[str, str]) -> list[bytes]:
    """The bodies of entries of version 1, by actor and subject, added as they were then."""
    owner, bodies = await asyncpg.connect(urls.owner), []
    try:
        for actor, subject in entries:
            bodies.append(of_version_1(actor, subject))
            await owner.execute(
                "insert into audit.entries"
                " (id, tenant_id, at, actor_ref, verb, subject_ref, outcome, body, leaf)"
                " values ($1, $2, now(), $3, 'a.b', $4, 'done', $5, $6)",
                UUID(json.loads(bodies[-1])["id"]), TENANT, actor, subject, bodies[-1],
                leaf_hash(bodies[-1]),
            )  # fmt: skip
    finally:
        await owner.close()
    return bodies


@pytest.mark.parametrize("kind", ["bare", "plain"])
async def test_entries_from_before_persons_were_commitments_are_kept_and_get_their_places(
    bare: DatabaseUrls, plain: DatabaseUrls, kind: str
) -> None:
    urls = {"bare": bare, "plain": plain}[kind]
    await migrate(urls.owner, up_to("0005"))
    placed, waiting, neither = await add(
        bare, (USER, f"user:{USER}"), ("system", "node:n1"), ("anonymous", "node:n2")
    )
    owner = await asyncpg.connect(bare.owner)
    try:
        tree = CompactRange.EMPTY.extend([leaf_hash(placed)])
        await owner.execute(
            "insert into audit.leaves (idx, entry_id) select 0, id from audit.entries"
            " where subject_ref like 'user:%'"
        )
        await owner.execute("update audit.state set tree = $1", tree.pack())
        await owner.execute(
            "delete from audit.pending where entry_id in (select id from audit.entries"
            " where subject_ref <> 'node:n1')"
        )
        assert await migrate(urls.owner)
        rows = await owner.fetch("select * from audit.entries order by position")
        assert [bytes(row["body"]) for row in rows] == [placed, waiting, neither]
        assert [row["actor_kind"] for row in rows] == ["user", "system", "anonymous"]
        pending = await owner.fetch(
            "select entry_id, position, leaf from audit.pending order by position"
        )
        assert [tuple(row) for row in pending] == [
            (row["id"], row["position"], leaf_hash(bytes(row["body"]))) for row in rows[1:]
        ]
        leaves = await owner.fetch("select idx, leaf from audit.leaves")
        assert [tuple(row) for row in leaves] == [(0, leaf_hash(placed))]
        for table in ("entries", "leaves"):
            with pytest.raises(asyncpg.RestrictViolationError):
                await owner.execute(f"delete from audit.{table}")
        forced = await owner.fetchval(
            "select bool_and(relrowsecurity and relforcerowsecurity) from pg_class"
            " where oid in ('audit.entries'::regclass, 'audit.persons'::regclass,"
            " 'audit.mentions'::regclass)"
        )
        assert forced is True
    finally:
        await owner.close()


@pytest.mark.parametrize("kind", ["bare", "plain"])
async def test_entries_that_an_owner_without_all_rights_had_lost_from_the_queue_are_queued(
    bare: DatabaseUrls, plain: DatabaseUrls, kind: str
) -> None:
    urls = {"bare": bare, "plain": plain}[kind]
    await migrate(urls.owner, up_to("0004"))
    bodies = await add(bare, *[("system", f"node:n{number}") for number in range(5)])
    await migrate(urls.owner, up_to("0005"))
    queued = await value(bare, "select count(*) from audit.pending")
    assert queued == (0 if kind == "plain" else 5)  # by forced row-level security
    await migrate(urls.owner)
    owner = await asyncpg.connect(bare.owner)
    try:
        rows = await owner.fetch("select leaf from audit.pending order by position")
    finally:
        await owner.close()
    assert [bytes(row["leaf"]) for row in rows] == [leaf_hash(body) for body in bodies]


@pytest.mark.parametrize("kind", ["bare", "plain"])
async def test_old_and_new_entries_are_published_in_one_log(
    bare: DatabaseUrls, plain: DatabaseUrls, kind: str
) -> None:
    urls = {"bare": bare, "plain": plain}[kind]
    await migrate(urls.owner, up_to("0005"))
    old = await add(bare, ("system", "node:n1"), (USER, "node:n2"))
    await migrate(urls.owner)
    app, ordering = await Database.open(bare.app), await Database.open(bare.sequencer)
    files = open_files("memory:///")
    try:
        entry = Entry(actor_ref=USER, verb="a.b", subject_ref="node:n3", outcome="done")
        async with app.transaction(TENANT) as tx:
            new = await Journal(Keyring(app, MASTER_KEY)).append(tx, entry)
        signer = NoteSigner(Algorithm.ED25519, "log.example", b"e" * 32)
        assert await Sequencer(ordering, files, [signer]).run() == 3
    finally:
        await app.close()
        await ordering.close()
    assert read_bundle(files.read("tile/entries/000.p/3")) == [*old, new.body]

"""Numbered SQL files: run once, in order, all or nothing, by one process at a time."""
# ruff: noqa: ASYNC220 - real processes, and nothing else runs

import asyncio
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from plugins.database import DatabaseUrls

from lotabots.kernel import LotaError
from lotabots.runtime.migrations import SqlFile, migrate, require_current, sql_files
from lotabots.runtime.postgres import EmbeddedPostgres

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

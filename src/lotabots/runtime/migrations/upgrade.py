"""Alembic, with one revision made from each SQL file instead of a Python module beside it."""

from collections.abc import Iterator, Sequence
from functools import partial
from types import ModuleType
from typing import cast

import asyncpg
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.util import await_only

from lotabots.kernel import Kind, LotaError
from lotabots.runtime.migrations.files import VERSION_SCHEMA, VERSION_TABLE, SqlFile

LOCK = 0x4C6F7461
"""The advisory lock of whoever migrates: "Lota" in ASCII."""


async def upgrade(owner_url: str, files: Sequence[SqlFile]) -> bool:
    """Whether anything was done. Every missing file is run, in one transaction for all."""
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: asyncpg.connect(owner_url, timeout=10),
        poolclass=NullPool,
    )
    try:
        async with engine.begin() as connection:
            # Before the version is read again: whoever waited here may find all of it done.
            await connection.execute(text(f"select pg_advisory_xact_lock({LOCK})"))
            return await connection.run_sync(_run_missing, files)
    except (SQLAlchemyError, CommandError) as error:
        detail = "Alembic could not bring the database up to date."
        raise LotaError(
            Kind.INTERNAL, "SCHEMA_STEP_FAILED", detail, said=str(error)[:200]
        ) from error
    finally:
        await engine.dispose()


def _run_missing(connection: Connection, files: Sequence[SqlFile]) -> bool:
    _require_app_role(connection)
    connection.execute(text(f"create schema if not exists {VERSION_SCHEMA}"))
    revisions = _Revisions(connection, files)
    todo: list[RevisionStep] = []

    def steps(version: tuple[str, ...], _: MigrationContext) -> list[RevisionStep]:
        todo.extend(revisions.after(version))
        return todo

    context = MigrationContext.configure(
        connection,
        opts={
            "fn": steps,
            "version_table": VERSION_TABLE,
            "version_table_schema": VERSION_SCHEMA,
        },
    )
    with context.begin_transaction():
        context.run_migrations()
    return bool(todo)


def _require_app_role(connection: Connection) -> None:
    found = connection.execute(text("select 1 from pg_roles where rolname = 'lotabots_app'"))
    if found.first() is None:
        detail = "The role lotabots_app, which serves requests, does not exist."
        raise LotaError(Kind.UNAVAILABLE, "DATABASE_ROLE_MISSING", detail, role="lotabots_app")


class _Revisions(ScriptDirectory):
    """Alembic's directory of scripts, with the SQL files in place of Python modules."""

    def __init__(self, connection: Connection, files: Sequence[SqlFile]) -> None:
        super().__init__(files[0].path.parent)
        self._connection = connection
        self._files = files

    def after(self, version: tuple[str, ...]) -> list[RevisionStep]:
        """The steps that a database of this version is missing."""
        return self._upgrade_revs("head", version)  # type: ignore[arg-type]

    def _load_revisions(self) -> Iterator[Script]:
        before: str | None = None
        for file in self._files:
            module = ModuleType(file.version)
            module.__dict__.update(
                revision=file.version,
                down_revision=before,
                upgrade=partial(_execute, self._connection, file),
            )
            yield Script(module, file.version, file.path)
            before = file.version


def _execute(connection: Connection, file: SqlFile) -> None:
    """Runs a whole file through the driver, inside the transaction that is open.

    Not by `op.execute`: it takes `:1` inside a JSON literal for a parameter, and the prepared
    statements beneath it hold one statement each.
    """
    driver = cast("asyncpg.Connection[asyncpg.Record]", connection.connection.driver_connection)
    try:
        await_only(driver.execute(file.read()))
    except asyncpg.PostgresError as error:
        detail = f"{file.path.name} failed; the database was left as it was."
        raise LotaError(
            Kind.INTERNAL, "SCHEMA_STEP_FAILED", detail, step=file.version, said=str(error)
        ) from error

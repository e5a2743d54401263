"""Which version the database has, and bringing it to the newest."""

from collections.abc import Sequence

import asyncpg

from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database import coded_failures
from lotabots.runtime.migrations.files import VERSION_SCHEMA, VERSION_TABLE, SqlFile, sql_files


async def migrate(owner_url: str, files: Sequence[SqlFile] | None = None) -> bool:
    """Whether anything had to be done. Afterwards the database has the newest version.

    Safe to call from several processes at once: one works, the others wait and find it done.
    Raises `SCHEMA_NEWER`, `SCHEMA_STEP_FAILED` (nothing was changed), `DATABASE_*`.
    """
    files = files or sql_files()
    if await _is_current(owner_url, files):
        return False
    # Alembic costs half a second and 20 MiB, and most starts do not need it.
    from lotabots.runtime.migrations.upgrade import upgrade  # noqa: PLC0415  # lazy: see above

    with coded_failures():
        return await upgrade(owner_url, files)


async def require_current(url: str, files: Sequence[SqlFile] | None = None) -> None:
    """Returns if the database has the newest version: for a process that may not migrate.

    Raises `SCHEMA_OUTDATED` or `SCHEMA_NEWER`.
    """
    files = files or sql_files()
    if not await _is_current(url, files):
        detail = f"The database has not the version {files[-1].version} that this program needs."
        raise LotaError(Kind.UNAVAILABLE, "SCHEMA_OUTDATED", detail, wanted=files[-1].version)


async def _is_current(url: str, files: Sequence[SqlFile]) -> bool:
    with coded_failures():
        connection = await asyncpg.connect(url, timeout=10, command_timeout=30)
        try:
            version = await connection.fetchval(
                f"select version_num from {VERSION_SCHEMA}.{VERSION_TABLE}"  # noqa: S608 - constants
            )
        except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
            version = None
        finally:
            await connection.close()
    known = [file.version for file in files]
    if version is not None and version not in known:
        detail = f"The database has version {version}, which this program does not know."
        raise LotaError(Kind.CONFLICT, "SCHEMA_NEWER", detail, version=version)
    return bool(version == known[-1])

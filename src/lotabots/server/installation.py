"""An installation that is there already, opened to be looked at or kept up, beside its servers."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database import Database
from lotabots.runtime.files import Files
from lotabots.runtime.keyring import Keyring, master_key
from lotabots.runtime.migrations import require_current
from lotabots.runtime.postgres import EmbeddedPostgres
from lotabots.runtime.settings import Settings
from lotabots.runtime.web import TOKEN_PURPOSE
from lotabots.server.compose import log_files
from lotabots.server.settings import (
    DatabaseSettings,
    DataSettings,
    KeyringSettings,
    data_directory,
)

CONNECTIONS = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Installation:
    """What servers stand on. Nothing is served from here."""

    settings: Settings
    database: Database
    sequencing: Database | None
    """The database in the role that orders the audit log, where it was given."""
    keyring: Keyring
    log_files: Files


class _Urls(NamedTuple):
    app: str
    sequencer: str


@asynccontextmanager
async def attached(settings: Settings, environ: Mapping[str, str]) -> AsyncIterator[Installation]:
    """The installation that these settings mean, whether its servers run or not.

    Nothing is made or migrated: in a folder that was named wrongly there would else be a new
    database, empty and without a fault. Raises `INSTALLATION_MISSING`, `SCHEMA_OUTDATED`, and what
    database and keyring refuse.
    """
    directory = data_directory(settings, environ)
    async with AsyncExitStack() as stack:
        urls = await _urls(settings.section(DatabaseSettings), directory, stack)
        await require_current(urls.app)
        database = await _opened(urls.app, stack)
        key = settings.section(KeyringSettings).key.get_secret_value()
        keyring = Keyring(database, master_key(key, directory, make=False))
        # Under another master key than the servers' a new key would be one that they cannot open.
        await keyring.load(TOKEN_PURPOSE)
        yield Installation(
            settings=settings,
            database=database,
            sequencing=await _opened(urls.sequencer, stack) if urls.sequencer else None,
            keyring=keyring,
            log_files=log_files(settings.section(DataSettings).log, directory),
        )


async def _urls(section: DatabaseSettings, directory: Path, stack: AsyncExitStack) -> _Urls:
    """The database that is named, else the one in its place: that runs, or is run for the while."""
    if url := section.url.get_secret_value():
        return _Urls(url, section.sequencer_url.get_secret_value())
    if not (directory / "postgres").is_dir():
        detail = f"There is no installation in {directory}."
        raise LotaError(Kind.NOT_FOUND, "INSTALLATION_MISSING", detail)
    programs = Path(section.programs) if section.programs else None
    embedded = EmbeddedPostgres(directory / "postgres", programs=programs)
    try:
        await stack.enter_async_context(embedded)
    except LotaError as error:
        if error.code != "POSTGRES_ALREADY_RUNNING":
            raise
    return _Urls(embedded.app_url, embedded.sequencer_url)


async def _opened(url: str, stack: AsyncExitStack) -> Database:
    database = await Database.open(url, connections=CONNECTIONS)
    stack.push_async_callback(database.close)
    return database

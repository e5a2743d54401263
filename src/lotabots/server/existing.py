"""An installation opened to be looked at: it is there already, and nothing is served."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from lotabots.kernel import Kind, LotaError
from lotabots.runtime.process import Process
from lotabots.runtime.settings import Settings
from lotabots.server.compose import open_process
from lotabots.server.settings import DatabaseSettings, data_directory


@asynccontextmanager
async def open_existing(settings: Settings, environ: Mapping[str, str]) -> AsyncIterator[Process]:
    """The process of an installation, with the role that orders its audit log where it is given.

    In a folder that was named wrongly a new database would be made, empty and without a fault: so
    this raises `INSTALLATION_MISSING`, and else what `open_process` raises.
    """
    directory = data_directory(settings, environ)
    embedded = not settings.section(DatabaseSettings).url.get_secret_value()
    if embedded and not (directory / "postgres").is_dir():
        detail = f"There is no database in {directory}."
        raise LotaError(Kind.NOT_FOUND, "INSTALLATION_MISSING", detail)
    async with open_process(settings, environ, sequences=True) as process:
        yield process

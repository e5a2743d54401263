"""Services put together into a process: database, keys, blobs, then HTTP; taken down in reverse."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from litestar.types import ASGIApp

from lotabots.evidence import Anchors
from lotabots.gateway import front
from lotabots.identity import ensure_first_admin, following_settings
from lotabots.kernel import invalid
from lotabots.runtime.blobs import Blobs
from lotabots.runtime.cache import Caches
from lotabots.runtime.clock import utc_now
from lotabots.runtime.database import Database
from lotabots.runtime.events import Channel
from lotabots.runtime.files import Files, Folder, open_files
from lotabots.runtime.keyring import Keyring, master_key
from lotabots.runtime.migrations import migrate, require_current
from lotabots.runtime.postgres import EmbeddedPostgres
from lotabots.runtime.process import Process
from lotabots.runtime.settings import Settings
from lotabots.runtime.tasks import running as loops
from lotabots.runtime.telemetry import Telemetry, adopt_standard_logging, open_telemetry
from lotabots.runtime.web import TOKEN_PURPOSE, WebSettings, bind, build_app, serve
from lotabots.server.services import EVERYTHING, GATEWAY, all_endpoints, chosen, elsewhere
from lotabots.server.settings import (
    DatabaseSettings,
    DataSettings,
    KeyringSettings,
    LogSettings,
    data_directory,
)
from lotabots.server.upkeep import ROTATION

SEQUENCER_CONNECTIONS = 2
"""One orders while the other reads what is to be published."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """A server that answers. `admin_password` is set on the one start that made the first admin."""

    url: str
    process: Process
    admin_password: str | None
    _serving: "asyncio.Task[None]"

    async def stopped(self) -> None:
        """Returns when the server has been told to stop: by a signal, or by leaving the block."""
        await asyncio.wait([self._serving])


@asynccontextmanager
async def running(
    settings: Settings,
    environ: Mapping[str, str],
    *,
    names: Collection[str] = EVERYTHING,
    anchors: Anchors | None = None,
) -> AsyncIterator[Running]:
    """These services, answering until the block ends or a signal comes.

    `anchors` are trusted beside NVIDIA's: a simulator's, for a demonstration. Raises LotaError:
    `SERVICE_UNKNOWN`, `WEB_ADDRESS_UNAVAILABLE`, and what database, keyring and settings refuse.
    """
    chosen(names)
    web = settings.section(WebSettings)
    listener = bind(web.host, web.port)
    web = replace(web, port=listener.getsockname()[1])
    async with AsyncExitStack() as stack:
        stack.callback(listener.close)
        process = await stack.enter_async_context(
            open_process(settings.with_section(web), environ, sequences="audit" in names)
        )
        await stack.enter_async_context(loops([ROTATION], process))
        password = await ensure_first_admin(process) if "identity" in names else None
        app = await _application(names, process, anchors, stack)
        started, stop = asyncio.Event(), asyncio.Event()
        serving = asyncio.create_task(
            serve(app, listener, web, started=started.set, stop=stop), name="serve"
        )
        await _either(serving, started)
        try:
            yield Running(
                url=web.url,
                process=process,
                admin_password=password,
                _serving=serving,
            )
        finally:
            stop.set()
            await serving


async def _application(
    names: Collection[str], process: Process, anchors: Anchors | None, stack: AsyncExitStack
) -> ASGIApp:
    """These services, behind the gateway if it is among them."""
    services = [plan.build(process, anchors) for plan in chosen(names)]
    if GATEWAY not in names:
        return build_app(services, process)
    gateway = front(process, all_endpoints())
    stack.push_async_callback(gateway.close)
    if gateway.elsewhere.keys() != set(elsewhere(names)):
        wanted = ", ".join(elsewhere(names)) or "none"
        detail = f"gateway.services names where these are, and no others: {wanted}."
        raise invalid("GATEWAY_SERVICES", detail)
    return build_app([*services, gateway.service], process, gateway.wrap)


@asynccontextmanager
async def open_process(
    settings: Settings, environ: Mapping[str, str], *, sequences: bool = False
) -> AsyncIterator[Process]:
    """The surroundings of the services: a migrated database, keys, blobs, a log.

    With `sequences` also the database in the role that orders the audit log, where it is given.
    """
    directory = data_directory(settings, environ)
    telemetry = open_telemetry(settings.section(LogSettings).level)
    adopt_standard_logging(telemetry.log)
    async with AsyncExitStack() as stack:
        urls = await _database_urls(settings, directory, telemetry, stack)
        connections = settings.section(DatabaseSettings).connections
        database = await _opened(urls.app, connections, stack)
        sequencing = None
        if sequences and urls.sequencer:
            sequencing = await _opened(urls.sequencer, SEQUENCER_CONNECTIONS, stack)
        key = settings.section(KeyringSettings).key.get_secret_value()
        events = Channel(database, telemetry.registry, telemetry.log)
        caches = Caches(events, telemetry.registry)
        keyring = Keyring(database, master_key(key, directory), caches)
        # Another key than the other processes' would show as failed log-ins only: refused now.
        await keyring.load(TOKEN_PURPOSE)
        await stack.enter_async_context(events.open())
        process = Process(
            settings=settings,
            database=database,
            blobs=_blobs(settings.section(DataSettings).blobs, directory),
            log_files=log_files(settings.section(DataSettings).log, directory),
            model_files=_model_files(settings.section(DataSettings).models, directory),
            keyring=keyring,
            clock=utc_now,
            telemetry=telemetry,
            events=events,
            caches=caches,
            sequencing=sequencing,
        )
        settings.on_change(lambda: telemetry.threshold.set(settings.section(LogSettings).level))
        await stack.enter_async_context(following_settings(process))
        yield process


class _Urls(NamedTuple):
    """One database as the roles of this process reach it; empty: not given."""

    app: str
    sequencer: str


async def _opened(url: str, connections: int, stack: AsyncExitStack) -> Database:
    database = await Database.open(url, connections=connections)
    stack.push_async_callback(database.close)
    return database


async def _database_urls(
    settings: Settings, directory: Path, telemetry: Telemetry, stack: AsyncExitStack
) -> _Urls:
    """The URLs to serve from, of a database that has the newest version."""
    section = settings.section(DatabaseSettings)
    if external := section.url.get_secret_value():
        if owner := section.owner_url.get_secret_value():
            await migrate(owner)
        else:
            await require_current(external)
        return _Urls(external, section.sequencer_url.get_secret_value())
    programs = Path(section.programs) if section.programs else None
    embedded = await stack.enter_async_context(
        EmbeddedPostgres(directory / "postgres", programs=programs, log=telemetry.log)
    )
    await migrate(embedded.owner_url)
    return _Urls(embedded.app_url, embedded.sequencer_url)


def _blobs(url: str, directory: Path) -> Blobs:
    return Blobs.open(url) if url else Blobs.in_folder(directory / "blobs")


def _model_files(folder: str, directory: Path) -> Path:
    return Path(folder).absolute() if folder else directory / "models"


def log_files(url: str, directory: Path) -> Files:
    """Where the audit log is published."""
    return open_files(url) if url else Folder(directory / "log")


async def _either(serving: "asyncio.Task[None]", started: asyncio.Event) -> None:
    """Returns when the server answers; raises what kept it from starting."""
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if serving.done():
        await serving

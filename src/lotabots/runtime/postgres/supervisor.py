"""The embedded server over its whole life: prepared, started, watched, started again, stopped."""

import asyncio
import fcntl
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from lotabots.kernel import Kind, LotaError
from lotabots.runtime.postgres import cluster
from lotabots.runtime.postgres.account import Account
from lotabots.runtime.postgres.binaries import Binaries, find_binaries, reachable_copy
from lotabots.runtime.postgres.places import PORT, ROOT_STATE, Places, make_passable, settle
from lotabots.runtime.postgres.postmaster import POLL_SECONDS, Postmaster

if TYPE_CHECKING:
    from lotabots.runtime.telemetry import Logger

LOCK_SECONDS = 1.0
"""A process that was killed a moment ago may still be going: so long its lock is waited for."""
FIRST_DELAY, LAST_DELAY = 0.1, 10.0
"""Seconds between tries to bring a server back that does not start, doubling."""


class EmbeddedPostgres:
    """A PostgreSQL of our own in `directory`, reached over a private unix socket.

    It is our child and ends with us, however we end. `async with` starts it, keeps it running and
    stops it. Start it from the main thread: the kernel's death signal fires when the *thread* that
    made the child ends.
    """

    def __init__(
        self,
        directory: Path,
        *,
        programs: Path | None = None,
        options: Mapping[str, str] | None = None,
        state: Path = ROOT_STATE,
        run_directories: Sequence[Path] | None = None,
        log: "Logger | None" = None,
    ) -> None:
        """`programs`: a folder with `postgres`, else searched. `options`: server settings.

        `state`: where root keeps what the server's user cannot reach in `directory`.
        """
        self._log = log
        self._directory = directory
        self._programs = programs
        self._options = dict(options or {})
        self._state = state
        self._run_directories = run_directories
        self._places: Places | None = None
        self._postmaster: Postmaster | None = None
        self._lock: int | None = None
        self._watcher: asyncio.Task[None] | None = None
        self.restarts = 0
        """How often the server was brought back after it had died."""

    @property
    def app_url(self) -> str:
        """The URL for serving: a role that row-level security binds."""
        return self._url(cluster.APP)

    @property
    def owner_url(self) -> str:
        """The URL for migrations."""
        return self._url(cluster.OWNER)

    @property
    def sequencer_url(self) -> str:
        """The URL for ordering the audit log."""
        return self._url(cluster.SEQUENCER)

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return None if self._postmaster is None else self._postmaster.pid

    @property
    def places(self) -> Places:
        """Where it lies on disk, once started."""
        if self._places is None:
            raise LotaError(Kind.INTERNAL, "POSTGRES_NOT_STARTED", "The server was not started.")
        return self._places

    async def start(self) -> None:
        """Returns when the server takes connections; the first time it makes the cluster.

        Raises `POSTGRES_*`: not found, of another version, already running, place unusable.
        """
        account = Account.here()
        self._places = places = settle(
            self._directory, account, state=self._state, run_directories=self._run_directories
        )
        self._lock = await _lock(places)
        try:
            binaries = self._prepare(places, account)
            self._postmaster = Postmaster(binaries, places, account, self._options)
            await self._postmaster.start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Ends the server cleanly and lets go of the directory."""
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait([self._watcher])
            self._watcher = None
        if self._postmaster is not None:
            await self._postmaster.stop()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
            with suppress(OSError):  # somebody's file is in it: then it stays
                self.places.clear_socket()
                self.places.run.rmdir()

    async def watch(self) -> None:
        """Brings the server back whenever it dies. Runs until it is cancelled.

        Pools heal by themselves: until the server is back, each use of one is refused at once.
        """
        delay = FIRST_DELAY
        while self._postmaster is not None:
            await self._postmaster.ended()
            if self._log is not None:
                self._log.error("postgres.died", directory=str(self.places.home))
            try:
                await self._postmaster.start()
            except (LotaError, OSError) as error:
                if self._log is not None:
                    self._log.error("postgres.restart_failed", error=str(error), again_in=delay)
                await asyncio.sleep(delay)
                delay = min(2 * delay, LAST_DELAY)
            else:
                self.restarts += 1
                delay = FIRST_DELAY

    async def __aenter__(self) -> Self:
        await self.start()
        self._watcher = asyncio.create_task(self.watch(), name="postgres.watch")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    def _prepare(self, places: Places, account: Account) -> Binaries:
        """The programs for the cluster on disk, which is made if there is none."""
        there = cluster.majors_on_disk(places.home)
        major = there[0] if there else None
        if major is not None:
            cluster.check_version(places.data(major), major)
        binaries = find_binaries(self._programs, major=major)
        if not account.can_enter(binaries.folder):
            make_passable(self._state)
            binaries = reachable_copy(binaries, self._state)
        if major is None:
            cluster.create(binaries, places.data(binaries.major), account)
        else:
            cluster.let_in(places.data(major))
        places.note()
        return binaries

    def _url(self, role: str) -> str:
        host = quote(str(self.places.run), safe="")
        return f"postgresql://{role}@/{cluster.DATABASE}?host={host}&port={PORT}"


async def _lock(places: Places) -> int:
    """Holds the cluster for this process: the kernel lets go when the process dies."""
    descriptor = os.open(places.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    deadline = monotonic() + LOCK_SECONDS
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if monotonic() > deadline:
                    detail = f"Another process runs the database in {places.home}."
                    raise LotaError(Kind.CONFLICT, "POSTGRES_ALREADY_RUNNING", detail) from error
                await asyncio.sleep(POLL_SECONDS)
            else:
                return descriptor
    except BaseException:
        os.close(descriptor)
        raise

"""The audit log on its PostgreSQL, fsync on, its sequencer at work: appends a second, places."""

import asyncio
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar
from uuid import UUID, uuid4

import uvloop

from lotabots.audit import Entry, Group, Journal, Sequencer, log_signers
from lotabots.audit.sequencer import BATCH
from lotabots.runtime.database import Database
from lotabots.runtime.files import Folder
from lotabots.runtime.keyring import Keyring
from lotabots.runtime.migrations import migrate
from lotabots.runtime.postgres import EmbeddedPostgres
from lotabots.tlog import NoteSigner, verify_copy

T = TypeVar("T")

SECONDS, IN_TRANSACTION, WRITERS = 60.0, 256, 4
CALLERS, AWAITED_SECONDS, WARM_SECONDS = 500, 20.0, 2.0
PUBLISH_SECONDS, GATHER_SECONDS, IDLE_SECONDS = 0.5, 0.005, 0.5
"""As a server has it (`audit.publish_ms`, `audit.duty`)."""


class Appended(NamedTuple):
    """What a minute of appending came to."""

    appended: float
    """Entries a second that were acknowledged."""
    published: float
    """The same, until the last of them was published: what can be kept up."""


class Awaited(NamedTuple):
    """What callers saw who each wait for their own place."""

    rate: float
    p50_ms: float
    p99_ms: float


def measure() -> tuple[Appended, Awaited]:
    """Both, each on a log of its own, in one process with its sequencer."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_with_log(_append)), runner.run(_with_log(_await_places))


class _Log(NamedTuple):
    database: Database
    journal: Journal
    signers: tuple[NoteSigner, ...]
    sequencer: Sequencer
    folder: Path
    tenant: UUID
    user: str

    def entries(self, count: int) -> list[Entry]:
        """Entries as attestations make them: by a user, about a node, with four digests."""
        return [
            Entry(
                actor_ref=self.user,
                verb="attestation.record",
                subject_ref=f"node:{uuid4()}",
                outcome="accepted",
                digests={
                    "appraisal": os.urandom(32).hex(),
                    "inputs": os.urandom(32).hex(),
                    "appraiser": "5" * 64,
                    "policy": "7" * 64,
                },
            )
            for _ in range(count)
        ]


async def _with_log(work: Callable[[_Log], Awaitable[T]]) -> T:
    async with _log() as log:
        return await work(log)


@asynccontextmanager
async def _log() -> AsyncIterator[_Log]:
    folder = Path(tempfile.mkdtemp(prefix="lotabots-bench-"))
    os.chmod(folder, 0o711)  # noqa: PTH101 - nothing else runs yet
    try:
        async with EmbeddedPostgres(folder, state=folder, run_directories=[folder]) as server:
            await migrate(server.owner_url)
            database = await Database.open(server.app_url)
            ordering = await Database.open(server.sequencer_url)
            keyring = Keyring(database, b"a master key that only tests use")
            signers = log_signers(keyring, "bench.example/log")
            sequencer = Sequencer(ordering, Folder(folder / "log"), signers)
            journal = Journal(keyring)
            yield _Log(database, journal, signers, sequencer, folder / "log", uuid4(), str(uuid4()))
            await database.close()
            await ordering.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def _sequenced(sequencer: Sequencer) -> AsyncIterator[None]:
    """Orders and publishes beside the block, as a server does; at the end until all is out."""
    stop = asyncio.Event()

    async def order() -> None:
        lately = 0.0
        while not stop.is_set():
            placed = await sequencer.order()
            lately = time.monotonic() if placed else lately
            if placed < BATCH:
                idle = time.monotonic() - lately > IDLE_SECONDS
                await asyncio.sleep(0.2 if idle else GATHER_SECONDS)

    async def publish() -> None:
        while not stop.is_set():
            await sequencer.publish()
            await asyncio.sleep(PUBLISH_SECONDS)

    tasks = [asyncio.create_task(order()), asyncio.create_task(publish())]
    yield
    stop.set()
    await asyncio.gather(*tasks)
    while await sequencer.order():
        pass
    await sequencer.publish()


async def _append(log: _Log) -> Appended:
    count = 0
    began = time.perf_counter()

    async def write() -> None:
        nonlocal count
        while time.perf_counter() - began < SECONDS:
            async with log.database.transaction(log.tenant) as tx:
                await log.journal.append_many(tx, log.entries(IN_TRANSACTION))
            count += IN_TRANSACTION

    async with _sequenced(log.sequencer):
        await asyncio.gather(*(write() for _ in range(WRITERS)))
        appending = time.perf_counter() - began
    whole = time.perf_counter() - began
    keys = [signer.verifier for signer in log.signers]
    report = verify_copy(lambda path: (log.folder / path).read_bytes(), None, keys)
    if report.findings or report.size != count:
        raise SystemExit(f"{report.size} of {count} entries: {report.findings[:3]}")
    return Appended(count / appending, count / whole)


async def _await_places(log: _Log) -> Awaited:
    group = Group(log.database, log.journal)
    seconds: list[float] = []
    places: set[int] = set()
    began = time.perf_counter()

    async def call() -> None:
        while (now := time.perf_counter()) - began < AWAITED_SECONDS + WARM_SECONDS:
            place = await group.placed(log.tenant, log.entries(1)[0])
            if place in places:
                raise SystemExit(f"place {place} was given twice")
            places.add(place)
            if now - began > WARM_SECONDS:
                seconds.append(time.perf_counter() - now)

    async with _sequenced(log.sequencer):
        await asyncio.gather(*(call() for _ in range(CALLERS)))
        whole = time.perf_counter() - began - WARM_SECONDS
    cut = statistics.quantiles(seconds, n=100)
    return Awaited(len(seconds) / whole, cut[49] * 1000, cut[98] * 1000)

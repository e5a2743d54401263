"""Callers that append one entry each, committed together, and told where their entries stand."""

import asyncio
from uuid import UUID

from lotabots.audit import store
from lotabots.audit.journal import Journal
from lotabots.audit.types import Appended, Entry
from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database import Database
from lotabots.runtime.gathering import Gathering

MOST = 128
"""Entries in one commit: few enough that several are on their way while others gather."""
AT_ONCE = 3
"""Commits of one tenant that are on their way at one time."""
LOOK_SECONDS = 0.005
"""How often the places of entries that are waited for are asked for."""
PLACE_SECONDS = 10.0
"""How long an entry's place is waited for: the sequencer may be away."""


class Group:
    """Single entries of this process, in as few commits as there can be.

    For what is recorded by itself; what belongs to a change is appended in its transaction.
    """

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal
        self._gathering: Gathering[Entry, Appended] = Gathering(
            self._commit, most=MOST, at_once=AT_ONCE
        )
        self._awaited: dict[UUID, asyncio.Future[int]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def append(self, tenant: UUID, entry: Entry) -> Appended:
        """The entry, once it is durable. Raises what `Journal.append` raises, and `DATABASE_*`."""
        entry.check()  # before it can spoil the commit of others
        return await self._gathering.put(tenant, entry)

    async def placed(self, tenant: UUID, entry: Entry) -> int:
        """The place in the log of the entry, once it is durable and has one.

        Raises `AUDIT_UNPLACED` where no sequencer comes to it in `PLACE_SECONDS`; then the entry is
        durable all the same.
        """
        appended = await self.append(tenant, entry)
        awaited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._awaited[appended.id] = awaited
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        try:
            async with asyncio.timeout(PLACE_SECONDS):
                return await awaited
        except TimeoutError as error:
            detail = "The entry is recorded and has no place yet: is a sequencer running?"
            raise LotaError(Kind.UNAVAILABLE, "AUDIT_UNPLACED", detail) from error
        finally:
            self._awaited.pop(appended.id, None)

    async def _commit(self, tenant: UUID, entries: list[Entry]) -> list[Appended]:
        async with self._database.transaction(tenant) as tx:
            return await self._journal.append_many(tx, entries)

    async def _look(self) -> None:
        """Tells whoever waits for a place, until nobody does."""
        try:
            while self._awaited:
                try:
                    async with self._database.transaction(None) as tx:
                        places = await store.places(tx, list(self._awaited))
                except LotaError:
                    places = {}  # the database is away: it comes back, or those who wait give up
                for entry, index in places.items():
                    awaited = self._awaited.pop(entry, None)
                    if awaited is not None and not awaited.done():
                        awaited.set_result(index)
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            self._looking = None

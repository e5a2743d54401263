"""Callers that append one entry each, committed together, and told where their entries stand.

A commit that waits for the disk costs the same for one entry as for hundreds. So while one commit
is on its way, whoever comes next gathers for the one after it.
"""

import asyncio
from collections import defaultdict
from typing import TypeAlias
from uuid import UUID

from lotabots.audit import store
from lotabots.audit.journal import Journal
from lotabots.audit.types import Appended, Entry
from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database import Database

MOST = 128
"""Entries in one commit: few enough that several are on their way while others gather."""
AT_ONCE = 3
"""Commits of one tenant that are on their way at one time."""
LOOK_SECONDS = 0.005
"""How often the places of entries that are waited for are asked for."""
PLACE_SECONDS = 10.0
"""How long an entry's place is waited for: the sequencer may be away."""

_Waiting: TypeAlias = tuple[Entry, "asyncio.Future[Appended]"]


class Group:
    """Single entries of this process, in as few commits as there can be.

    For what is recorded by itself; what belongs to a change is appended in its transaction.
    """

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal
        self._gathering: dict[UUID, list[_Waiting]] = defaultdict(list)
        self._committing: dict[UUID, set[asyncio.Task[None]]] = defaultdict(set)
        self._awaited: dict[UUID, asyncio.Future[int]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def append(self, tenant: UUID, entry: Entry) -> Appended:
        """The entry, once it is durable. Raises what `Journal.append` raises, and `DATABASE_*`."""
        entry.check()  # before it can spoil the commit of others
        done: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        self._gathering[tenant].append((entry, done))
        committing = self._committing[tenant]
        if len(committing) < AT_ONCE:
            committing.add(asyncio.create_task(self._commit(tenant)))
        return await done

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

    async def _commit(self, tenant: UUID) -> None:
        """Commits what has gathered, until nothing gathers any more."""
        committing = self._committing[tenant]
        try:
            while gathered := self._gathering[tenant][:MOST]:
                del self._gathering[tenant][:MOST]
                await self._commit_one(tenant, gathered)
        finally:
            # Here and not in a callback: who comes before that runs would wait for nobody.
            if (us := asyncio.current_task()) is not None:
                committing.discard(us)
            if not committing and not self._gathering[tenant]:
                del self._gathering[tenant], self._committing[tenant]

    async def _commit_one(self, tenant: UUID, gathered: "list[_Waiting]") -> None:
        try:
            async with self._database.transaction(tenant) as tx:
                appended = await self._journal.append_many(tx, [entry for entry, _ in gathered])
            for (_, done), one in zip(gathered, appended, strict=True):
                if not done.done():  # who waited may have been cancelled
                    done.set_result(one)
        except Exception as error:  # noqa: BLE001 - told to each caller, whose own edge logs it
            for _, done in gathered:
                if not done.done():
                    done.set_exception(error)
        finally:
            for _, done in gathered:
                done.cancel()  # where the process stops; of one that is done already, nothing

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

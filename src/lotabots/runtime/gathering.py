"""Work that comes one by one and is done many at a time: while some is done, the next gathers.

A commit that waits for the disk costs the same for one row as for hundreds. So while one commit is
on its way, whoever comes next gathers for the one after it; who comes alone does not wait.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeAlias, TypeVar
from uuid import UUID

from lotabots.kernel import Kind, LotaError

T = TypeVar("T")
R = TypeVar("R")
_Waiting: TypeAlias = "tuple[T, asyncio.Future[R]]"


class Gathering(Generic[T, R]):
    """Hands what gathers for one tenant to `done`, at most `most` at a time, `at_once` times.

    Beside what is on its way more is begun only once `worth` have gathered: the more go together
    the less each costs, and yet one commit that hangs holds up only a few.

    `done` returns one result for each. Where it raises it must have done nothing: then each is done
    by itself, and each caller gets what that raised.
    """

    def __init__(
        self,
        done: Callable[[UUID, list[T]], Awaitable[list[R]]],
        *,
        most: int,
        at_once: int,
        worth: int = 1,
    ) -> None:
        self._done = done
        self._most = most
        self._at_once = at_once
        self._worth = worth
        self._gathered: dict[UUID, list[_Waiting[T, R]]] = defaultdict(list)
        self._running: dict[UUID, set[asyncio.Task[None]]] = defaultdict(set)

    @property
    def idle(self) -> bool:
        """Whether nothing is gathered or on its way."""
        return not (self._gathered or self._running)

    async def put(self, tenant: UUID, item: T) -> R:
        """What comes of the item. Raises what `done` raises."""
        result: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        gathered, running = self._gathered[tenant], self._running[tenant]
        gathered.append((item, result))
        if not running or (len(running) < self._at_once and len(gathered) >= self._worth):
            running.add(asyncio.create_task(self._work(tenant)))
        return await result

    async def _work(self, tenant: UUID) -> None:
        """Does what has gathered, until nothing gathers any more."""
        running = self._running[tenant]
        try:
            while gathered := self._gathered[tenant][: self._most]:
                del self._gathered[tenant][: self._most]
                await self._do(tenant, gathered)
        finally:
            # Here and not in a callback: who comes before that runs would wait for nobody.
            if (us := asyncio.current_task()) is not None:
                running.discard(us)
            if not running and not self._gathered[tenant]:
                del self._gathered[tenant], self._running[tenant]

    async def _do(self, tenant: UUID, gathered: "list[_Waiting[T, R]]") -> None:
        try:
            await self._do_all(tenant, gathered)
        except Exception as error:  # noqa: BLE001 - told to each caller, whose own edge logs it
            if len(gathered) > 1 and _is_of_one(error):
                for one in gathered:
                    await self._do(tenant, [one])
            for _, result in gathered:
                if not result.done():
                    result.set_exception(error)
        finally:
            for _, result in gathered:
                result.cancel()  # where the process stops; of one that is done already, nothing

    async def _do_all(self, tenant: UUID, gathered: "list[_Waiting[T, R]]") -> None:
        results = await self._done(tenant, [item for item, _ in gathered])
        for (_, result), one in zip(gathered, results, strict=True):
            if not result.done():  # who waited may have been cancelled
                result.set_result(one)


def _is_of_one(error: Exception) -> bool:
    """Whether what was refused may be one item alone, which must not cost the others theirs.

    A database that is away, or too busy, refuses all of them again.
    """
    return not isinstance(error, LotaError) or error.kind is not Kind.UNAVAILABLE

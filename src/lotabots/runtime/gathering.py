"""The work of many callers in one commit: while one is on its way, whoever comes next gathers.

    spending = Gathered(self._spend, most=64, at_once=2, key=lambda one: one.challenge)
    loaded = await spending.add(tenant, asked)

A commit that waits for the disk costs the same for one caller as for a hundred, and so do its round
trips. Nobody waits for company: who comes while nothing is on its way goes at once.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeAlias, TypeVar
from uuid import UUID

from lotabots.kernel import Kind, LotaError

T = TypeVar("T")
R = TypeVar("R")

_Waiting: TypeAlias = "tuple[T, asyncio.Future[R]]"


class Gathered(Generic[T, R]):
    """Does one kind of work for each tenant: for as many callers together as have gathered.

    `commit` gets a tenant and the work of several callers, and returns what comes of each, in their
    order; a `LotaError` among that is raised to its caller alone. When it raises one that is not
    about the database itself, nothing was stored, and each caller's work is tried by itself: nobody
    pays for another's mistake. It must not matter who else is there: those with the same `key` are
    never put together.
    """

    def __init__(
        self,
        commit: Callable[[UUID, Sequence[T]], Awaitable[Sequence[R | LotaError]]],
        *,
        most: int,
        at_once: int,
        key: Callable[[T], Hashable] | None = None,
    ) -> None:
        """At most `most` callers in a commit, and `at_once` commits of a tenant at one time."""
        self._do = commit
        self._most = most
        self._at_once = at_once
        self._key = key
        self._gathering: dict[UUID, list[_Waiting[T, R]]] = defaultdict(list)
        self._committing: dict[UUID, set[asyncio.Task[None]]] = defaultdict(set)

    @property
    def idle(self) -> bool:
        """Whether nobody waits, and nothing is left of any tenant."""
        return not self._gathering and not self._committing

    async def add(self, tenant: UUID, work: T) -> R:
        """What came of this, once it is durable. Raises what `commit` raises or returns for it."""
        done: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._gathering[tenant].append((work, done))
        committing = self._committing[tenant]
        if len(committing) < self._at_once:
            committing.add(asyncio.create_task(self._commit(tenant)))
        return await done

    async def _commit(self, tenant: UUID) -> None:
        """Commits what has gathered, until nothing gathers any more."""
        committing = self._committing[tenant]
        try:
            while together := self._take(tenant):
                await self._commit_these(tenant, together)
        finally:
            # Here and not in a callback: who comes before that runs would wait for nobody.
            if (us := asyncio.current_task()) is not None:
                committing.discard(us)
            if not committing and not self._gathering[tenant]:
                del self._gathering[tenant], self._committing[tenant]

    def _take(self, tenant: UUID) -> "list[_Waiting[T, R]]":
        gathering = self._gathering[tenant]
        if self._key is None:
            self._gathering[tenant] = gathering[self._most :]
            return gathering[: self._most]
        taken: dict[Hashable, _Waiting[T, R]] = {}
        left = []
        for one in gathering:
            key = self._key(one[0])
            if key in taken or len(taken) == self._most:
                left.append(one)
            else:
                taken[key] = one
        self._gathering[tenant] = left
        return list(taken.values())

    async def _commit_these(self, tenant: UUID, together: "list[_Waiting[T, R]]") -> None:
        try:
            came = await self._do(tenant, [work for work, _ in together])
            for (_, done), one in zip(together, came, strict=True):
                if done.done():  # who waited may have been cancelled
                    continue
                if isinstance(one, LotaError):
                    done.set_exception(one)
                else:
                    done.set_result(one)
        except Exception as error:  # noqa: BLE001 - told to each caller, whose own edge logs it
            if len(together) > 1 and isinstance(error, LotaError) and _stored_nothing(error):
                for alone in together:
                    await self._commit_these(tenant, [alone])
            for _, done in together:
                if not done.done():
                    done.set_exception(error)
        finally:
            for _, done in together:
                done.cancel()  # where the process stops; of one that is done already, nothing


def _stored_nothing(error: LotaError) -> bool:
    """Whether it was rolled back for certain, and not because the database is away or too slow."""
    return error.kind is not Kind.UNAVAILABLE or error.code == "DATABASE_CONTENDED"

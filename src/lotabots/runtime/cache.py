"""What a process remembers of the database: bounded, short, dropped by events, never while deaf.

    keys = caches.open("verification-keys", topic=Topic.KEYS, entries=16)
    found = await keys.get(purpose, lambda: read(purpose))

A value is remembered only if nothing was dropped while it was being read, and given only while the
channel is current: so it is never older than what the database said `SILENT_SECONDS` ago. Values
that are named by their content need no topic: they can be forgotten, and never be wrong.

In memory alone. What is kept are keys, callers, loaded policies: making each anew costs less than
fetching it from Redis and reading it back, and a shared copy is a second thing to invalidate.
"""

from collections.abc import Awaitable, Callable, Hashable
from time import monotonic
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter

from lotabots.runtime.events import Channel, Topic

LIFE_SECONDS = 30.0
"""An entry ends after this even without an event: a database that was restored sends none."""

V = TypeVar("V")


class Cache(Generic[V]):
    """One kind of value by key. The one that was put first makes room."""

    def __init__(
        self,
        channel: Channel | None,
        entries: int,
        seconds: float,
        outcomes: Callable[[str], Counter],
    ) -> None:
        self._channel = channel
        self._most = entries
        self._seconds = seconds
        self._kept: dict[Hashable, tuple[float, V]] = {}
        self._generation = 0
        self._hits, self._misses, self._bypassed = map(outcomes, ("hit", "miss", "bypassed"))

    def find(self, key: Hashable) -> V | None:
        """What is remembered, without reading anything; for where every microsecond counts."""
        kept = self._kept.get(key)
        if kept is None or kept[0] <= monotonic() or not self._may_be_used():
            return None
        self._hits.inc()
        return kept[1]

    async def get(self, key: Hashable, read: Callable[[], Awaitable[V]]) -> V:
        """What is remembered, else what `read` returns. Raises what it raises, and keeps nothing.

        Several that miss at once each read: a value read for another could be older than the
        change that this caller already knows of.
        """
        if not self._may_be_used():
            self._bypassed.inc()
            return await read()
        found = self.find(key)
        if found is not None:
            return found
        self._misses.inc()
        generation = self._generation
        value = await read()
        if generation == self._generation and self._may_be_used():
            self._keep(key, value)
        return value

    def drop(self, key: Hashable) -> None:
        """Forgets this one, and whatever is being read at this moment."""
        self._generation += 1
        self._kept.pop(key, None)

    def drop_where(self, stale: Callable[[V], bool]) -> None:
        """Forgets every value of which this is true, and whatever is being read."""
        self._generation += 1
        for key in [key for key, (_, value) in self._kept.items() if stale(value)]:
            del self._kept[key]

    def clear(self) -> None:
        """Forgets everything."""
        self._generation += 1
        self._kept.clear()

    def __len__(self) -> int:
        return len(self._kept)

    def _may_be_used(self) -> bool:
        return self._channel is None or self._channel.is_current()

    def _keep(self, key: Hashable, value: V) -> None:
        self._kept.pop(key, None)
        while len(self._kept) >= self._most:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (monotonic() + self._seconds, value)


class Caches:
    """Makes the caches of one process, all on one channel and in one metric."""

    def __init__(self, channel: Channel, registry: CollectorRegistry) -> None:
        self._channel = channel
        self._reads = Counter(
            "lotabots_cache_reads", "Reads of what is remembered, by how they ended",
            ["cache", "outcome"], registry=registry,
        )  # fmt: skip

    def open(
        self,
        name: str,
        *,
        topic: Topic | None,
        entries: int,
        seconds: float = LIFE_SECONDS,
        stale: Callable[[V, str], bool] | None = None,
    ) -> "Cache[V]":
        """A cache of which an event of `topic` drops the entry under its key.

        With `stale` it drops every value of which that is true instead, given the event's key.
        Without a topic the values are named by their content, and kept even while we are deaf.
        """
        channel = None if topic is None else self._channel
        cache: Cache[V] = Cache(
            channel, entries, seconds, lambda outcome: self._reads.labels(name, outcome)
        )

        def changed(key: str | None) -> None:
            if key is None:
                cache.clear()
            elif stale is None:
                cache.drop(key)
            else:
                cache.drop_where(lambda value: stale(value, key))

        if topic is not None:
            self._channel.subscribe(topic, changed)
        return cache

"""What was already proven: bounded, thread-safe memories, handed in explicitly and never global."""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Memory(Generic[K, V]):
    """A bounded map that forgets what was used least recently; safe to share between threads.

    Only what was *proven* may be put in. A failure is not remembered: it is found again, so that no
    key can make a later good input fail, and no failure can be read as a success.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._items: OrderedDict[K, V] = OrderedDict()
        self._lock = Lock()

    def get(self, key: K) -> V | None:
        """The remembered value, or None."""
        with self._lock:
            value = self._items.get(key)
            if value is not None:
                self._items.move_to_end(key)
            return value

    def put(self, key: K, value: V) -> V:
        """The value, now remembered; at capacity the least recently used one goes."""
        with self._lock:
            self._items[key] = value
            self._items.move_to_end(key)
            if len(self._items) > self._capacity:
                self._items.popitem(last=False)
        return value

    def __len__(self) -> int:
        return len(self._items)


@dataclass(frozen=True, slots=True)
class Slot(Generic[K, V]):
    """The name, capacity and types of one memory; a scheme declares its own."""

    name: str
    capacity: int


class Caches:
    """One memory for each slot, made on first use. Lives as long as its owner keeps it."""

    def __init__(self) -> None:
        # Any: the slot that names a memory carries its types.
        self._memories: dict[str, Memory[Any, Any]] = {}
        self._lock = Lock()

    def of(self, slot: Slot[K, V]) -> Memory[K, V]:
        """The memory of this slot."""
        memory = self._memories.get(slot.name)
        if memory is None:
            with self._lock:
                memory = self._memories.setdefault(slot.name, Memory(slot.capacity))
        return memory

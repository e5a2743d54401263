"""Reports of how the node is doing: taken at their own pace, kept while the server is away.

They are `claimed` by software and prove nothing. So they wait in memory, in a queue with a bound,
the oldest go first, and whatever fails about them holds up no attestation.
"""

from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from math import inf
from time import monotonic
from typing import Protocol

from lotabots.kernel import Kind, LotaError
from lotabots.runtime.telemetry import Logger

MOST_AT_ONCE = 20
"""What the server takes in one request: and it gets no more in one go, since a server that was away
has other things to do than to read old numbers."""


class Sends(Protocol):
    """Whatever brings reports to the server."""

    def report(self, reports: Sequence[object]) -> None:
        """Sends them, oldest first. Raises LotaError, whose details may name one by `index`."""


class Reporting:
    """Takes reports when they are due, and sends those that wait."""

    def __init__(
        self, measure: Callable[[], object] | None, every: float, most: int, log: Logger
    ) -> None:
        """`measure` None, or `every` 0: no reports at all."""
        self._measure = measure if every and most else None
        self._every = every
        self._log = log
        self._due_at = monotonic()
        self._quiet_until = 0.0
        self._queue: deque[object] = deque(maxlen=max(most, 1))
        self.dropped = 0
        """How many were never sent: too many were waiting, or the server refused them."""

    @property
    def waiting(self) -> int:
        """How many wait to be sent."""
        return len(self._queue)

    @property
    def due_in(self) -> float:
        """Seconds until the next report; for ever where none is taken."""
        return inf if self._measure is None else max(0.0, self._due_at - monotonic())

    def tick(self) -> None:
        """Takes a report if one is due."""
        if self._measure is None or monotonic() < self._due_at:
            return
        self._due_at = monotonic() + self._every
        try:
            report = self._measure()
        except Exception:  # noqa: BLE001 - a number that cannot be read ends nothing
            self._log.exception("agent.report_untaken")
            return
        if len(self._queue) == self._queue.maxlen:
            self.dropped += 1
        self._queue.append(report)

    def send(self, to: Sends) -> None:
        """Sends the oldest that wait, in one request, but for those that the server refuses."""
        if monotonic() < self._quiet_until:
            return
        batch = list(islice(self._queue, MOST_AT_ONCE))
        while batch:
            try:
                to.report(batch)
            except LotaError as error:
                if error.kind not in (Kind.VALIDATION, Kind.CONFLICT, Kind.NOT_FOUND):
                    self._log.info("agent.report_unsent", code=error.code, waiting=self.waiting)
                    self._quiet_until = monotonic() + self._every
                    return
                self._log.warning("agent.report_refused", code=error.code, detail=error.detail)
                self._drop(batch, error.details.get("index"))
            else:
                self._leave(batch)
                return

    def _drop(self, batch: list[object], place: object) -> None:
        """Gives up what would be refused again: the one that the server names, else all of them."""
        refused = batch[place : place + 1] if isinstance(place, int) and place >= 0 else []
        refused = refused or list(batch)
        self._leave(refused)
        self.dropped += len(refused)
        batch[:] = [one for one in batch if not any(one is gone for gone in refused)]

    def _leave(self, gone: Sequence[object]) -> None:
        """They wait no more."""
        for report in gone:
            self._queue.remove(report)

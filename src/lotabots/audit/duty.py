"""The sequencer on duty in a server: two loops, and the alarm when the log must not go on."""

import asyncio
from collections.abc import Awaitable, Callable

from prometheus_client import CollectorRegistry, Gauge

from lotabots.audit.sequencer import BATCH, Sequencer
from lotabots.kernel import LotaError
from lotabots.runtime.process import Process
from lotabots.runtime.tasks import Loop
from lotabots.runtime.telemetry import Logger

FREEZING = ("AUDIT_FROZEN", "AUDIT_ALTERED", "WITNESS_AHEAD")
"""What must not pass by itself: somebody restored, altered or forked something."""
LOOK_SECONDS = 0.2
"""How often an idle log is looked at for entries that wait."""
GATHER_SECONDS = 0.005
"""How often a log is looked at in which something happened lately."""
QUIET_LOOKS = 100
"""So many looks without an entry, and the log is idle."""
MOST_LOOKS = 1000
"""Looks in one run of the loop: then it is asked whether to stop."""


class Duty:
    """Orders what waits as soon as it comes, and publishes what is ordered every so often."""

    def __init__(self, sequencer: Sequencer, registry: CollectorRegistry, log: Logger) -> None:
        self._sequencer = sequencer
        self._log = log
        self._trouble: dict[str, str] = {}
        self._size = Gauge(
            "lotabots_audit_published_entries", "Entries of the published log", registry=registry
        )
        self._frozen = Gauge(
            "lotabots_audit_frozen", "1 while nothing is signed, to not fork", registry=registry
        )

    def loops(self, publish_seconds: float) -> tuple[Loop, Loop]:
        """What runs beside the service. On the way out what waits is published."""
        return (
            Loop("audit.order", seconds=LOOK_SECONDS, run=self.order),
            Loop("audit.publish", seconds=publish_seconds, run=self.publish, at_stop=True),
        )

    async def order(self, _: Process) -> None:
        """Gives entries their places until none has come for a while."""
        quiet = QUIET_LOOKS
        for _look in range(MOST_LOOKS):
            placed = await self._done("order", self._sequencer.order)
            quiet = 0 if placed else quiet + 1
            if placed is None or quiet > QUIET_LOOKS:
                return
            if placed < BATCH:
                await asyncio.sleep(GATHER_SECONDS)

    async def publish(self, _: Process) -> None:
        """Publishes what has its place."""
        size = await self._done("publish", self._sequencer.run)
        if size is not None:
            self._size.set(size)

    async def _done(self, part: str, work: Callable[[], Awaitable[int]]) -> int | None:
        """What the work returns; None where it failed, which is said once, and so is its end."""
        before = self._trouble.get(part, "")
        try:
            done = await work()
        except LotaError as error:
            self._trouble[part] = error.code
            if error.code != before:
                frozen = error.code in FREEZING
                say = self._log.error if frozen else self._log.warning
                event = "audit.frozen" if frozen else "audit.delayed"
                say(event, part=part, code=error.code, detail=error.detail, **error.details)
            done = None
        else:
            self._trouble[part] = ""
            if before:
                self._log.info("audit.resumed", part=part, code=before)
        self._frozen.set(any(code in FREEZING for code in self._trouble.values()))
        return done

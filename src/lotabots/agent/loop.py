"""`agent run`: attests at the server's cadence until told to stop, whatever fails meanwhile.

Nothing that a server, a network, a TPM or a driver does ends the loop; only the operator does: by a
signal, or by the node's revocation, which is final.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

import msgspec

from lotabots.agent.attesting import Attesting
from lotabots.agent.notify import Notify
from lotabots.agent.pacing import back_off, spread
from lotabots.agent.reporting import Reporting
from lotabots.agent.state import State, Status
from lotabots.agent.wire import Attested, Following
from lotabots.kernel import Kind, LotaError
from lotabots.runtime.telemetry import Logger

LEAST_SLICE = 0.05
BETWEEN_BATCHES = 1.0
"""Seconds, while more reports wait than are sent at once."""
FINAL = frozenset({"NODE_REVOKED"})


class Stop:
    """Whether we were told to stop. A signal's handler may set it."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Stops."""
        self._event.set()

    @property
    def told(self) -> bool:
        """Whether it was set."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Whether it was set by then."""
        return self._event.wait(seconds)


@dataclass(frozen=True)
class Around:
    """What surrounds the loop."""

    stop: Stop
    notify: Notify
    log: Logger
    chance: Callable[[], float]
    """Numbers from 0 to 1."""
    longest_wait: float
    """Between two tries while something fails, in seconds."""


class Loop:
    """Attests again and again. It holds what it knows of its node in one `Status`."""

    def __init__(
        self, state: State, attesting: Attesting, reporting: Reporting, around: Around
    ) -> None:
        self._state = state
        self._attesting = attesting
        self._reporting = reporting
        self._around = around
        self._status = state.status() or Status(at=attesting.client.now())
        self._next = Following(scope="full", after_seconds=0)
        self._failures = 0

    def run(self) -> None:
        """Returns when it was told to stop. Raises `NODE_REVOKED`."""
        around = self._around
        around.notify.ready()
        around.log.info("agent.started", node=str(self._attesting.kept.node))
        while not around.stop.told:
            wait = self.step()
            self._wait(wait)
        around.notify.stopping()
        around.log.info("agent.stopped")

    def once(self) -> Attested:
        """One attestation, full. Raises LotaError."""
        attested = self._attesting.attest("full")
        self._judged(attested)
        self._say(None, None)
        return attested

    def step(self) -> float:
        """One attestation; how long to wait then, in seconds. Raises `NODE_REVOKED` alone."""
        around = self._around
        around.notify.alive()
        try:
            attested = self._attesting.attest(self._next.scope)
        except LotaError as error:
            wait = self._failed(error)
        except Exception as error:  # the edge of the process: it survives all
            around.log.exception("agent.error")
            wait = self._failed(LotaError(Kind.INTERNAL, "AGENT_FAILED", str(error)[:200]))
        else:
            self._judged(attested)
            self._next, self._failures = attested.next, 0
            wait = spread(attested.next.after_seconds, around.chance())
        return wait

    def _failed(self, error: LotaError) -> float:
        """Says what failed, and gives how long to wait before the next try."""
        if self._around.stop.told:
            return 0.0
        if error.code in FINAL:
            self._say(None, error)
            self._around.log.error("agent.revoked", node=str(self._attesting.kept.node))
            raise error
        self._failures += 1
        asked = error.details.get("retry_after_seconds")
        wait = back_off(
            self._failures,
            self._around.chance(),
            asked if isinstance(asked, int) else None,
            self._around.longest_wait,
        )
        self._around.log.warning(
            "agent.failed", code=error.code, detail=error.detail, again_in=round(wait, 1)
        )
        self._around.notify.doing(f"{error.code}: {error.detail}")
        self._say(timedelta(seconds=wait), error)
        return wait

    def _judged(self, attested: Attested) -> None:
        first = attested.first_reason
        reason = "" if first is None else f"{first.rule or first.code} ({first.subject})"
        now = self._attesting.client.now()
        self._status = Status(
            at=now,
            judged_at=now,
            outcome=attested.status,
            scope=self._next.scope,
            reason=reason,
            attestation=str(attested.id),
        )
        word = "SIMULATED " if attested.simulated else ""
        self._around.log.info(
            "agent.judged",
            outcome=attested.status,
            scope=self._next.scope,
            simulated=attested.simulated,
            reason=reason,
            attestation=str(attested.id),
            next_scope=attested.next.scope,
            next_seconds=attested.next.after_seconds,
        )
        self._around.notify.doing(f"{word}{attested.status} {reason}")
        self._say(timedelta(seconds=attested.next.after_seconds), None)

    def _say(self, wait: timedelta | None, error: LotaError | None) -> None:
        """Leaves for `status` how we fare."""
        now = self._attesting.client.now()
        self._status = msgspec.structs.replace(
            self._status,
            at=now,
            failures=self._failures if error is not None else 0,
            error=None if error is None else error.code,
            next_at=None if wait is None else now + wait,
        )
        try:
            self._state.say(self._status)
        except LotaError as failed:  # a full disk is no reason to fall silent
            self._around.log.warning("agent.status_unwritten", detail=failed.detail)

    def _wait(self, seconds: float) -> None:
        """Waits, says to the watchdog that it does, and goes on reporting."""
        around, ends = self._around, monotonic() + seconds
        while not around.stop.told:
            around.notify.alive()
            again_in = self._report()
            left = ends - monotonic()
            slice_ = min(left, again_in, around.notify.every or left)
            if left <= 0 or around.stop.wait(max(slice_, LEAST_SLICE)):
                return

    def _report(self) -> float:
        """Takes and sends what is due of reports; seconds until there is more to do."""
        try:
            self._reporting.tick()
            if self._failures == 0:
                self._reporting.send(self._attesting)
        except Exception:  # as above: no report is worth an attestation
            self._around.log.exception("agent.report_error")
        busy = self._failures == 0 and self._reporting.waiting
        return BETWEEN_BATCHES if busy else self._reporting.due_in

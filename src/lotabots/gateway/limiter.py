"""Whether a request may pass: its buckets in Redis, and in this process while Redis is away.

Redis slow or gone never fails a request, and never lets one through unlimited. This process has
seen how full the buckets of its own callers were, and goes on from there alone, with its share of
each limit. Someone keeps asking Redis, so that no request waits for the answer.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from prometheus_client import Counter, Gauge

from lotabots.gateway.bucket import SECOND, Limit, decide_all
from lotabots.gateway.buckets import Draw, Drawn, Memory, Shared
from lotabots.gateway.settings import LimitSettings
from lotabots.runtime.redis import FAILED
from lotabots.runtime.telemetry import Telemetry
from lotabots.runtime.web import RateClass

FAILURES = 3
"""Calls in a row that fail before Redis is left alone."""
PROBE_SECONDS = 0.5
"""How often it is then asked whether it is back; `watch` is called as often."""
MOST = 4096
"""Callers whose buckets' names are remembered; what is in the buckets lies elsewhere."""
_PROBE = (Draw("probe", Limit(1, 1)),)


class Caller(NamedTuple):
    """By whom a request is counted: an address always, the others where they are known."""

    ip: str
    user: str | None = None
    key: str | None = None


class Limiter:
    """The limits of one gateway process; `ticks` are microseconds that never go back."""

    def __init__(
        self,
        settings: LimitSettings,
        shared: Shared | None,
        telemetry: Telemetry,
        ticks: Callable[[], int],
    ) -> None:
        self._limits = {one: tuple(settings.of(one).items()) for one in RateClass}
        self._policies: dict[tuple[RateClass, int], bytes] = {}
        self._drawn_by: dict[tuple[RateClass, Caller], tuple[Draw, ...]] = {}
        self._shares = {one: settings.share(one) for one in RateClass}
        self._shared = shared
        self._timeout = settings.redis_timeout_ms / 1000
        self._memory = Memory(settings.buckets)
        self._ticks = ticks
        self._log = telemetry.log
        self._failures = 0
        self._failed_at: int | None = None
        self.alone = False
        """Whether this process decides by itself although it was given a Redis."""
        self._changes: deque[str] = deque(maxlen=16)
        self._refused = Counter(
            "lotabots_rate_limited", "Requests over a limit", ["limit", "by"],
            registry=telemetry.registry,
        )  # fmt: skip
        self._mode = Gauge(
            "lotabots_limits_alone", "1 while Redis is away and this process limits by itself",
            registry=telemetry.registry,
        )  # fmt: skip

    def draws(self, rate_class: RateClass, caller: Caller) -> tuple[Draw, ...]:
        """The buckets that a request of this caller needs a token from."""
        key = rate_class, caller
        found = self._drawn_by.get(key)
        if found is None:
            found = tuple(
                Draw(f"{rate_class}:{by}:{who}", limit)
                for by, limit in self._limits[rate_class]
                if (who := getattr(caller, by)) is not None
            )
            if len(self._drawn_by) >= MOST:
                self._drawn_by.clear()
            self._drawn_by[key] = found
        return found

    def policy(self, rate_class: RateClass, draws: Sequence[Draw]) -> bytes:
        """The header `RateLimit-Policy` (see `headers.rate_headers`) for these buckets."""
        key = rate_class, len(draws)  # an address; and a user; and a key
        found = self._policies.get(key)
        if found is None:
            found = ", ".join(
                f'"{draw.by}";q={draw.limit.burst};w={-(-draw.limit.window // SECOND)}'
                for draw in draws
            ).encode()
            self._policies[key] = found
        return found

    async def draw(self, rate_class: RateClass, draws: Sequence[Draw]) -> Drawn:
        """A token from each of these buckets, or from none. Raises nothing, and waits not long."""
        now = self._ticks()
        if self._shared is None:
            drawn = self._memory.draw(draws, now)
        else:
            drawn = await self._draw(self._shared, draws, self._shares[rate_class], now)
        if not drawn.allowed:
            for draw, decision in zip(draws, drawn.decisions, strict=True):
                if not decision.allowed:
                    self._refused.labels(rate_class, draw.by).inc()
        return drawn

    async def _draw(self, shared: Shared, draws: Sequence[Draw], share: float, now: int) -> Drawn:
        if self.alone:
            return self._draw_alone(draws, share, now)
        known = self._known(draws, now)
        if not known.allowed:
            return known  # as Redis would say: its buckets are never fuller than we saw them
        try:
            async with asyncio.timeout(self._timeout):
                drawn = await shared.draw(draws)
        except FAILED as error:
            self._failed(error, now)
            return self._draw_alone(draws, share, now)
        self._failures = 0
        if self._settling(draws, now):
            ours = self._memory.draw(draws, now) if drawn.allowed else drawn
            return drawn if ours.allowed else ours
        self._remember(draws, drawn, now)
        return drawn

    def _draw_alone(self, draws: Sequence[Draw], share: float, now: int) -> Drawn:
        return self._memory.draw([Draw(key, limit.times(share)) for key, limit in draws], now)

    def _known(self, draws: Sequence[Draw], now: int) -> Drawn:
        """What the buckets would say if nobody had drawn from them since we saw them last."""
        states = tuple(self._memory.state(draw.key) for draw in draws)
        return Drawn(decide_all(states, [draw.limit for draw in draws], now)[0], states, now)

    def _settling(self, draws: Sequence[Draw], now: int) -> bool:
        """Whether Redis failed so lately that its buckets may be fuller than they should be.

        It can have lost them, and did not see what we granted meanwhile. Until a bucket would have
        filled anyway we count in our own as well, and both must have a token.
        """
        failed_at = self._failed_at
        return failed_at is not None and any(now < failed_at + draw.limit.window for draw in draws)

    def _remember(self, draws: Sequence[Draw], drawn: Drawn, now: int) -> None:
        """Keeps how empty Redis's buckets were, on our clock; `now` is before it was asked.

        So what we remember is never emptier than the truth, and Redis alone refuses.
        """
        for draw, state in zip(draws, drawn.states, strict=True):
            seen = now + state - drawn.now
            if seen > now and seen > self._memory.state(draw.key):
                self._memory.put(draw.key, seen)

    def _failed(self, error: Exception, now: int) -> None:
        self._failures, self._failed_at = self._failures + 1, now
        if self._failures == 1:
            self._log.warning("limits.redis_failed", error=type(error).__name__)
        if self._failures >= FAILURES and not self.alone:
            self.alone = True
            self._changes.append("alone")
            self._log.warning("limits.alone")
            self._mode.set(1)

    async def watch(self, note: Callable[[str], Awaitable[None]]) -> None:
        """Asks whether a Redis that failed is back; to be called every `PROBE_SECONDS`.

        `note` records each change of mode, and is called again until it succeeds.
        """
        if self.alone and self._shared is not None and await self._answers(self._shared):
            self._failures, self._failed_at = 0, self._ticks()
            self.alone = False
            self._mode.set(0)
            self._changes.append("shared")
        while self._changes:
            await note(self._changes[0])
            self._changes.popleft()

    async def _answers(self, shared: Shared) -> bool:
        try:
            async with asyncio.timeout(self._timeout):
                await shared.draw(_PROBE)
        except FAILED:
            return False
        return True

"""Token buckets as one number each (GCRA): may this request pass, and how full is the bucket then?

A bucket holds `burst` tokens and gains one every `interval`. Its state is the time at which it will
be full again, the theoretical arrival time of GCRA (ITU-T I.371 annex A, the virtual scheduling
form): one integer instead of a count and a time, and the same decisions. All times are integer
microseconds of one clock, whichever the store has; a bucket that nobody has used is `FULL`.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from lotabots.kernel import invalid

SECOND = 1_000_000
FULL = 0
"""The state of a bucket that was never used, or not for long."""
_TEXT = re.compile(r"([1-9][0-9]{0,8})/([1-9][0-9]{0,5})?([smhd])(?: burst ([1-9][0-9]{0,8}))?")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Limit(NamedTuple):
    """So many tokens at once, and one more every `interval` microseconds."""

    interval: int
    burst: int

    @property
    def window(self) -> int:
        """Microseconds that an empty bucket takes to fill."""
        return self.interval * self.burst

    def times(self, share: float) -> "Limit":
        """That part of this limit, of its rate and of its burst; never less than one token."""
        return Limit(max(1, round(self.interval / share)), max(1, int(self.burst * share)))


class Decision(NamedTuple):
    """What one bucket says. Times are microseconds from now."""

    allowed: bool
    remaining: int
    """Whole tokens left after this request."""
    retry_after: int
    """0 if allowed; else when this bucket will have a token."""
    full_after: int
    """When the bucket will be full again."""


def decide(state: int, limit: Limit, now: int) -> tuple[Decision, int]:
    """The decision about one token, and the bucket's next state: unchanged if it was refused.

    A state beyond what the limit can reach (a clock that was set back, a limit that was lowered) is
    cut to an empty bucket, so that nobody is locked out for longer than the limit says.
    """
    interval, burst = limit
    window = interval * burst
    arrival = now if state <= now else min(state, now + window)
    after = arrival + interval
    full_after = after - now
    if full_after > window:
        left = (window - (arrival - now)) // interval
        return Decision(False, left, full_after - window, arrival - now), state
    return Decision(True, (window - full_after) // interval, 0, full_after), after


def decide_all(
    states: Sequence[int], limits: Sequence[Limit], now: int
) -> tuple[tuple[Decision, ...], tuple[int, ...]]:
    """Each bucket's decision, and their next states: a token from every one, or from none."""
    decisions, nexts, allowed = [], [], True
    for state, limit in zip(states, limits, strict=True):
        decision, after = decide(state, limit, now)
        decisions.append(decision)
        nexts.append(after)
        allowed = allowed and decision.allowed
    return tuple(decisions), tuple(nexts if allowed else states)


def read_limit(text: str) -> Limit:
    """The limit that a setting writes as `COUNT/PERIOD`, or `COUNT/PERIOD burst N`.

    `300/1m` is a bucket of 300 that takes a minute to fill; `10/s burst 50` gains ten tokens a
    second and holds 50. A period is a number of s, m, h or d. Raises `SETTINGS_INVALID`.
    """
    found = _TEXT.fullmatch(text)
    if found is None:
        detail = "a limit is written like `300/1m` or `10/1s burst 50`"
        raise invalid("SETTINGS_INVALID", detail, limit=text[:64])
    count = int(found[1])
    interval = int(found[2] or 1) * _UNITS[found[3]] * SECOND // count
    if interval < 1:
        raise invalid("SETTINGS_INVALID", "a limit is at most a million a second")
    limit = Limit(interval, int(found[4] or count))
    if limit.window > 31 * 86_400 * SECOND:  # far below 2^53, where Lua's numbers end
        raise invalid("SETTINGS_INVALID", "a bucket fills within a month at most")
    return limit

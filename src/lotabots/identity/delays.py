"""How long whoever fails to log in must wait: five tries are free, then twice as long each time.

Nobody is locked out for good: the longest wait is a quarter of an hour, a day of quiet forgets all,
and where an account has logged in before, only the failures from there count against it there.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

LONGEST = timedelta(minutes=15)
FORGOTTEN = timedelta(days=1)
"""How long after the last try the count begins anew."""


class Tries(NamedTuple):
    """The tries of one account, or from one address, that may have been guesses."""

    failures: int
    last_at: datetime
    until: datetime
    """No further try is looked at before."""


def wait_after(failures: int, free: int) -> timedelta:
    """How long after that many failures the next try must wait: 1 s after the last free one."""
    if failures < free:
        return timedelta(0)
    return min(LONGEST, timedelta(seconds=2 ** min(failures - free, 10)))


def tried(before: Tries | None, now: datetime, free: int) -> Tries | timedelta:
    """What is known after one more try, which counts as failed until it succeeds; or how long it
    must wait, and then it counts for nothing.
    """
    if before is None or now - before.last_at >= FORGOTTEN:
        failures = 1
    elif now < before.until:
        return before.until - now
    else:
        failures = before.failures + 1
    return Tries(failures, now, now + wait_after(failures, free))


def forgiven(tries: Tries, now: datetime, free: int) -> Tries:
    """The same without one of its tries: it was none, or it succeeded."""
    failures = max(0, tries.failures - 1)
    return Tries(failures, tries.last_at, now + wait_after(failures, free))

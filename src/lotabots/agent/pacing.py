"""When the agent does what it does next. Pure: chance comes in as a number from 0 to 1."""

JITTER = 0.1
"""Agents that were started together do not come together for ever."""
FIRST_SECONDS = 1.0
CEILING_SECONDS = 60.0
LONGEST_ASKED = 3600.0
LEAST_SECONDS = 0.5
_MOST_DOUBLINGS = 32


def spread(seconds: float, chance: float) -> float:
    """This time, a tenth earlier or later; never so short that we turn in circles."""
    return max(LEAST_SECONDS, seconds * (1 + JITTER * (2 * chance - 1)))


def back_off(
    failures: int, chance: float, asked: float | None = None, ceiling: float = CEILING_SECONDS
) -> float:
    """How long to wait after so many failures in a row (at least 1), in seconds.

    Any time up to a bound that doubles with each failure and then stays: when a server comes back
    it meets all of its agents, and they must not come at once ("full jitter"). What the server
    itself asked for (Retry-After) is waited for first, up to an hour.
    """
    bound = min(ceiling, FIRST_SECONDS * 2.0 ** min(failures - 1, _MOST_DOUBLINGS))
    first = 0.0 if asked is None else min(max(asked, 0.0), LONGEST_ASKED)
    return first + max(LEAST_SECONDS, bound * chance)


def renew_after(lifetime: float) -> float:
    """After how much of a credential's life it is renewed: a third is left to try again in."""
    return lifetime * 2 / 3

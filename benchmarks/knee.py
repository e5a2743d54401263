"""Where a server stops keeping up: steps of offered load, and the last good one of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

KEPT, SLOWER, SLACK_MS = 0.98, 10.0, 25.0
GROWTH, HALVINGS = 1.6, 3

RULE = [
    f"Knee: the highest rate offered of which {KEPT:.0%} was done well, with a p99 of at",
    f"most {SLOWER:.0f} times the idle one or {SLACK_MS:.0f} ms more, found in steps that grow by",
    f"{GROWTH:g} and {HALVINGS} halvings of the last gap; measured again, and lowered by a",
    "tenth until it holds.",
]


@dataclass(frozen=True)
class Step:
    """What came of one rate of load."""

    users: int
    offered: float
    """Operations a second."""
    done: float
    p50: float
    p99: float
    worst: float
    """Milliseconds, of what was done well."""
    statuses: dict[str, int]
    strange: dict[str, int]
    """Anything but 2xx, or 429 and 503 in the one error body; 0 is an answer that never came."""
    slowest: float
    """Seconds of the slowest answer, good or not."""
    cpu: float
    """Cores that the load itself took."""
    seconds: float

    @property
    def refused(self) -> float:
        """The part of all answers that were 429 or 503."""
        every = sum(self.statuses.values()) or 1
        return sum(self.statuses.get(code, 0) for code in ("429", "503")) / every


def limit_ms(idle: Step, slower: float = SLOWER) -> float:
    """The p99 up to which it still counts as keeping up."""
    return max(idle.p99 * slower, idle.p99 + SLACK_MS)


def is_calm(step: Step, idle: Step) -> bool:
    """Whether it is as it was when idle; a window is short, and its p99 often its worst."""
    return bool(step.done) and step.p99 <= max(limit_ms(idle, 2), idle.worst) and not step.refused


def keeps_up(step: Step, idle: Step) -> bool:
    """Whether this rate is below the knee."""
    kept = KEPT * step.offered - 1 / step.seconds  # the last one may still be under way
    return step.done >= kept and step.p99 <= limit_ms(idle)


def find(measure: Callable[[int], Step], idle: Step, start: int) -> Iterator[Step]:
    """Every step that was tried; the knee is the last of them that keeps up."""
    good, users = idle.users, start
    while True:
        step = measure(users)
        yield step
        if not keeps_up(step, idle):
            break
        good, users = users, max(users + 1, round(users * GROWTH))
    bad = users
    for _ in range(HALVINGS):
        users = (good + bad) // 2
        if users in (good, bad):
            return
        step = measure(users)
        yield step
        good, bad = (users, bad) if keeps_up(step, idle) else (good, users)

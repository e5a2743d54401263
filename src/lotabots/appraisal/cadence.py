"""How often a node has to prove itself, and how long its silence is borne: a policy's rhythm."""

from datetime import datetime, timedelta

import msgspec

from lotabots.appraisal.state import NodeState
from lotabots.appraisal.verdict import Outcome
from lotabots.kernel import format_duration, format_time, invalid

SHORTEST, LONGEST = timedelta(seconds=1), timedelta(days=7)
MOST_INTERVALS = 1000


class Cadence(msgspec.Struct, frozen=True, kw_only=True):
    """Intervals, and after how many silent ones what happens. Raises `POLICY_MALFORMED`."""

    light: timedelta
    """Between two attestations."""
    full: timedelta
    """Between two full ones."""
    stale_after: int
    """So many silent intervals, and the node is stale. So many intervals of full ones, and light
    ones have nothing to stand on."""
    reject_after: int
    """So many silent intervals, and the node is rejected."""

    def __post_init__(self) -> None:
        _require(SHORTEST <= self.light <= self.full <= LONGEST, "1s <= light <= full <= 7d")
        _require(
            1 <= self.stale_after < self.reject_after <= MOST_INTERVALS,
            f"1 <= stale_after < reject_after <= {MOST_INTERVALS}",
        )

    @property
    def stale_in(self) -> timedelta:
        """The silence that makes a node stale."""
        return self.light * self.stale_after

    @property
    def rejected_in(self) -> timedelta:
        """The silence that has a node rejected."""
        return self.light * self.reject_after

    @property
    def full_holds(self) -> timedelta:
        """How long light attestations may stand on a full one."""
        return self.full * self.stale_after


class Needed(msgspec.Struct, frozen=True):
    """What the full attestation has to be like that a light one stands on."""

    policy: str
    """Under which policy, by its id."""
    cadence: Cadence
    revoked: str
    """`revoked_digest` of what is revoked."""


def missing_full(state: NodeState | None, needed: Needed, now: datetime) -> tuple[str, str] | None:
    """What a light attestation would have to stand on, and what is there; None where it holds.

    Whatever is missing, older, of another policy or dated after `now` does not hold.
    """
    wanted = (
        f"an accepted full attestation of the last {format_duration(needed.cadence.full_holds)}"
    )
    if state is None or state.full_at is None or state.full_outcome is None:
        return wanted, "none that light ones may stand on"
    if state.full_outcome is not Outcome.ACCEPTED:
        return wanted, f"the last one was {state.full_outcome}"
    if state.full_policy != needed.policy:
        return f"one under {needed.policy}", f"one under {state.full_policy or 'no policy'}"
    if state.full_revoked != needed.revoked:
        return "one that knew what is revoked now", "the last one knew other revocations"
    if not timedelta() <= now - state.full_at <= needed.cadence.full_holds:
        return wanted, f"the last one was judged {format_time(state.full_at)}"
    return None


def full_is_next(state: NodeState | None, needed: Needed, at: datetime) -> bool:
    """Whether what is sent at that moment has to be full: it is due, or a light one would fail."""
    if missing_full(state, needed, at) is not None:
        return True
    return state is None or state.full_at is None or at - state.full_at >= needed.cadence.full


def _require(holds: bool, rule: str) -> None:
    if not holds:
        raise invalid("POLICY_MALFORMED", f"The intervals of a policy: {rule}.")

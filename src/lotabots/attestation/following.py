"""What a node is to send next, and when: told with every verdict."""

from datetime import datetime

from lotabots.appraisal import Needed, NodeState, Scope, full_is_next
from lotabots.attestation.types import Following


def following(
    state: NodeState | None, scope: Scope, needed: Needed, now: datetime, *, lightly: bool
) -> Following:
    """What comes after an attestation of this scope that left this state.

    `lightly`: whether a light attestation of the node is about anything.
    """
    cadence = needed.cadence
    if not lightly:
        return _of(Scope.FULL, cadence.full.total_seconds())
    if scope is Scope.LIGHT and full_is_next(state, needed, now):
        return _of(Scope.FULL, 0)
    # What a light one could not stand on any more by then is made full before that.
    full = full_is_next(state, needed, now + cadence.light)
    return _of(Scope.FULL if full else Scope.LIGHT, cadence.light.total_seconds())


def _of(scope: Scope, seconds: float) -> Following:
    return Following(scope=scope.value, after_seconds=int(seconds))

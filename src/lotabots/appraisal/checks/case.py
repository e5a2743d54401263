"""What a check may look at: the claims of every device that answered, and what was asked."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from lotabots.appraisal.policy import Policy
from lotabots.appraisal.state import Identity, NodeState, Scope
from lotabots.evidence import Cause, Claims, Facts, Finding, InventoryItem, Revocation
from lotabots.kernel.codes import CATALOGUE


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One appraisal, as its checks see it."""

    claims: tuple[Claims, ...]
    """In the order of the evidence."""
    inventory: Mapping[str, InventoryItem] | None
    """Subject -> the device declared in its place; None where no inventory was declared."""
    policy: Policy
    previous: NodeState | None
    now: datetime
    scope: Scope
    identity: Identity
    node: str
    revoked: tuple[Revocation, ...]
    facts: Facts
    """Of the node: what exists only between devices."""


def finding(code: str, subject: str, *, expected: str, measured: str) -> Finding:
    """A finding with this code's cause, meaning and fix."""
    entry = CATALOGUE[code]
    cause = Cause(entry.about)
    return Finding(
        code=code,
        cause=cause,
        subject=subject,
        title=entry.meaning,
        expected=expected,
        measured=measured,
        fix=entry.fix,
        retryable=cause is Cause.COLLATERAL,
    )

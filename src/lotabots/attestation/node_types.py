"""What the API takes and gives of the life of nodes: pages, lifecycle, devices."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from lotabots.attestation.types import (
    MAX_DEVICES,
    DeclaredDevice,
    Device,
    Name,
    NodeClass,
    PolicyRef,
    Request,
    Response,
)

Standing = Literal["unknown", "accepted", "inconclusive", "rejected", "stale"]
Lifecycle = Literal["active", "quarantined", "revoked"]
Identity = Literal["declared", "software", "tee", "tpm"]
_SAID = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*\Z"  # not blanks alone


class NodeRegistration(Request, frozen=True, kw_only=True):
    """A node and its whole inventory, as the operator declares it."""

    name: Name
    inventory: Annotated[
        tuple[DeclaredDevice, ...], msgspec.Meta(min_length=1, max_length=MAX_DEVICES)
    ]
    node_class: NodeClass = "gpu"
    policy: PolicyRef | None = None
    """By which policy it is judged; left out: by the one in force."""


class Agent(Response, frozen=True, kw_only=True):
    """The credential that a node's agent has now."""

    key_thumbprint: str
    """Of the session key that it is bound to (RFC 7638)."""
    issued_at: datetime
    expires_at: datetime


class Node(Response, frozen=True, kw_only=True):
    """A node and how it stands: by its own last submission that proved anything, or its silence."""

    id: UUID
    name: str
    created_at: datetime
    node_class: str
    identity: str
    """What its own key rests on: `tpm`, `tee`, `software`, or `declared`: it has none."""
    lifecycle: str
    lifecycle_reason: str
    lifecycle_at: datetime | None
    policy: str | None
    standing: str
    standing_at: datetime | None
    freshness: str
    """`fresh`, `stale`, `silent` for so long that it is rejected, or `never` heard."""
    last_attempt_at: datetime | None
    last_success_at: datetime | None
    due_at: datetime | None
    """When it is stale unless it attests before, and when rejected."""
    overdue_at: datetime | None
    level: str | None
    """Of its newest full attestation: that of its weakest device."""
    simulated: bool | None
    inventory: tuple[Device, ...] = ()
    agent: Agent | None = None
    """Shown of a single node."""


class Reason(Request, frozen=True, kw_only=True):
    """Why an operator changes the life of a node: who comes later will ask."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=_SAID)]


class NodePage(Response, frozen=True, kw_only=True):
    """One page of nodes by name. `next` is `after` of the page behind it."""

    items: tuple[Node, ...]
    next: str | None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which nodes to list; None lists all."""

    name: str | None = None
    standing: str | None = None
    node_class: str | None = None
    lifecycle: str | None = None
    identity: str | None = None

"""What the API says about a fleet, as frozen values."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from lotabots.appraisal import Binding, FactChange
from lotabots.attestation.node_types import Node
from lotabots.attestation.types import MAX_POLICY_TEXT, Request, Response
from lotabots.evidence import Finding


class Reason(Response, frozen=True, kw_only=True):
    """A code, and of how many nodes it is the first reason now."""

    code: str
    title: str
    nodes: int


class Silent(Response, frozen=True, kw_only=True):
    """A node that has said nothing for too long."""

    id: UUID
    name: str
    standing: str
    due_at: datetime
    last_success_at: datetime | None


class Fleet(Response, frozen=True, kw_only=True):
    """All nodes of a tenant, counted."""

    at: datetime
    nodes: int
    standing: dict[str, int]
    """As of now: a node beyond its deadline counts as `stale` or `rejected`, whoever watches."""
    lifecycle: dict[str, int]
    identity: dict[str, int]
    classes: dict[str, int]
    reasons: tuple[Reason, ...]
    silent: tuple[Silent, ...]
    """The longest silent first, at most 20."""


class Change(Response, frozen=True, kw_only=True):
    """What is different since the node was last accepted."""

    facts: tuple[FactChange, ...]
    appeared: tuple[Finding, ...]
    vanished: tuple[Finding, ...]


class Affected(Response, frozen=True, kw_only=True):
    """What hangs on the node's standing."""

    results: int
    """Signed results of it that are neither over nor revoked."""
    devices: tuple[str, ...]
    models: tuple[str, ...]
    """The registered models that it stated last, by digest."""


class Why(Response, frozen=True, kw_only=True):
    """Why a node stands as it does."""

    node: Node
    newest: UUID | None
    """The attestation that the reasons are from."""
    evaluated_at: datetime | None
    status: str | None
    policy: str | None
    reasons: tuple[Finding, ...]
    """Worst first."""
    bindings: tuple[Binding, ...]
    last_good: UUID | None
    last_good_at: datetime | None
    changed: Change | None
    """None where there is nothing to compare: never accepted, or accepted now."""
    affected: Affected


class ReappraisalRequest(Request, frozen=True, kw_only=True):
    """A policy to hold the newest evidence of every node against; nothing is stored."""

    source: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_POLICY_TEXT)]
    after: UUID | None = None
    """`next` of the page before."""


class Reappraisal(Response, frozen=True, kw_only=True):
    """What the policy would say of one node."""

    node: UUID
    name: str
    attestation: UUID
    before: str
    """By the policy that it was judged by, with today's code."""
    after: str | None
    findings: tuple[Finding, ...]
    """Those that only the new policy has."""
    error: str | None
    """Why it could not be judged again; then `after` is None."""


class ReappraisalPage(Response, frozen=True, kw_only=True):
    """Some nodes; `next` is `after` of the page behind it."""

    policy: str
    items: tuple[Reappraisal, ...]
    next: UUID | None

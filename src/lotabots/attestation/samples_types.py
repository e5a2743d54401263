"""What the API takes and gives of a node's resources: always and only what software claims."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from lotabots.attestation.types import Request, Response
from lotabots.evidence.schemes.host_claims import Report

MAX_REPORTS = 20
Claimed = Literal["claimed"]
"""The level of everything here: software that the node's owner controls has said it."""


class Reports(Request, frozen=True, kw_only=True):
    """What an agent measured, oldest first: one report, or more after it was offline."""

    reports: Annotated[tuple[Report, ...], msgspec.Meta(min_length=1, max_length=MAX_REPORTS)]


class Reported(Response, frozen=True, kw_only=True):
    """How many reports are stored now that were not before; the others were there already."""

    level: Claimed = "claimed"
    stored: int
    known: int


class Resources(Response, frozen=True, kw_only=True):
    """A node's newest report; without one there is no `at`."""

    level: Claimed = "claimed"
    node: UUID
    at: datetime | None
    stale: bool
    """The newest report is older than five minutes, or there is none."""
    report: dict[str, object] | None


class Sample(Response, frozen=True, kw_only=True):
    """One report of a series."""

    at: datetime
    report: dict[str, object]


class Samples(Response, frozen=True, kw_only=True):
    """A node's reports from one moment up to another, at most one in each step: its newest."""

    level: Claimed = "claimed"
    node: UUID
    start: datetime = msgspec.field(name="from")
    end: datetime = msgspec.field(name="to")
    step_seconds: int
    samples: tuple[Sample, ...]

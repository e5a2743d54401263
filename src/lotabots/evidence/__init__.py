"""What devices send and what is proven from it; one folder for each kind of evidence."""

from lotabots.evidence.types import (
    Anchor,
    Anchors,
    Cause,
    Claims,
    Evidence,
    Fact,
    Facts,
    Finding,
    Level,
    NodeClaims,
    ReferenceFiles,
)

__all__ = [
    "Anchor",
    "Anchors",
    "Cause",
    "Claims",
    "Evidence",
    "Fact",
    "Facts",
    "Finding",
    "Level",
    "NodeClaims",
    "ReferenceFiles",
]

"""What devices send and what is proven from it; one folder for each kind of evidence."""

from lotabots.evidence.caches import Caches, Slot
from lotabots.evidence.challenge import (
    Challenge,
    DerivedChallenge,
    GivenNonce,
    InventoryItem,
    Leaf,
    expected_nonce,
    leaf_nonce,
    manifest,
    root_nonce,
)
from lotabots.evidence.scheme import Context, Scheme
from lotabots.evidence.types import (
    Anchor,
    Anchors,
    Cause,
    Claims,
    Evidence,
    Fact,
    Facts,
    Finding,
    KnownModel,
    Level,
    NodeClaims,
    ReferenceFiles,
)

__all__ = [
    "Anchor",
    "Anchors",
    "Caches",
    "Cause",
    "Challenge",
    "Claims",
    "Context",
    "DerivedChallenge",
    "Evidence",
    "Fact",
    "Facts",
    "Finding",
    "GivenNonce",
    "InventoryItem",
    "KnownModel",
    "Leaf",
    "Level",
    "NodeClaims",
    "ReferenceFiles",
    "Scheme",
    "Slot",
    "expected_nonce",
    "leaf_nonce",
    "manifest",
    "root_nonce",
]

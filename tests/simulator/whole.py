"""Judges whole nodes as an appraiser does: leaves, root quote and what lies between."""

from collections.abc import Sequence
from datetime import UTC, datetime

from lotabots.appraisal import (
    Appraiser,
    Identity,
    Inputs,
    NodeState,
    Scope,
    Verdict,
    appraise,
    builtin_policy,
    next_state,
)
from lotabots.evidence import Caches, DerivedChallenge, Evidence, InventoryItem
from lotabots.simulator import Node, anchors, reference_files

NOW = datetime(2026, 11, 23, 12, 30, 15, tzinfo=UTC)


class Whole:
    """Challenges to whole nodes, and the verdicts on their answers."""

    def __init__(self) -> None:
        self.caches = Caches()

    def challenge(
        self, node: Node, inventory: Sequence[InventoryItem] | None = None
    ) -> DerivedChallenge:
        """A challenge to everything on the node, or to these devices."""
        return DerivedChallenge(
            server="https://server.example",
            challenge="challenge",
            node="node",
            session_key_sha256="cd" * 32,
            nonce=bytes(range(32)),
            inventory=tuple(inventory or (*node.inventory, InventoryItem("host", "node"))),
        )

    def judge(
        self,
        node: Node,
        previous: NodeState | None = None,
        evidence: Sequence[Evidence] | None = None,
    ) -> Verdict:
        """The verdict of the demo's policy for this kind of node, on its evidence or on another."""
        challenge = self.challenge(node)
        inputs = Inputs(
            evidence=tuple(node.attest_whole(challenge) if evidence is None else evidence),
            challenge=challenge,
            reference=reference_files(NOW, [node]),
            policy=builtin_policy("demo" if node.devices else "demo-host"),
            anchors=anchors(),
            now=NOW,
            node="node",
            identity=Identity.TPM,
            tpms=node.tpms,
            previous=previous,
        )
        return appraise(inputs, self.caches, Appraiser(version="test", digest="ab" * 32))

    def next_state(self, previous: NodeState | None, verdict: Verdict) -> NodeState:
        """What this verdict leaves for the next one."""
        return next_state(previous, Scope.FULL, (), verdict)

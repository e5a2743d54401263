"""A policy from few words, and inputs from simulated nodes."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from lotabots.appraisal import Appraiser, Inputs, Policy, builtin_policy, load_policy
from lotabots.evidence import DerivedChallenge, Evidence, ReferenceFiles
from lotabots.simulator import Node, anchors, make_node, reference_files

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PolicyOf = Callable[..., Policy]
InputsOf = Callable[..., Inputs]


def rule(when: str, **changes: object) -> dict[str, object]:
    written: dict[str, object] = {
        "id": "one",
        "evidence": "gpu",
        "claim": "hardware",
        "when": when,
        "tier": 96,
        "severity": "high",
        "title": "It is so",
        "why": "Because.",
        "fix": "Make it so.",
    }
    return written | changes


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def appraiser() -> Appraiser:
    return Appraiser(version="1.2.3", digest="ab" * 32)


@pytest.fixture
def policy_of() -> PolicyOf:
    """A policy with these rules (conditions over `gpu`, or whole rules)."""

    def make(*rules: str | dict[str, object], **changes: object) -> Policy:
        written = [
            rule(one, id=f"rule-{at}") if isinstance(one, str) else one
            for at, one in enumerate(rules)
        ]
        document = {"name": "mine", "require": {"gpu": {"min": 1}}, "rules": written} | changes
        return load_policy(json.dumps(document).encode())

    return make


@pytest.fixture(scope="session")
def node() -> Node:
    return make_node("node-1", gpus=2, switches=0)


@pytest.fixture(scope="session")
def references(node: Node) -> ReferenceFiles:
    return reference_files(NOW, [node])


@pytest.fixture
def inputs_of(node: Node, references: ReferenceFiles) -> InputsOf:
    """Inputs of a simulated node under the demo policy; any of them can be changed."""

    def make(of: Node = node, **changes: object) -> Inputs:
        challenge = DerivedChallenge(
            server="https://server.example",
            challenge="challenge-1",
            node="node-1",
            session_key_sha256="cd" * 32,
            nonce=bytes(range(32)),
            inventory=of.inventory,
        )
        evidence: tuple[Evidence, ...] = tuple(of.attest(challenge.expected()))
        arguments: dict[str, object] = {
            "evidence": evidence,
            "challenge": challenge,
            "reference": references,
            "policy": builtin_policy("demo"),
            "anchors": anchors(),
            "now": NOW,
            "node": "node-1",
        }
        return Inputs(**(arguments | changes))  # type: ignore[arg-type]

    return make

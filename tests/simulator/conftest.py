"""Judges simulated nodes with the real verifier, at one moment, against one set of roots."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from simulator.whole import Whole

from lotabots.appraisal import Appraiser, Inputs, Verdict, appraise, builtin_policy
from lotabots.evidence import (
    Caches,
    Cause,
    Context,
    DerivedChallenge,
    Evidence,
    NodeClaims,
    ReferenceFiles,
)
from lotabots.evidence.schemes.nvidia_gpu import verify_node
from lotabots.simulator import Node, Revocation, anchors, reference_files

NOW = datetime(2026, 11, 23, 12, 30, 15, tzinfo=UTC)
NONCE = bytes(range(32))


class Judged(NamedTuple):
    """Claims, and what a policy that tolerates no finding would make of them."""

    claims: NodeClaims

    @property
    def codes(self) -> dict[str, set[str]]:
        """Subject -> the codes found there."""
        found: dict[str, set[str]] = {}
        devices = (finding for device in self.claims.devices for finding in device.findings)
        for finding in (*devices, *self.claims.findings):
            found.setdefault(finding.subject, set()).add(finding.code)
        return found

    @property
    def outcome(self) -> str:
        """`rejected` for any finding but of collateral, `inconclusive` for those, else accepted."""
        devices = (finding for device in self.claims.devices for finding in device.findings)
        causes = {finding.cause for finding in (*devices, *self.claims.findings)}
        if not causes:
            attested = all(device.level == "attested" for device in self.claims.devices)
            return "accepted" if attested else "inconclusive"
        return "inconclusive" if causes == {Cause.COLLATERAL} else "rejected"


Judge = Callable[..., Judged]


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def nonce() -> bytes:
    return NONCE


@pytest.fixture(scope="session")
def judge() -> Judge:
    """Judges a node, or other evidence in its place, against its own reference files."""
    caches = Caches()

    def run(
        node: Node,
        evidence: Sequence[Evidence] | None = None,
        *,
        reference: ReferenceFiles | None = None,
        revocation: Revocation = Revocation.PUBLISHED,
    ) -> Judged:
        sent = node.attest_to(NONCE) if evidence is None else evidence
        context = Context(
            nonces={item.subject: NONCE for item in sent},
            reference=reference or reference_files(NOW, [node], revocation=revocation),
            anchors=anchors(),
            now=NOW,
            max_revocation_age=timedelta(days=30),
            caches=caches,
        )
        return Judged(verify_node(sent, context))

    return run


@pytest.fixture(scope="session")
def verdict_on() -> Callable[[Node, Revocation], Verdict]:
    """The verdict of the policy `demo` on a node that answers a challenge made for it."""
    caches, policy = Caches(), builtin_policy("demo")

    def run(node: Node, revocation: Revocation) -> Verdict:
        challenge = DerivedChallenge(
            server="https://server.example",
            challenge="challenge",
            node=node.name,
            session_key_sha256="cd" * 32,
            nonce=NONCE,
            inventory=node.inventory,
        )
        inputs = Inputs(
            evidence=tuple(node.attest(challenge.expected())),
            challenge=challenge,
            reference=reference_files(NOW, [node], revocation=revocation),
            policy=policy,
            anchors=anchors(),
            now=NOW,
            node=node.name,
        )
        return appraise(inputs, caches, Appraiser(version="test", digest="ab" * 32))

    return run


@pytest.fixture(scope="session")
def whole() -> Whole:
    return Whole()


@pytest.fixture(scope="session")
def judge_whole(whole: Whole) -> Callable[..., Verdict]:
    """The verdict on a node, given how it stood before."""
    return whole.judge

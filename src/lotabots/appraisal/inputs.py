"""Everything that decides a verdict, in one frozen value."""

from datetime import datetime

import msgspec

from lotabots.appraisal.policy import Policy
from lotabots.appraisal.state import Identity, NodeState, Scope
from lotabots.appraisal.verdict import EvidenceDigest
from lotabots.evidence import (
    Anchors,
    Challenge,
    DerivedChallenge,
    EnrolledTpm,
    Evidence,
    KnownModel,
    Leaf,
    ReferenceFiles,
    Revocation,
)
from lotabots.kernel import sha256_hex

ROOT_KINDS = frozenset({"tpm"})
"""Kinds whose evidence is a quote over all the rest."""
_DIGITS = "0123456789"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """The arguments of `appraise`: the same inputs give the same verdict, byte for byte."""

    evidence: tuple[Evidence, ...]
    challenge: Challenge
    reference: ReferenceFiles
    policy: Policy
    anchors: Anchors
    now: datetime
    """Aware; microseconds are cut off."""
    node: str
    scope: Scope = Scope.FULL
    identity: Identity = Identity.DECLARED
    previous: NodeState | None = None
    """What the node's newest verdict left, if there is one."""
    tpms: tuple[EnrolledTpm, ...] = ()
    """The TPMs that the node enrolled, as we recorded them."""
    revoked: tuple[Revocation, ...] = ()
    """What operators of this tenant have revoked."""
    models: tuple[KnownModel, ...] = ()
    """What the registry knows of the models that the challenge was made for."""

    @property
    def moment(self) -> datetime:
        """`now` in whole seconds: the moment that the verdict names and every check uses."""
        return self.now.replace(microsecond=0)

    @property
    def challenge_id(self) -> str:
        """The challenge's id; empty where the nonce was given by hand."""
        if isinstance(self.challenge, DerivedChallenge):
            return self.challenge.challenge
        return ""

    def leaves(self) -> tuple[Leaf, ...]:
        """Every piece of evidence that a root quote must cover, by content, in the order sent."""
        return tuple(
            Leaf(
                kind=one.subject.rstrip(_DIGITS),
                index=int(one.subject.lstrip(_LETTERS) or 0),
                sha256=sha256_hex(one.data),
            )
            for one in self.evidence
            if one.subject.rstrip(_DIGITS) not in ROOT_KINDS
        )

    def evidence_digests(self) -> tuple[EvidenceDigest, ...]:
        """What was judged, by content, in the order in which it was sent."""
        return tuple(
            EvidenceDigest(
                subject=evidence.subject,
                data_sha256=sha256_hex(evidence.data),
                certificates_sha256=sha256_hex(evidence.certificates),
            )
            for evidence in self.evidence
        )

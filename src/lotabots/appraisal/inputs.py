"""Everything that decides a verdict, in one frozen value."""

from datetime import datetime

import msgspec

from lotabots.appraisal.policy import Policy
from lotabots.appraisal.verdict import EvidenceDigest, Verdict
from lotabots.evidence import (
    Anchors,
    Challenge,
    DerivedChallenge,
    Evidence,
    KnownModel,
    ReferenceFiles,
)
from lotabots.kernel import sha256_hex


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
    previous: Verdict | None = None
    """The node's previous verdict, if there is one."""
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

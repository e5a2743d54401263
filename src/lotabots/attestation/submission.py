"""What a node sent and what was found of it, and all that can be made of it before it is stored."""

from uuid import UUID

import msgspec

from lotabots.appraisal import Inputs, NodeState
from lotabots.attestation import nodes
from lotabots.attestation.challenging import Made
from lotabots.attestation.judge import Judged
from lotabots.attestation.loading import Loaded
from lotabots.attestation.outcome import device_rows
from lotabots.attestation.store import (
    AttestationRow,
    EvidenceRow,
    Record,
    ResultRow,
    StandingRow,
)
from lotabots.attestation.types import AttestationRequest
from lotabots.kernel import Principal
from lotabots.result import Profile


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """What a node sent, by whom, and what was found of it."""

    principal: Principal
    request: AttestationRequest
    profile: Profile
    loaded: Loaded
    inputs: Inputs
    judged: Judged


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A submission with everything that can be made of it before a transaction begins."""

    one: Submission
    row: AttestationRow
    parcel: bytes
    evidence: list[EvidenceRow]
    node: StandingRow | None
    result: ResultRow

    @property
    def state(self) -> NodeState | None:
        """What the node's next attestation is judged from."""
        known = self.one.loaded.known.state
        return known if self.node is None or self.node.state is None else self.node.state

    @property
    def counts(self) -> bool:
        """Whether it says how the node stands."""
        return self.node is not None and self.node.standing is not None

    def record(self, entry_id: UUID, made: Made | None) -> Record:
        """What is stored of it."""
        declared = nodes.by_subject(self.one.loaded.asked)
        return Record(
            row=self.row,
            parcel=self.parcel,
            entry_id=entry_id,
            evidence=self.evidence,
            devices=device_rows(self.one.judged.verdict, declared, standing=self.counts),
            result=self.result,
            node=self.node,
            following=None if made is None else made.row,
        )

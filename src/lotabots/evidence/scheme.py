"""What a kind of evidence brings with it, and everything its verifier may look at."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lotabots.evidence.caches import Caches
from lotabots.evidence.challenge import Challenge, Leaf
from lotabots.evidence.types import (
    Anchors,
    EnrolledTpm,
    Evidence,
    Facts,
    KnownModel,
    NodeClaims,
    ReferenceFiles,
    TpmState,
)
from lotabots.kernel.codes import Code


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What evidence is held against. Same context and evidence, same claims.

    Reference files are read once for each `caches`: hand in the same object again, or an equal one.
    """

    nonces: Mapping[str, bytes]
    """Subject -> the nonce its evidence must carry. A subject that is not there is refused."""
    reference: ReferenceFiles
    anchors: Anchors
    now: datetime
    max_revocation_age: timedelta
    caches: Caches
    declared: Mapping[str, str] = field(default_factory=dict)
    """Subject -> the device id that is declared in its place."""
    models: tuple[KnownModel, ...] = ()
    """What our own registry knows of the models that are declared."""
    challenge: Challenge | None = None
    """The whole challenge: from it the nonce of a root quote follows."""
    leaves: tuple[Leaf, ...] = ()
    """Every piece of evidence that was sent, but the root's: what a root quote must cover."""
    tpms: tuple[EnrolledTpm, ...] = ()
    """The TPMs that the node enrolled."""
    tpm_state: TpmState | None = None
    """Where the node's TPM stood at its newest quote that held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """One kind of evidence: a folder in `schemes` and a line in `SCHEMES`."""

    name: str
    """What `Evidence.scheme` says."""
    verify: Callable[[Sequence[Evidence], Context], NodeClaims]
    """The claims of one node's evidence of this scheme: refusals are findings, nothing raises."""
    codes: tuple[Code, ...]
    good_facts: Mapping[str, Facts]
    """Kind -> a complete example of the facts of good evidence, by which policies are proved."""

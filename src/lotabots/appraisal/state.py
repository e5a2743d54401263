"""What a node's newest verdict leaves for its next one: how it stood, and where its TPM was.

Verdicts hold the state that they were made from, so that a replay needs no history.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from lotabots.appraisal.verdict import Outcome
from lotabots.evidence import TpmState


class Scope(StrEnum):
    """How much of a node an attestation is about."""

    FULL = "full"
    """Every device of the inventory."""
    LIGHT = "light"
    """The root of trust and what the host says: that all is as it was at the last full one."""


class Identity(StrEnum):
    """What the node's own key rests on, as it was proven when the node enrolled."""

    DECLARED = "declared"
    """An operator wrote the node down; it has no key of its own."""
    SOFTWARE = "software"
    TEE = "tee"
    TPM = "tpm"


class NodeState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a node stood after its newest verdict that counted for its standing."""

    evaluated_at: datetime
    outcome: Outcome
    full_at: datetime | None = None
    """When the last full attestation was judged, and what came of it."""
    full_outcome: Outcome | None = None
    full_policy: str = ""
    layout: Mapping[str, str] = {}
    """What the host said of itself (`driver`, `vbios/gpu0`, `mig/gpu0`, ...): a change of any of it
    asks for a full attestation."""
    tpm: TpmState | None = None

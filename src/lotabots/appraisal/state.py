"""What a node's newest verdict leaves for its next one: how it stood, and where its TPM was.

Verdicts hold the state that they were made from, so that a replay needs no history.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import cast

import msgspec

from lotabots.appraisal.paths import fact_at
from lotabots.appraisal.verdict import Outcome, Part, Verdict
from lotabots.evidence import Claims, Facts, Level, Revocation, TpmState
from lotabots.evidence.schemes.host_claims import layout_of
from lotabots.evidence.schemes.tpm import boot_of
from lotabots.kernel import canonical, sha256_hex

TPM, HOST = "tpm", "host"
IMA = "10"
"""The PCR of what the kernel measured."""
LIGHT_KINDS = frozenset({TPM, HOST})
"""What a light attestation asks for: the root of trust, and what the host says of itself."""

OF_NODES = frozenset({"node", "quarantine"})
"""Revocations that are about a node as such."""


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
    """When the full attestation was judged that light ones may stand on, and what came of it. None
    where there is none: also after a light one that was not accepted, until a full one comes."""
    full_outcome: Outcome | None = None
    full_policy: str = ""
    full_revoked: str = ""
    """`revoked_digest` of what was revoked then: what was revoked since may stand in the node."""
    layout: Mapping[str, str] = {}
    """What the host said of itself (`driver`, `vbios/gpu0`, `mig/gpu0`, ...) at the last full one:
    a change of any of it asks for a full attestation."""
    tpm: TpmState | None = None


def next_state(
    previous: NodeState | None, scope: Scope, revoked: tuple[Revocation, ...], verdict: Verdict
) -> NodeState:
    """What this verdict, made from `previous`, leaves for the next one."""
    tpm = _tpm(None if previous is None else previous.tpm, scope, verdict)
    if scope is Scope.FULL:
        return NodeState(
            evaluated_at=verdict.evaluated_at,
            outcome=verdict.outcome,
            full_at=verdict.evaluated_at,
            full_outcome=verdict.outcome,
            full_policy=verdict.policy_id,
            full_revoked=revoked_digest(revoked),
            layout=layout(verdict.parts),
            tpm=tpm,
        )
    left = NodeState(
        evaluated_at=verdict.evaluated_at,
        outcome=verdict.outcome,
        layout={} if previous is None else previous.layout,
        tpm=tpm,
    )
    if previous is None or verdict.outcome is not Outcome.ACCEPTED:
        # What was found may be gone from the next quote (a log that goes on, counters that are the
        # new ones by then), so nothing light is believed before all was looked at again.
        return left
    return msgspec.structs.replace(
        left,
        full_at=previous.full_at,
        full_outcome=previous.full_outcome,
        full_policy=previous.full_policy,
        full_revoked=previous.full_revoked,
    )


def layout(devices: Iterable[Part | Claims]) -> dict[str, str]:
    """What hosts and TPMs say of what the node is made of, where they speak at all."""
    found: dict[str, str] = {}
    for device in devices:
        if device.level is Level.NONE:
            continue
        if device.kind == HOST:
            found |= layout_of(_facts(device))
        firmware = _facts(device).get("firmware")
        if device.kind == TPM and isinstance(firmware, str):
            found[f"firmware/{device.subject}"] = firmware
    return found


def revoked_digest(revoked: Iterable[Revocation]) -> str:
    """Hex SHA-256 over the revoked things of which a light attestation says nothing; their order
    does not matter. Empty where nothing is revoked.
    """
    things = sorted([one.kind, one.value] for one in revoked if one.kind not in OF_NODES)
    return sha256_hex(canonical(things)) if things else ""


def judged_from(state: NodeState | None, scope: Scope) -> TpmState | None:
    """Where the node's TPM stood, for what is judged next.

    A full attestation brings its logs from their beginning: what other reference values or another
    policy let pass is judged again.
    """
    if state is None or state.tpm is None or scope is Scope.LIGHT:
        return None if state is None else state.tpm
    return msgspec.structs.replace(
        state.tpm, ima_entries=0, ima_pcr="", boot_pcrs=(), boot_digest=""
    )


def _tpm(previous: TpmState | None, scope: Scope, verdict: Verdict) -> TpmState | None:
    """Where the TPM stands now: never before where it stood, whatever a quote says."""
    part = next((part for part in verdict.parts if part.kind == TPM), None)
    if part is None or part.level is Level.NONE:
        return previous
    facts = _facts(part)
    counted = [fact_at(facts, ("boot", name)) for name in ("reset_count", "restart_count", "clock")]
    reset, restart, clock = counted
    if not (isinstance(reset, int) and isinstance(restart, int) and isinstance(clock, int)):
        return previous
    if fact_at(facts, ("boot", "status")) == "backwards":
        return previous
    now = TpmState(reset_count=reset, restart_count=restart, clock=clock)
    if previous and (previous.reset_count, previous.restart_count) == (reset, restart):
        now = msgspec.structs.replace(previous, clock=clock)
    judged, at = fact_at(facts, ("ima", "entries")), fact_at(facts, ("ima", "pcr"))
    # What was not judged good is not passed over, whatever a policy puts up with: the next log has
    # to hold it again.
    good = part.outcome is Outcome.ACCEPTED and fact_at(facts, ("pcrs", IMA, "status")) == "match"
    if good and isinstance(judged, int) and isinstance(at, str):
        now = msgspec.structs.replace(now, ima_entries=judged, ima_pcr=at)
    accepted = verdict.outcome is Outcome.ACCEPTED
    if scope is Scope.FULL or not accepted:
        pcrs, digest = boot_of(facts) if accepted else ((), "")
        now = msgspec.structs.replace(now, boot_pcrs=pcrs, boot_digest=digest)
    return now


def _facts(device: Part | Claims) -> Facts:
    # A part holds the facts of its claims; read back from JSON they are facts again.
    return cast("Facts", device.facts)

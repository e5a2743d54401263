"""What a verdict becomes: rows to store, an audit entry, and the answer to the node."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from lotabots.appraisal import Inputs, Part, Scope, Verdict, next_state
from lotabots.attestation.judge import Judged
from lotabots.attestation.known_node import KnownNode
from lotabots.attestation.session import new_standing, speaks, speaks_for
from lotabots.attestation.store import AttestationRow, DeviceRow, EvidenceRow, StandingRow
from lotabots.attestation.types import (
    Attested,
    AttestedDevice,
    Following,
    IssuedChallenge,
    Logged,
)
from lotabots.audit import Entry
from lotabots.evidence import Evidence, InventoryItem, Level
from lotabots.evidence.schemes.host_claims import KIND as HOST
from lotabots.kernel import Principal, Role, sha256_hex

TYPES = {Scope.FULL: "node", Scope.LIGHT: "light"}
"""What an attestation of each scope is called."""
MAX_CODES = 32
_LEVELS = tuple(Level)


def attestation_row(
    judged: Judged, attestation_id: UUID, challenge: UUID, inputs: Inputs
) -> AttestationRow:
    """The row of an attestation; `metadata` is what a list shows without opening the verdict."""
    verdict = judged.verdict
    reason = verdict.first_reason()
    return AttestationRow(
        id=attestation_id,
        hardware_id=verdict.node,
        attestation_type=TYPES[inputs.scope],
        status=verdict.outcome,
        metadata={
            "tier": verdict.tier,
            "level": weakest_level(verdict.parts),
            "simulated": verdict.simulated,
            "devices": len(verdict.parts),
            "codes": list(dict.fromkeys(f.code for f in verdict.findings))[:MAX_CODES],
            "first_reason": None if reason is None else msgspec.to_builtins(reason),
        },
        created_at=inputs.now,
        challenge_id=challenge,
        policy_id=verdict.policy_id,
        reference_digest=verdict.reference_digest,
        collateral_digest=verdict.collateral_digest,
        appraisal_digest=judged.digest,
        appraiser_version=verdict.appraiser.version,
        appraiser_digest=verdict.appraiser.digest,
        inputs_sha256=sha256_hex(judged.packed.manifest),
        verdict=judged.canonical,
    )


def weakest_level(parts: Iterable[Part]) -> Level:
    """The level of a whole node: that of its weakest device.

    What a host says of itself lowers nothing: it is never more than claimed.
    """
    levels = [(part.kind == HOST, part.level) for part in parts]
    # Where there is nothing else, it is all that the node's level can come from.
    alone = all(host for host, _ in levels)
    counted = (level for host, level in levels if alone or not host)
    return min(counted, key=_LEVELS.index, default=Level.NONE)


def evidence_rows(verdict: Verdict, evidence: Iterable[Evidence]) -> list[EvidenceRow]:
    """One row for each piece of evidence, by the digests that the verdict names."""
    schemes = {item.subject: item.scheme for item in evidence}
    return [
        EvidenceRow(
            subject=digest.subject,
            scheme=schemes[digest.subject],
            data_sha256=digest.data_sha256,
            certificates_sha256=digest.certificates_sha256,
        )
        for digest in verdict.evidence
    ]


def device_rows(
    verdict: Verdict, declared: Mapping[str, InventoryItem], *, standing: bool
) -> list[DeviceRow]:
    """One row for each device of the verdict.

    With `standing` a device's own standing follows, but only where it proved who it is, and is the
    one that the node declared at that place.
    """
    rows = []
    for part in verdict.parts:
        device, proven = declared.get(part.subject), proven_id(part)
        own = device is not None and device.device_id == proven
        rows.append(
            DeviceRow(
                subject=part.subject,
                kind=part.kind,
                device_id=proven,
                status=part.outcome,
                tier=part.tier,
                level=part.level,
                simulated=part.simulated,
                standing=part.outcome if standing and own and speaks(part) else None,
            )
        )
    return rows


def proven_id(part: Part) -> str | None:
    """The device id that the device's own chain and signature proved; None where they did not."""
    device = part.facts.get("id")
    return device if part.level is not Level.NONE and isinstance(device, str) else None


def attested_devices(
    verdict: Verdict, evidence: Iterable[EvidenceRow]
) -> tuple[AttestedDevice, ...]:
    """The devices of a verdict with all that was found, and what each was judged from."""
    sent = {row.subject: row for row in evidence}
    devices = []
    for part in verdict.parts:
        row = sent.get(part.subject)
        devices.append(
            AttestedDevice(
                subject=part.subject,
                kind=part.kind,
                device_id=proven_id(part),
                status=part.outcome,
                tier=part.tier,
                level=part.level,
                simulated=part.simulated,
                facts=dict(part.facts),
                findings=part.findings,
                scheme=None if row is None else row.scheme,
                data_sha256=None if row is None else row.data_sha256,
                certificates_sha256=None if row is None else row.certificates_sha256,
            )
        )
    return tuple(devices)


def standing_row(
    verdict: Verdict, principal: Principal, known: KnownNode, inputs: Inputs
) -> StandingRow | None:
    """What the verdict makes of its node; None where the node itself did not send it.

    A node with an agent has to be heard again: its silence has deadlines.
    """
    if not speaks_for(principal, verdict.node):
        return None
    standing = new_standing(verdict, principal)
    if standing is None:
        return StandingRow()
    watched, cadence = known.agent_key is not None, inputs.policy.cadence
    return StandingRow(
        standing=standing,
        known=known.state_digest,
        state=next_state(inputs.previous, inputs.scope, inputs.revoked, verdict),
        stale_in=cadence.stale_in if watched else None,
        rejected_in=cadence.rejected_in if watched else None,
    )


def attestation_entry(principal: Principal, row: AttestationRow) -> Entry:
    """The audit entry of an attestation: its leaf commits to the appraisal, never to the token."""
    return Entry(
        actor_ref=acting(principal),
        verb="attestation.record",
        subject_ref=f"node:{row.hardware_id}",
        outcome=row.status,
        digests={
            "appraisal": row.appraisal_digest,
            "appraiser": row.appraiser_digest,
            "inputs": row.inputs_sha256,
            "policy": row.policy_id.rpartition(":")[2],
        },
    )


def acting(principal: Principal) -> str:
    """Who acts, as the audit log names them: a node's own credential is no user's."""
    if principal.role is Role.AGENT and principal.node_id == str(principal.user_id):
        return f"node:{principal.node_id}"
    return str(principal.user_id)


def challenge_entry(principal: Principal, verb: str, challenge: UUID, outcome: str) -> Entry:
    """The audit entry of what happened to a challenge."""
    return Entry(
        actor_ref=acting(principal),
        verb=verb,
        subject_ref=f"challenge:{challenge}",
        outcome=outcome,
    )


def attested(
    row: AttestationRow,
    verdict: Verdict,
    evidence: Iterable[EvidenceRow],
    log: Logged,
    token: str,
    expires_at: datetime,
    after: Following,
    challenge: IssuedChallenge | None,
) -> Attested:
    """The answer to a submission."""
    return Attested(
        id=row.id,
        status=verdict.outcome,
        tier=verdict.tier,
        simulated=verdict.simulated,
        first_reason=verdict.first_reason(),
        findings=verdict.findings,
        devices=attested_devices(verdict, evidence),
        policy=verdict.policy_id,
        appraisal_digest=row.appraisal_digest,
        log=log,
        result=token,
        expires_at=expires_at,
        next=after,
        challenge=challenge,
    )

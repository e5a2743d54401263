"""One device judged: from its bytes to claims, in numbered steps, each with its findings.

1 chain, to a pinned root; 2 identity, and whether it is the kind it is declared as; 3 report;
4 signature; 5 nonce; 6 opaque fields: FWID, mode, versions; then, only of a report whose chain and
signature hold: 7 reference values; 8 measurements; 9 approved versions; and, of any chain that
holds, 10 revocation. A failure ends only what depends on it, so that one run reports everything.
"""

from collections.abc import Mapping

import msgspec

from lotabots.evidence import Anchor, Claims, Context, Evidence, Fact, Level
from lotabots.evidence.schemes.nvidia_gpu.chain import (
    DeviceChain,
    Identity,
    identify,
    load_chain,
)
from lotabots.evidence.schemes.nvidia_gpu.collateral import Collateral
from lotabots.evidence.schemes.nvidia_gpu.evidence_checks import (
    check_chain,
    check_kind,
    check_nonce,
    check_signature,
    declared_kind,
    fwid_standing,
    read_opaque,
)
from lotabots.evidence.schemes.nvidia_gpu.opaque import GpuOpaque, Switch, SwitchOpaque
from lotabots.evidence.schemes.nvidia_gpu.reference_checks import (
    check_standing,
    compare_measurements,
    find_rims,
    judge_versions,
)
from lotabots.evidence.schemes.nvidia_gpu.rim import Rim
from lotabots.evidence.schemes.nvidia_gpu.spdm import parse_report
from lotabots.evidence.schemes.nvidia_gpu.trial import Trial


class Proven(msgspec.Struct, frozen=True):
    """What a device whose chain and signature hold tells about itself and its neighbours."""

    identity: Identity
    leaf_sha256: bytes
    opaque: GpuOpaque | SwitchOpaque | None
    fresh: bool


class Device(msgspec.Struct, frozen=True):
    """One device's claims, and what the checks between devices need of it."""

    claims: Claims
    proven: Proven | None


def verify_device(evidence: Evidence, context: Context, collateral: Collateral) -> Device:
    """The claims of one device. Nothing raises: every refusal is a finding."""
    trial = Trial(evidence, context, collateral)
    chain = trial.attempt(load_chain, evidence.certificates, context.caches)
    anchor = check_chain(trial, chain)
    identity = None if chain is None else trial.attempt(identify, chain)
    as_declared = check_kind(trial, identity)
    report = trial.attempt(parse_report, evidence.data)
    signed = check_signature(trial, chain, report)
    fresh = check_nonce(trial, report)
    opaque = read_opaque(trial, identity, report)
    proven = None
    rims: dict[str, Rim] = {}
    everything_matched = False
    if anchor and chain and identity and as_declared and report and signed:
        proven = Proven(identity, chain.leaf.sha256, opaque, fresh)
        _state_identity(trial, identity, fresh)
        if opaque is not None:
            _state_opaque(trial, identity, opaque)
            rims = find_rims(trial, identity, opaque, anchor)
            everything_matched = compare_measurements(trial, report, rims, opaque)
            judge_versions(trial, identity, opaque)
    if anchor and chain:
        check_standing(trial, chain, rims)
        trial.facts["keys_spki_sha256"] = _keys(chain, rims)
    level = _level(proven, everything_matched and not trial.findings)
    simulated = _simulated(anchor, rims)
    trial.facts["level"] = level.value
    if anchor:
        trial.facts["simulated"] = simulated
    claims = Claims(
        subject=evidence.subject,
        kind=declared_kind(evidence.subject) or (identity.chip.kind if identity else "gpu"),
        level=level,
        simulated=simulated,
        facts=trial.facts,
        findings=tuple(trial.findings),
    )
    return Device(claims, proven)


def _state_identity(trial: Trial, identity: Identity, fresh: bool) -> None:
    trial.facts.update(
        {
            "class": identity.chip.kind,
            "chip": identity.chip.name,
            "id": identity.id,
            "pdi": identity.pdi,
            "ueid": identity.ueid,
            "nonce": "match" if fresh else "mismatch",
        }
    )


def _state_opaque(trial: Trial, identity: Identity, opaque: GpuOpaque | SwitchOpaque) -> None:
    facts = trial.facts
    facts["fwid"] = fwid_standing(identity, opaque)
    facts["opaque_version"] = opaque.version
    if opaque.vbios is not None:
        facts["vbios"] = opaque.vbios
    if isinstance(opaque, GpuOpaque):
        facts["mode"] = opaque.mode.value
        if opaque.driver is not None:
            facts["driver"] = opaque.driver
        if opaque.protected_pcie is not Switch.UNKNOWN:
            facts["protected_pcie"] = opaque.protected_pcie.value


def _keys(chain: DeviceChain, rims: Mapping[str, Rim]) -> list[Fact]:
    """Every key that vouches for the device, by SHA-256 of its SubjectPublicKeyInfo, in hex.

    Of its own chain, leaf first, then of the RIMs that judge it. An operator may revoke any.
    """
    signers = [one for rim in rims.values() for one in rim.chain]
    return list(dict.fromkeys(one.spki_sha256.hex() for one in (*chain.certificates, *signers)))


def _level(proven: Proven | None, everything_holds: bool) -> Level:
    if proven is None:
        return Level.NONE
    return Level.ATTESTED if everything_holds else Level.CLAIMED


def _simulated(anchor: Anchor | None, rims: dict[str, Rim]) -> bool:
    """Whether any anchor that vouches for this device is a simulator's."""
    of_device = anchor is not None and anchor.simulated
    return of_device or any(rim.simulated for rim in rims.values() if rim.proven)

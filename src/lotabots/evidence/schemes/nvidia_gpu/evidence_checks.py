"""Checks of a device's own bytes: chain, kind, signature, nonce, opaque fields."""

from collections.abc import Callable, Mapping

from lotabots.evidence import Anchor, Facts
from lotabots.evidence.schemes.nvidia_gpu.chain import (
    DeviceChain,
    Identity,
    verify_chain,
)
from lotabots.evidence.schemes.nvidia_gpu.opaque import (
    GpuOpaque,
    Mode,
    Switch,
    SwitchOpaque,
    gpu_opaque,
    switch_opaque,
)
from lotabots.evidence.schemes.nvidia_gpu.signature import verifies, well_formed
from lotabots.evidence.schemes.nvidia_gpu.spdm import Report
from lotabots.evidence.schemes.nvidia_gpu.trial import Trial
from lotabots.kernel import equal

KINDS = ("gpu", "switch")


def check_chain(trial: Trial, chain: DeviceChain | None) -> Anchor | None:
    """The anchor that the chain leads to, if it holds in every respect."""
    anchor = None
    held: Facts = {"status": "invalid"}
    if chain is not None:
        context = trial.context
        check = verify_chain(
            chain, trial.subject, context.anchors.device, context.now, context.caches
        )
        trial.findings.extend(check.findings)
        if check.valid:
            anchor = check.anchor
            held = {
                "status": "valid",
                "leaf_sha256": chain.leaf.sha256.hex(),
                "root_spki_sha256": chain.root.spki_sha256.hex(),
            }
    trial.facts["chain"] = held
    return anchor


def declared_kind(subject: str) -> str | None:
    """The kind that a subject like `gpu0` declares."""
    kind = subject.rstrip("0123456789")
    return kind if kind in KINDS and kind != subject else None


def check_kind(trial: Trial, identity: Identity | None) -> bool:
    """Whether the certificates are of the kind that the subject declares."""
    declared = declared_kind(trial.subject)
    if identity is None or declared == identity.chip.kind:
        return identity is not None
    trial.find(
        "NV-CLASS-MISMATCH",
        f"a device named {identity.chip.kind}0 and on: its certificates are of {identity.id}",
        repr(trial.subject[:32]),
    )
    return False


def check_signature(trial: Trial, chain: DeviceChain | None, report: Report | None) -> bool:
    """Whether the leaf's key signed the report."""
    if chain is None or report is None:
        return False
    holds = verifies(chain.leaf.key, report.signature, report.signed)
    trial.facts["signature"] = "valid" if holds else "invalid"
    if not well_formed(report.signature):
        trial.find("NV-SIG-FORMAT", "r and s from 1 to the order less 1", "a number out of range")
    elif not holds:
        trial.find("NV-SIG-INVALID", f"signed by {chain.leaf.name!r:.66}", "another signature")
    return holds


def check_nonce(trial: Trial, report: Report | None) -> bool:
    """Whether the report carries the nonce that this subject must carry."""
    if report is None:
        return False
    expected = trial.context.nonces.get(trial.subject)
    if expected is None:
        trial.find("NV-NONCE-UNEXPECTED", "a challenge to this device", "none")
        return False
    if not equal(expected, report.nonce):
        trial.find("NV-NONCE-MISMATCH", expected.hex(), report.nonce.hex())
        return False
    return True


def read_opaque(
    trial: Trial, identity: Identity | None, report: Report | None
) -> GpuOpaque | SwitchOpaque | None:
    """The opaque fields as this chip writes them, with FWID, mode and versions checked."""
    if identity is None or report is None:
        return None
    view: Callable[[Mapping[int, bytes]], GpuOpaque | SwitchOpaque] = (
        gpu_opaque if identity.chip.kind == "gpu" else switch_opaque
    )
    opaque = trial.attempt(view, report.opaque)
    if opaque is None:
        return None
    if fwid_standing(identity, opaque) == "mismatch":
        in_leaf = identity.fwid.hex() if identity.fwid else "no FWID in the leaf certificate"
        trial.find("NV-FWID-MISMATCH", in_leaf, (opaque.fwid or b"").hex())
    if opaque.vbios is None:
        trial.find("NV-VERSION-MISSING", "a VBIOS version", "none")
    match opaque:
        case GpuOpaque():
            if opaque.driver is None:
                trial.find("NV-VERSION-MISSING", "a driver version", "none")
            if opaque.mode is Mode.UNKNOWN or opaque.protected_pcie is Switch.UNKNOWN:
                measured = f"mode {opaque.mode}, protected PCIe {opaque.protected_pcie}"
                trial.find("NV-MODE-UNKNOWN", "a known mode", measured)
        case SwitchOpaque():
            if opaque.pdi != identity.pdi:
                trial.find("NV-TOPO-PDI", identity.pdi, opaque.pdi or "none")
    return opaque


def fwid_standing(identity: Identity, opaque: GpuOpaque | SwitchOpaque) -> str:
    """`match`, `mismatch`, or `absent`: old firmware and switches do not report it."""
    if opaque.fwid is None:
        return "absent"
    if identity.fwid is None or not equal(identity.fwid, opaque.fwid):
        return "mismatch"
    return "match"

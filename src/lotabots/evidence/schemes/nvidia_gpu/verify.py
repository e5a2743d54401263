"""All evidence of one node judged together: each device, duplicates, and how they are connected."""

from collections.abc import Iterable, Sequence

from msgspec import structs

from lotabots.evidence import (
    Claims,
    Context,
    Evidence,
    Finding,
    Level,
    NodeClaims,
    ReferenceFiles,
    Slot,
)
from lotabots.evidence.schemes.nvidia_gpu.codes import finding
from lotabots.evidence.schemes.nvidia_gpu.collateral import Collateral
from lotabots.evidence.schemes.nvidia_gpu.device import Device, Proven, verify_device
from lotabots.evidence.schemes.nvidia_gpu.evidence_file import MAX_DEVICES
from lotabots.evidence.schemes.nvidia_gpu.opaque import GpuOpaque, Mode, Switch, SwitchOpaque
from lotabots.evidence.schemes.nvidia_gpu.topology import NODE, Member, check_topology

COLLATERAL: Slot[ReferenceFiles, Collateral] = Slot("nvidia_gpu.collateral", 16)
"""Parsed, not trusted. `bytes` keep their hash, so finding the same files costs microseconds."""


def prepare(context: Context) -> Collateral:
    """What the context's reference files hold; read once for each `caches`."""
    memory = context.caches.of(COLLATERAL)
    known = memory.get(context.reference)
    return known or memory.put(context.reference, Collateral.load(context.reference))


def verify_node(evidence: Sequence[Evidence], context: Context) -> NodeClaims:
    """The claims of every device of a node and of the node. Nothing raises; nothing stops early."""
    if not 1 <= len(evidence) <= MAX_DEVICES:
        code = "NV-LIMIT-DEVICES" if evidence else "NV-PARSE-EMPTY"
        expected, measured = f"1 to {MAX_DEVICES} devices", f"{len(evidence)}"
        refusal = finding(code, NODE, expected=expected, measured=measured)
        return NodeClaims(devices=(), facts={}, findings=(refusal,))
    collateral = prepare(context)
    devices = [verify_device(item, context, collateral) for item in evidence]
    members = [_member(device.claims.subject, device.proven) for device in devices if device.proven]
    duplicates = _duplicates(devices)
    topology = check_topology(members, unproven=len(devices) - len(members))
    findings = (*duplicates, *topology.findings)
    return NodeClaims(
        devices=tuple(_judged(device.claims, findings) for device in devices),
        facts={
            "topology": topology.facts(),
            "duplicates": len({repeat.subject for repeat in duplicates}),
            "gpus": topology.gpus,
            "switches": topology.switches,
        },
        findings=findings,
        reference_digest=collateral.reference_digest,
        collateral_digest=collateral.collateral_digest,
    )


def _member(subject: str, proven: Proven) -> Member:
    identity, opaque = proven.identity, proven.opaque
    kind, pdi, fresh = identity.chip.kind, identity.pdi, proven.fresh
    match opaque:
        case GpuOpaque():
            return Member(
                subject,
                kind,
                pdi,
                peers=opaque.switch_pdis,
                fabric=opaque.mode is Mode.PPCIE or opaque.protected_pcie is Switch.ON,
                mode=f"{opaque.mode} (protected PCIe {opaque.protected_pcie})",
                fresh=fresh,
            )
        case SwitchOpaque():
            return Member(
                subject, kind, pdi, peers=opaque.gpu_pdis, fabric=True, mode="", fresh=fresh
            )
        case None:
            return Member(
                subject, kind, pdi, peers=None, fabric=False, mode="unreadable", fresh=fresh
            )


def _duplicates(devices: Iterable[Device]) -> list[Finding]:
    """A finding for each device that is an earlier one again, and for each name that is."""
    findings: list[Finding] = []
    names: set[str] = set()
    first: dict[tuple[str, str], str] = {}
    for device in devices:
        subject = device.claims.subject
        if subject in names:
            findings.append(
                finding("NV-DUP-SUBJECT", subject, expected="one device", measured="several")
            )
        names.add(subject)
        if device.proven is None:
            continue
        marks = _marks(device.proven)
        again = [f"{mark[0]} of {first[mark]}" for mark in marks if mark in first]
        for mark in marks:
            first.setdefault(mark, subject)
        if again:
            findings.append(
                finding(
                    "NV-DUP-DEVICE",
                    subject,
                    expected="a device of its own",
                    measured=", ".join(again),
                )
            )
    return findings


def _marks(proven: Proven) -> tuple[tuple[str, str], ...]:
    """What no two devices share."""
    return (
        ("device id", proven.identity.id),
        ("PDI", proven.identity.pdi),
        ("leaf certificate", proven.leaf_sha256.hex()),
    )


def _judged(claims: Claims, findings: Iterable[Finding]) -> Claims:
    """The claims, less the level that a finding between devices takes away."""
    accused = any(found.subject == claims.subject for found in findings)
    if claims.level is not Level.ATTESTED or not accused:
        return claims
    facts = {**claims.facts, "level": Level.CLAIMED.value}
    return structs.replace(claims, level=Level.CLAIMED, facts=facts)

"""Checks of a proven report against the reference: RIMs, measurements, versions, revocation."""

from lotabots.evidence import Anchor, Facts
from lotabots.evidence.schemes.nvidia_gpu.chain import DeviceChain, Identity
from lotabots.evidence.schemes.nvidia_gpu.compare import compare
from lotabots.evidence.schemes.nvidia_gpu.opaque import GpuOpaque, SwitchOpaque
from lotabots.evidence.schemes.nvidia_gpu.revocation import (
    check_revocation,
    device_links,
    rim_links,
)
from lotabots.evidence.schemes.nvidia_gpu.rim import Rim
from lotabots.evidence.schemes.nvidia_gpu.rim_lookup import (
    RimQuery,
    driver_query,
    find_rim,
    switch_query,
    vbios_query,
)
from lotabots.evidence.schemes.nvidia_gpu.spdm import Report
from lotabots.evidence.schemes.nvidia_gpu.trial import Trial
from lotabots.evidence.schemes.nvidia_gpu.versions import Component


def _queries(identity: Identity, opaque: GpuOpaque | SwitchOpaque) -> dict[str, RimQuery]:
    """The RIMs that judge this report, by the name of their fact."""
    chip = identity.chip.name
    queries: dict[str, RimQuery] = {}
    match opaque:
        case GpuOpaque(driver=driver, vbios=vbios):
            if driver is not None:
                queries["driver"] = driver_query(chip, driver, opaque.chip_info or "")
            if vbios is not None:
                queries["vbios"] = vbios_query(
                    chip,
                    vbios,
                    project=opaque.project or "",
                    project_sku=opaque.project_sku or "",
                    chip_sku=opaque.chip_sku or "",
                )
        case SwitchOpaque(vbios=vbios):
            if vbios is not None:
                queries["switch"] = switch_query(chip, vbios)
    return queries


def find_rims(
    trial: Trial, identity: Identity, opaque: GpuOpaque | SwitchOpaque, anchor: Anchor
) -> dict[str, Rim]:
    """The RIMs by the name of their fact, each with its findings.

    Simulated values never judge real hardware, nor real ones simulated hardware: only anchors of
    the device's own world count.
    """
    context = trial.context
    anchors = tuple(rim for rim in context.anchors.rim if rim.simulated == anchor.simulated)
    rims = {
        name: find_rim(
            query,
            trial.collateral,
            subject=trial.subject,
            anchors=anchors,
            now=context.now,
            caches=context.caches,
        )
        for name, query in _queries(identity, opaque).items()
    }
    for rim in rims.values():
        trial.findings.extend(rim.findings)
    trial.facts["rim"] = {name: rim.facts() for name, rim in rims.items()}
    return rims


def compare_measurements(
    trial: Trial, report: Report, rims: dict[str, Rim], opaque: GpuOpaque | SwitchOpaque
) -> bool:
    """Whether everything was compared and matched.

    An expired RIM is compared too: a mismatch is a mismatch, and a match says what expiry costs.
    """
    golden = {name: rim.golden for name, rim in rims.items() if rim.proven}
    if not golden:
        return False
    nvdec0 = opaque.nvdec0 if isinstance(opaque, GpuOpaque) else None
    comparison = compare(trial.subject, report.measurements, golden, nvdec0)
    trial.findings.extend(comparison.findings)
    trial.facts["measurements"] = comparison.facts()
    return comparison.good and len(golden) == len(rims)


def judge_versions(trial: Trial, identity: Identity, opaque: GpuOpaque | SwitchOpaque) -> None:
    """States what the operator says about the versions that the report names."""
    reported: dict[Component, str | None] = {"vbios": opaque.vbios}
    if isinstance(opaque, GpuOpaque):
        reported["driver"] = opaque.driver
    judged: Facts = {}
    for component, version in reported.items():
        if version is None:
            continue
        approval, findings = trial.collateral.versions.judge(
            trial.subject, identity.chip.name, component, version
        )
        judged[component] = approval.value
        trial.findings.extend(findings)
    trial.facts["versions"] = judged


def check_standing(trial: Trial, chain: DeviceChain, rims: dict[str, Rim]) -> None:
    """States whether a certificate of the device or of its proven RIMs is revoked."""
    links = [*device_links(chain.certificates)]
    for rim in rims.values():
        if rim.proven:
            links.extend(rim_links(rim.chain))
    context = trial.context
    revocation = check_revocation(
        links,
        trial.collateral.revocation,
        now=context.now,
        max_age=context.max_revocation_age,
        caches=context.caches,
    )
    trial.findings.extend(revocation.findings(trial.subject))
    trial.facts["revocation"] = revocation.facts()

"""Whether a node's GPUs and switches are one fabric: who signs being connected to whom.

A GPU signs the PDIs of the switches at its links, a switch signs the PDIs of the GPUs at its ports,
and the certificates of each carry its own PDI (the BROM serial). When the three agree in every
direction, no device was left out and none was brought in from another node. How many of each there
are is for the policy to say: the sets close for any number.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from lotabots.evidence import Facts, Finding
from lotabots.evidence.schemes.nvidia_gpu.codes import finding

NODE = "node"


class Fabric(StrEnum):
    """The values of the fact `topology.status`."""

    CLOSED = "closed"
    """Every device vouches for the others, and all of them are here."""
    OPEN = "open"
    """Only one side was presented, or a device failed, so the rest cannot be checked."""
    BROKEN = "broken"
    """The devices do not make one fabric."""
    NOT_APPLICABLE = "not_applicable"
    """The GPUs are not in a mode that puts switches between them, and no switch was presented."""


class Member(msgspec.Struct, frozen=True):
    """One device whose chain and signature hold."""

    subject: str
    kind: str
    pdi: str
    peers: frozenset[str] | None
    """PDIs of the switches (for a GPU) or GPUs (for a switch) that it signs, or None."""
    fabric: bool
    """A GPU in protected PCIe mode; a switch always."""
    mode: str
    """Mode and protection in one word: what all GPUs of a node must share."""
    fresh: bool
    """Its nonce is the one expected of it."""


class Topology(msgspec.Struct, frozen=True):
    """What the devices of a node prove about each other."""

    status: Fabric
    gpus: int
    switches: int
    findings: tuple[Finding, ...]

    def facts(self) -> Facts:
        """What policies see."""
        return {"status": self.status.value, "gpus": self.gpus, "switches": self.switches}


def check_topology(members: Sequence[Member], unproven: int) -> Topology:
    """The topology of these members; `unproven` counts devices that were presented and failed.

    An unproven device may be any of those that are missing, so nothing closes while there is one.
    """
    gpus = [member for member in members if member.kind == "gpu"]
    switches = [member for member in members if member.kind == "switch"]
    findings = [*_mixed_sessions(members), *_mixed_modes(gpus)]
    if not switches and not any(gpu.fabric for gpu in gpus):
        alone = Fabric.OPEN if unproven else Fabric.NOT_APPLICABLE
        status = Fabric.BROKEN if findings else alone
    elif not switches or not gpus:
        status = Fabric.BROKEN if findings or unproven else Fabric.OPEN
        findings.append(_one_sided(gpus, switches))
    else:
        findings.extend(_disagreements(gpus, switches, unproven))
        status = Fabric.BROKEN if findings or unproven else Fabric.CLOSED
    return Topology(status, len(gpus), len(switches), tuple(findings))


def _disagreements(
    gpus: Sequence[Member], switches: Sequence[Member], unproven: int
) -> list[Finding]:
    """Everything that keeps GPUs and switches from being one fabric.

    Strangers first and apart: a GPU of another node would make that node's switches look missing.
    """
    own_gpus, strange_gpus = _split(gpus, _union(switches))
    own_switches, strange_switches = _split(switches, _union(own_gpus))
    findings = [
        *_foreign("NV-TOPO-GPU-FOREIGN", strange_gpus, "a GPU that this node's switches sign"),
        *_foreign(
            "NV-TOPO-SWITCH-FOREIGN", strange_switches, "a switch that this node's GPUs sign"
        ),
        *_differing(own_gpus),
        *_differing(own_switches),
    ]
    if not unproven:
        findings.extend(_absent("NV-TOPO-SWITCH-MISSING", own_gpus, switches))
        findings.extend(_absent("NV-TOPO-GPU-MISSING", own_switches, gpus))
    return findings


def _split(members: Iterable[Member], vouched: frozenset[str]) -> tuple[list[Member], list[Member]]:
    """Those that the other side vouches for, and the strangers."""
    own: list[Member] = []
    strange: list[Member] = []
    for member in members:
        (own if member.pdi in vouched else strange).append(member)
    return own, strange


def _union(members: Iterable[Member]) -> frozenset[str]:
    return frozenset().union(*(member.peers or frozenset() for member in members))


def _foreign(code: str, strangers: Iterable[Member], expected: str) -> list[Finding]:
    return [
        finding(code, member.subject, expected=expected, measured=f"PDI {member.pdi}")
        for member in strangers
    ]


def _differing(members: Sequence[Member]) -> list[Finding]:
    """Members whose view is not that of most others of their kind."""
    if not members:
        return []
    common, _ = Counter(member.peers for member in members).most_common(1)[0]
    return [
        finding(
            "NV-TOPO-SET-DIFFERS",
            member.subject,
            expected=f"connected to {_listed(common)}",
            measured=_listed(member.peers),
        )
        for member in members
        if member.peers != common
    ]


def _absent(code: str, vouching: Iterable[Member], presented: Iterable[Member]) -> list[Finding]:
    missing = sorted(_union(vouching) - {member.pdi for member in presented})
    return [finding(code, NODE, expected=f"PDI {pdi}", measured="not presented") for pdi in missing]


def _one_sided(gpus: Sequence[Member], switches: Sequence[Member]) -> Finding:
    """GPUs in protected PCIe mode without a switch, or switches without a GPU."""
    code = "NV-TOPO-SWITCH-ABSENT" if gpus else "NV-TOPO-GPU-ABSENT"
    expected = _listed(_union(gpus or switches))
    return finding(code, NODE, expected=expected, measured="none presented")


def _mixed_sessions(members: Sequence[Member]) -> list[Finding]:
    stale = [member.subject for member in members if not member.fresh]
    if not stale or len(stale) == len(members):
        return []
    return [
        finding(
            "NV-TOPO-NONCE",
            NODE,
            expected="one challenge, answered by all devices",
            measured=f"answered by others than {', '.join(stale)}",
        )
    ]


def _mixed_modes(gpus: Sequence[Member]) -> list[Finding]:
    modes = sorted({gpu.mode for gpu in gpus})
    if len(modes) < 2:
        return []
    return [finding("NV-TOPO-MODE", NODE, expected="one mode", measured=" and ".join(modes))]


def _listed(pdis: frozenset[str] | None) -> str:
    return ", ".join(sorted(pdis)) if pdis else "none"

"""A simulated node's host, and what its agent says of it: the same as its GPUs sign."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec

from lotabots.evidence import Evidence, InventoryItem
from lotabots.evidence.schemes.host_claims import (
    KIND,
    SCHEME,
    ConfidentialComputing,
    Cpu,
    Gpu,
    Machine,
    Nvml,
    write_statement,
)
from lotabots.kernel import sha256_hex
from lotabots.simulator.chips import Mode
from lotabots.simulator.devices import Device

COLLECTED_AT = "2025-10-24T12:00:00Z"
"""The moment that a statement names where nobody says another: nodes have no clock."""
_MEMORY = 80 * 1024**3


class _Node(Protocol):
    """A node, as far as its host knows it."""

    @property
    def name(self) -> str: ...

    @property
    def devices(self) -> Sequence[Device]: ...


@dataclass(frozen=True)
class HostOnNode:
    """A host that tells the truth about itself, or what `machine` says instead."""

    machine: Machine

    @classmethod
    def of(cls, node: _Node, collected_at: str = COLLECTED_AT) -> "HostOnNode":
        """The host of this node, in which no change was planted."""
        gpus = [device for device in node.devices if device.item.kind == "gpu"]
        return cls(
            Machine(
                collected_at=collected_at,
                os="Simulated Linux 1",
                kernel="6.8.0-simulated",
                architecture="x86_64",
                boot_id=sha256_hex(node.name.encode())[:32],
                cpu=Cpu(model="Simulated Processor", threads=64),
                memory=1024**4,
                nvml=_nvml(gpus),
                gpus=tuple(_gpu(device, at) for at, device in enumerate(gpus)),
            )
        )

    def item(self, node_id: str) -> InventoryItem:
        """The host as a device of a challenge."""
        return InventoryItem(KIND, node_id)

    def saying(self, **changes: object) -> "HostOnNode":
        """The same host, saying something else."""
        return HostOnNode(msgspec.structs.replace(self.machine, **changes))

    def attest(self, nonce: bytes, subject: str = "host0") -> Evidence:
        """What it states for this challenge."""
        text = write_statement(self.machine, nonce)
        return Evidence(scheme=SCHEME, subject=subject, data=text, certificates=b"")


def _nvml(gpus: Sequence[Device]) -> Nvml:
    if not gpus:
        return Nvml(status="absent", error="LIBRARY_NOT_FOUND")
    driver = gpus[0].firmware.driver
    protected = gpus[0].mode is Mode.PROTECTED_PCIE
    feature: Literal["on", "off"] = "off" if protected else "on"
    return Nvml(
        status="available",
        driver=driver,
        version=f"13.{driver}",
        cuda="13.0",
        cc=ConfidentialComputing(
            feature=feature,
            devtools="off",
            environment="simulated",
            multi_gpu="protected_pcie" if protected else "none",
            ready="on",
        ),
    )


def _gpu(device: Device, place: int) -> Gpu:
    digest = sha256_hex(device.item.device_id.encode())
    parts = (digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32])
    return Gpu(
        uuid=f"GPU-{'-'.join(parts)}",
        pdi=device.identity.pdi.hex(),
        name=f"Simulated {device.identity.model.chip}",
        pci=f"00000000:{0x18 + place:02X}:00.0",
        memory=_MEMORY,
        vbios=device.firmware.vbios,
        gsp=device.firmware.driver,
        ecc="on",
        mig="off",
    )

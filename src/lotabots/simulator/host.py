"""What the host of a simulated node says of itself: claimed by software, and so of no device."""

from collections.abc import Sequence
from uuid import UUID

from lotabots.evidence import Evidence
from lotabots.evidence.schemes.host_claims import SCHEME, Cpu, Gpu, Machine, Nvml, write_statement
from lotabots.simulator.devices import Device
from lotabots.simulator.seeds import derive

COLLECTED_AT = "2026-01-01T00:00:00Z"
"""The moment that a statement names where nobody says another: nodes have no clock."""


def machine_of(seed: bytes, devices: Sequence[Device], collected_at: str = COLLECTED_AT) -> Machine:
    """The host in which these devices are."""
    gpus = [device for device in devices if device.item.kind == "gpu"]
    nvml = Nvml(status="absent")
    if gpus:
        nvml = Nvml(status="available", driver=gpus[0].firmware.driver, cuda="12.8")
    return Machine(
        collected_at=collected_at,
        os="LotaBots Simulated Linux 1",
        kernel="6.12.0",
        architecture="x86_64",
        boot_id=str(UUID(bytes=derive(seed, "boot id", 16), version=4)),
        cpu=Cpu(model="LotaBots Simulated CPU", threads=64),
        memory=512 << 30,
        nvml=nvml,
        gpus=tuple(_gpu(device, place) for place, device in enumerate(gpus)),
    )


def host_evidence(machine: Machine, nonce: bytes) -> Evidence:
    """The host's statement for this nonce."""
    data = write_statement(machine, nonce)
    return Evidence(scheme=SCHEME, subject="host0", data=data, certificates=b"")


def _gpu(device: Device, place: int) -> Gpu:
    return Gpu(
        uuid=f"GPU-{UUID(bytes=derive(device.seed, 'uuid', 16), version=4)}",
        pdi=device.identity.pdi.hex(),
        name=f"LotaBots Simulated {device.identity.model.chip}",
        pci=f"00000000:{0x10 + place:02X}:00.0",
        memory=80 << 30,
        vbios=device.firmware.vbios,
        ecc="on",
        mig="off",
    )

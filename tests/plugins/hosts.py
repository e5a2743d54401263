"""What a simulated host says of itself: a machine with one GPU; any field can be another."""

from typing import Any

from lotabots.evidence import Evidence
from lotabots.evidence.schemes.host_claims import SCHEME, Gpu, Machine, Nvml, write_statement

BOOT = "3f0c7a52-6f5e-4a0e-9d2d-8a53a4f7a0b1"


def machine(**changes: Any) -> Machine:
    """A machine; `driver`, `vbios` and `mig` are those of its library and its GPU."""
    gpu = Gpu(
        uuid="GPU-5c7f9f6a-3f6f-4c61-b5c0-0e5f2b9f6f52",
        name="NVIDIA H100 80GB HBM3",
        vbios=changes.pop("vbios", "96.00.F5.00.01"),
        gsp="990.12",
        mig=changes.pop("mig", "off"),
    )
    fields: dict[str, Any] = {
        "collected_at": "2026-11-23T12:00:00Z",
        "os": "Ubuntu 24.04.2 LTS",
        "kernel": "6.8.0-60-generic",
        "boot_id": BOOT,
        "nvml": Nvml(status="available", driver=changes.pop("driver", "990.12")),
        "gpus": (gpu,),
    }
    return Machine(**(fields | changes))


def host_evidence(nonce: bytes, /, **changes: Any) -> Evidence:
    """Its statement for a challenge."""
    data = write_statement(machine(**changes), nonce)
    return Evidence(scheme=SCHEME, subject="host0", data=data, certificates=b"")

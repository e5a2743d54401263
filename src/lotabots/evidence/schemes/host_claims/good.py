"""The facts of a good host: what policies are proved against when they load."""

from collections.abc import Mapping
from types import MappingProxyType

from lotabots.evidence import Facts

_HOST: Facts = {
    "class": "host",
    "id": "0197f2c4-6f3a-7c1e-9d55-2f1d7a0b8c11",
    "level": "claimed",
    "simulated": False,
    "nonce": "match",
    "collected_at": "2025-10-24T12:00:00Z",
    "os": "Ubuntu 24.04.2 LTS",
    "kernel": "6.8.0-60-generic",
    "architecture": "x86_64",
    "boot_id": "3f0c7a52-6f5e-4a0e-9d2d-8a53a4f7a0b1",
    "cpu": {"model": "Intel(R) Xeon(R) Platinum 8480+", "threads": 224},
    "memory": 2_164_663_517_184,
    "nvml": {
        "status": "available",
        "driver": "550.90.07",
        "version": "12.550.90.07",
        "cuda": "12.4",
        "cc": {
            "feature": "on",
            "devtools": "off",
            "environment": "production",
            "multi_gpu": "none",
            "ready": "on",
        },
    },
    "gpus": 1,
    "devices": [
        {
            "uuid": "GPU-5c7f9f6a-3f6f-4c61-b5c0-0e5f2b9f6f52",
            "pdi": "431d480fe5e87274",
            "name": "NVIDIA H100 80GB HBM3",
            "serial": "1650924017645",
            "pci": "00000000:3B:00.0",
            "memory": 85_520_809_984,
            "vbios": "96.00.9F.00.01",
            "gsp": "550.90.07",
            "ecc": "on",
            "mig": "off",
        }
    ],
}

GOOD_FACTS: Mapping[str, Facts] = MappingProxyType({"host": _HOST})

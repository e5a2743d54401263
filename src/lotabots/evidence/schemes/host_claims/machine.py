"""What a machine is, as its own software says: host, driver library, GPUs. Nothing here is proven.

Every field that may be unreadable is optional, and absent where it could not be read: never zero,
never a default. A GPU's `errors` then says why, by NVML's name for the error (nvml.h, nvmlReturn_t:
`NOT_SUPPORTED`, `GPU_IS_LOST`). Field names and meanings of GPUs: nvml.h of CUDA 13; research on
NVIDIA GPU attestation, section 5.1.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

import msgspec

MAX_GPUS = 64
MAX_INSTANCES = 64

Word: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"\A[ -~]{1,128}\Z")]
"""Printable ASCII: it stands in verdicts, on terminals and in labels of metrics."""
Hex: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{1,128}\Z")]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
OnOff: TypeAlias = Literal["on", "off"]
Errors: TypeAlias = Annotated[
    Mapping[
        Annotated[str, msgspec.Meta(pattern=r"\A[a-z][a-z0-9_]{0,31}\Z")],
        Annotated[str, msgspec.Meta(pattern=r"\A[A-Z][A-Z0-9_]{0,47}\Z")],
    ],
    msgspec.Meta(max_length=64),
]
"""Field -> NVML's name of the error that reading it gave."""


class Cpu(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """The processors of the host (/proc/cpuinfo)."""

    model: Word | None = None
    threads: Count | None = None
    """Logical processors that the kernel has online."""


class ConfidentialComputing(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What NVML says of confidential computing on the whole system (nvmlSystemGetConfCompute*)."""

    feature: OnOff | None = None
    devtools: OnOff | None = None
    """Debug mode: memory is not protected then, whatever the rest says."""
    environment: Literal["unavailable", "simulated", "production", "other"] | None = None
    multi_gpu: Literal["none", "protected_pcie", "nvle", "other"] | None = None
    ready: OnOff | None = None
    """Whether the GPUs take work; off until the owner has attested them."""
    errors: Errors = {}


class Nvml(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """The driver library, or why there is none."""

    status: Literal["available", "absent", "failed"]
    """`absent`: no library or no driver here. `failed`: it is here and gave `error`."""
    error: Word | None = None
    """NVML's name of the error that starting it gave."""
    driver: Word | None = None
    version: Word | None = None
    """Of the library itself."""
    cuda: Word | None = None
    cc: ConfidentialComputing | None = None
    errors: Errors = {}


class MigInstance(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One slice of a GPU in MIG mode."""

    uuid: Word | None = None
    profile: Word | None = None
    """As NVML names the device: `NVIDIA H100 80GB HBM3 MIG 1g.10gb`."""
    memory: Count | None = None
    """Bytes."""
    errors: Errors = {}


class Gpu(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One GPU as NVML describes it: what stays as it is while nobody changes it."""

    uuid: Word | None = None
    pdi: Hex | None = None
    """Per-device identifier, 8 bytes in hex, as reports of this GPU sign it."""
    name: Word | None = None
    serial: Word | None = None
    part_number: Word | None = None
    brand: Word | None = None
    architecture: Word | None = None
    compute_capability: Word | None = None
    pci: Word | None = None
    """Bus id: `00000000:3B:00.0`."""
    pci_device: Hex | None = None
    """Device and vendor id, 4 bytes in hex."""
    minor: Count | None = None
    cores: Count | None = None
    memory: Count | None = None
    """Bytes."""
    memory_bus_width: Count | None = None
    """Bits."""
    vbios: Word | None = None
    inforom: Word | None = None
    gsp: Word | None = None
    """Version of the firmware on the GPU's system processor."""
    ecc: OnOff | None = None
    mig: OnOff | None = None
    instances: Annotated[tuple[MigInstance, ...], msgspec.Meta(max_length=MAX_INSTANCES)] = ()
    compute_mode: Word | None = None
    persistence: OnOff | None = None
    virtualization: Word | None = None
    pcie_max_generation: Count | None = None
    pcie_max_width: Count | None = None
    nvlinks: Count | None = None
    """How many links exist, up or down."""
    errors: Errors = {}


class Machine(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What the host says that it is."""

    collected_at: Annotated[str, msgspec.Meta(max_length=40)]
    """RFC 3339, by the host's own clock."""
    os: Word | None = None
    kernel: Word | None = None
    architecture: Word | None = None
    boot_id: Word | None = None
    """Random for each boot (/proc/sys/kernel/random/boot_id)."""
    cpu: Cpu = Cpu()
    memory: Count | None = None
    """Bytes."""
    nvml: Nvml
    gpus: Annotated[tuple[Gpu, ...], msgspec.Meta(max_length=MAX_GPUS)] = ()
    """In NVML's order. One that cannot even be opened stands here with its error."""

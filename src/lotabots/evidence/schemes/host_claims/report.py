"""A report of a host's resources: what its agent measures every minute or so. Claimed, never proof.

As in `machine`, a field that could not be read is absent, and `errors` says why. Reports are no
evidence and answer no challenge; they share the words of the statement because the same software
says both.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, TypeAlias

import msgspec

from lotabots.evidence.schemes.host_claims.machine import (
    MAX_GPUS,
    Count,
    Errors,
    Nvml,
    Word,
)

MAX_DISKS = 32
MAX_XIDS = 64

Percent: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=100)]
Load: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]
Degrees: TypeAlias = Annotated[int, msgspec.Meta(ge=-100, le=1000)]
Moment: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]


class Disk(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One mounted file system, in bytes (statvfs)."""

    mount: Word
    total: Count
    available: Count
    """What an unprivileged program could still write."""


class HostUse(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Processors, memory and disks of the host (/proc, statvfs). Sizes are bytes."""

    uptime: Count | None = None
    """Seconds."""
    threads: Count | None = None
    cpu: Percent | None = None
    """Of all processors' time since the report before; absent in the first one."""
    load1: Load | None = None
    load5: Load | None = None
    load15: Load | None = None
    memory: Count | None = None
    memory_available: Count | None = None
    swap: Count | None = None
    swap_free: Count | None = None
    disks: Annotated[tuple[Disk, ...], msgspec.Meta(max_length=MAX_DISKS)] = ()


class GpuUse(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One GPU now. Memory is bytes, power milliwatts, energy millijoules, clocks MHz."""

    uuid: Word | None = None
    use: Percent | None = None
    """Of the last sampling period: how long some kernel ran."""
    memory_use: Percent | None = None
    """The same for transfers to and from memory."""
    memory: Count | None = None
    memory_used: Count | None = None
    memory_reserved: Count | None = None
    temperature: Degrees | None = None
    """Celsius."""
    power: Count | None = None
    power_limit: Count | None = None
    energy: Count | None = None
    """Since the driver was loaded."""
    clock_sm: Count | None = None
    clock_memory: Count | None = None
    clocks_limited_by: Annotated[tuple[Word, ...], msgspec.Meta(max_length=32)] | None = None
    """Why the clocks are lower than they could be; empty where nothing holds them down."""
    ecc_corrected: Count | None = None
    """Since the driver was loaded, as the next one."""
    ecc_uncorrected: Count | None = None
    ecc_corrected_ever: Count | None = None
    ecc_uncorrected_ever: Count | None = None
    rows_remapped: Count | None = None
    """After correctable and uncorrectable errors together."""
    rows_pending: bool | None = None
    """A row will be remapped at the next reset."""
    rows_failed: bool | None = None
    """A remapping has failed: the GPU is to be replaced."""
    pages_pending: bool | None = None
    """The same for GPUs that retire whole pages."""
    repair_pending: bool | None = None
    recovery: Word | None = None
    """What the driver asks for: `none`, `gpu-reset`, `node-reboot`, ..."""
    pcie_generation: Count | None = None
    pcie_width: Count | None = None
    pcie_replays: Count | None = None
    nvlinks_up: Count | None = None
    xids: (
        Annotated[
            Mapping[Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{1,10}\Z")], Count],
            msgspec.Meta(max_length=MAX_XIDS),
        ]
        | None
    ) = None
    """Number of each critical XID error since the agent began to listen for them."""
    errors: Errors = {}


class Measured(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A host's resources."""

    host: HostUse
    nvml: Nvml
    gpus: Annotated[tuple[GpuUse, ...], msgspec.Meta(max_length=MAX_GPUS)] = ()
    """In NVML's order; empty where `nvml` is not available."""


class Report(Measured, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A host's resources at one moment, by its own clock."""

    at: Moment

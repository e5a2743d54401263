"""What good firmware measures: the values that reports carry and reference manifests demand."""

from dataclasses import dataclass
from functools import cache
from hashlib import sha384
from typing import NamedTuple

from lotabots.simulator.chips import Chip, Model

ZERO = bytes(48)
"""The value of a block in which nothing was measured."""
RIM_ENTRIES = 64
"""Every published manifest lists 64 indices, used or not."""


class Firmware(NamedTuple):
    """The versions a device runs. A switch has no driver: empty text."""

    driver: str
    vbios: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One index of a manifest: the values of which a device may report any."""

    index: int
    active: bool
    hashes: tuple[bytes, ...]


class Manifest(NamedTuple):
    """A reference integrity manifest before it is written as XML and signed."""

    id: str
    product: str
    edition: str
    version: str
    entries: tuple[Entry, ...]


def firmware_of(model: Model) -> Firmware:
    """The good versions of a chip."""
    return Firmware(model.driver, model.vbios)


def fwid_of(model: Model) -> bytes:
    """The digest of the firmware that the leaf certificate was made for, 48 bytes.

    Real devices of one release share it: it names the measuring firmware, not the device.
    """
    return sha384(f"lotabots simulated FWID {model.chip}".encode()).digest()


@cache
def measurements(model: Model, firmware: Firmware) -> tuple[bytes, ...]:
    """The value of every measurement block in order: what a good device reports."""
    good = {
        entry.index: ZERO if entry.index in model.zero_indices else entry.hashes[0]
        for manifest in manifests(model, firmware)
        for entry in manifest.entries
        if entry.active
    }
    return tuple(good.get(index, ZERO) for index in range(model.blocks))


@cache
def manifests(model: Model, firmware: Firmware) -> tuple[Manifest, ...]:
    """The manifests that this firmware is held against: driver then VBIOS, or the switch's one."""
    vbios = _manifest(model, vbios_rim_id(model, firmware.vbios), "vbios", firmware.vbios)
    if not firmware.driver:
        return (vbios,)
    return (
        _manifest(model, driver_rim_id(model, firmware.driver), "driver", firmware.driver),
        vbios,
    )


def driver_rim_id(model: Model, version: str) -> str:
    """The id of a driver's manifest. Blackwell drivers have another prefix than Hopper's."""
    prefix = "NV_GPU_CC_DRIVER" if model.chip is Chip.GB100 else "NV_GPU_DRIVER"
    return f"{prefix}_{model.chip}_{version}"


def vbios_rim_id(model: Model, version: str) -> str:
    """The id of a VBIOS manifest: project, project SKU, chip SKU, version without dots."""
    prefix = "NV_SWITCH_BIOS" if model.kind == "switch" else "NV_GPU_VBIOS"
    board = f"{model.project}_{model.project_sku}_{model.chip_sku}"
    return f"{prefix}_{board}_{version.replace('.', '')}"


def _manifest(model: Model, rim_id: str, source: str, version: str) -> Manifest:
    demanded = model.driver_indices if source == "driver" else model.vbios_indices
    return Manifest(
        id=rim_id,
        product=model.chip,
        edition=model.kind.upper(),
        version=version,
        entries=tuple(
            Entry(index, index in demanded, _hashes(model, rim_id, index, index in demanded))
            for index in range(RIM_ENTRIES)
        ),
    )


def _hashes(model: Model, rim_id: str, index: int, active: bool) -> tuple[bytes, ...]:
    if not active:
        return (ZERO,)
    count = model.alternatives.get(index, 1)
    values = [golden(rim_id, index, alternative) for alternative in range(count)]
    if index in model.zero_indices:
        values[-1] = ZERO
    return tuple(values)


def golden(rim_id: str, index: int, alternative: int = 0) -> bytes:
    """A value that no other manifest, index or alternative has, 48 bytes."""
    return sha384(f"lotabots simulated {rim_id} {index} {alternative}".encode()).digest()

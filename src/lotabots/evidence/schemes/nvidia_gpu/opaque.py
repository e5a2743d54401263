"""What a report's opaque fields say, as typed values: one view for GPUs, one for switches.

Field ids and sizes as found in real Hopper, Blackwell and LS10 reports. A field that is absent is
None: old firmware leaves out several, and absent is never the same as good.
"""

import re
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from lotabots.evidence.schemes.nvidia_gpu.codes import refuse

MAX_VERSION = 1

_DRIVER = 3
_VBIOS = 6
_NVDEC0 = 11
_CHIP_SKU = 15
_PROJECT = 17
_PROJECT_SKU = 18
_FWID = 20
_PROTECTED_PCIE = 21
_PDI = 22
_GPU_PDIS = 26
_OPAQUE_VERSION = 34
_CHIP_INFO = 35
_FEATURE = 36

_ON = 0xAA
_OFF = 0x55
_PDI_SIZE = 8
_GPU_LINKS = 18
_SWITCH_GPUS = 8
_SWITCH_PORTS = 64
_UNCONNECTED = frozenset({b"\x00" * _PDI_SIZE, b"\xff" * _PDI_SIZE})

_DRIVER_VERSION = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,4}){1,3}")
_SWITCH_VERSION = re.compile(r"[0-9A-F]{2}(?:\.[0-9A-F]{2}){4}")
_PART = re.compile(r"[0-9A-Z]{1,8}")


class Mode(StrEnum):
    """The confidential-computing mode that the firmware signs in field 36."""

    SPT = "spt"
    """One GPU in one machine."""
    MPT = "mpt"
    """Several GPUs, NVLink encrypted."""
    PPCIE = "ppcie"
    """Protected PCIe: a whole node with its switches."""
    UNKNOWN = "unknown"
    ABSENT = "absent"


class Switch(StrEnum):
    """A status byte: 0xAA on, 0x55 off, anything else unknown."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"
    ABSENT = "absent"


class GpuOpaque(msgspec.Struct, frozen=True, kw_only=True):
    """What a GPU signs about itself."""

    version: int
    """Layout version of the opaque data; 0 before firmware wrote one."""
    driver: str | None
    vbios: str | None
    nvdec0: Switch
    fwid: bytes | None
    protected_pcie: Switch
    mode: Mode
    switch_pdis: frozenset[str] | None
    """PDIs of the switches at the other end of its links; None if it signs none."""
    chip_info: str | None
    project: str | None
    project_sku: str | None
    chip_sku: str | None


class SwitchOpaque(msgspec.Struct, frozen=True, kw_only=True):
    """What an NVSwitch signs about itself."""

    version: int
    vbios: str | None
    fwid: bytes | None
    pdi: str | None
    gpu_pdis: frozenset[str] | None
    """PDIs of the GPUs at the other end of its ports; None if it signs none."""


def gpu_opaque(fields: Mapping[int, bytes]) -> GpuOpaque:
    """The view of a GPU's fields. LotaError NV-PARSE-OPAQUE or NV-VERSION-OPAQUE."""
    links = _sized(fields, _PDI, _GPU_LINKS * _PDI_SIZE)
    return GpuOpaque(
        version=_version(fields),
        driver=_text(fields, _DRIVER, _DRIVER_VERSION),
        vbios=_vbios(fields),
        nvdec0=_status(fields, _NVDEC0),
        fwid=_sized(fields, _FWID, 48),
        protected_pcie=_status(fields, _PROTECTED_PCIE),
        mode=_mode(fields),
        # A GPU writes the switches' PDIs with their bytes reversed.
        switch_pdis=None if links is None else frozenset(pdi[::-1].hex() for pdi in _pdis(links)),
        chip_info=_text(fields, _CHIP_INFO, _PART),
        project=_text(fields, _PROJECT, _PART),
        project_sku=_text(fields, _PROJECT_SKU, _PART),
        chip_sku=_text(fields, _CHIP_SKU, _PART),
    )


def switch_opaque(fields: Mapping[int, bytes]) -> SwitchOpaque:
    """The view of a switch's fields. LotaError NV-PARSE-OPAQUE or NV-VERSION-OPAQUE."""
    own = _sized(fields, _PDI, _PDI_SIZE)
    # 8 GPU PDIs, then one byte for each port: which of them it leads to.
    ports = _sized(fields, _GPU_PDIS, _SWITCH_GPUS * _PDI_SIZE + _SWITCH_PORTS)
    gpus = None if ports is None else _pdis(ports[: _SWITCH_GPUS * _PDI_SIZE])
    return SwitchOpaque(
        version=_version(fields),
        vbios=_text(fields, _VBIOS, _SWITCH_VERSION),
        fwid=_sized(fields, _FWID, 48),
        pdi=None if own is None else own.hex(),
        gpu_pdis=None if gpus is None else frozenset(pdi.hex() for pdi in gpus),
    )


def _version(fields: Mapping[int, bytes]) -> int:
    raw = _sized(fields, _OPAQUE_VERSION, 2)
    version = 0 if raw is None else int.from_bytes(raw, "little")
    if version > MAX_VERSION:
        raise refuse(
            "NV-VERSION-OPAQUE", expected=f"version 0 to {MAX_VERSION}", measured=f"{version}"
        )
    return version


def _mode(fields: Mapping[int, bytes]) -> Mode:
    raw = _sized(fields, _FEATURE, 2)
    if raw is None:
        return Mode.ABSENT
    known = {0: Mode.SPT, 1: Mode.MPT, 2: Mode.PPCIE}
    return known.get(int.from_bytes(raw, "little"), Mode.UNKNOWN)


def _status(fields: Mapping[int, bytes], kind: int) -> Switch:
    raw = _sized(fields, kind, 1)
    if raw is None:
        return Switch.ABSENT
    return {_ON: Switch.ON, _OFF: Switch.OFF}.get(raw[0], Switch.UNKNOWN)


def _vbios(fields: Mapping[int, bytes]) -> str | None:
    """Two little-endian words: 00 9f 00 96, 01 00 00 00 is 96.00.9F.00.01."""
    raw = _sized(fields, _VBIOS, 8)
    if raw is None:
        return None
    if raw[5:] != b"\x00\x00\x00":
        raise refuse("NV-PARSE-OPAQUE", expected="a VBIOS version of 5 bytes", measured=raw.hex())
    return (raw[3::-1] + raw[4:5]).hex(".").upper()


def _pdis(data: bytes) -> tuple[bytes, ...]:
    """The PDIs in a list of slots, without those that are not connected."""
    slots = (data[at : at + _PDI_SIZE] for at in range(0, len(data), _PDI_SIZE))
    return tuple(pdi for pdi in slots if pdi not in _UNCONNECTED)


def _text(fields: Mapping[int, bytes], kind: int, form: re.Pattern[str]) -> str | None:
    """ASCII before the NUL bytes that fill the field up."""
    raw = fields.get(kind)
    if raw is None:
        return None
    text = raw.rstrip(b"\x00").decode("ascii", "replace")
    if not form.fullmatch(text):
        raise refuse(
            "NV-PARSE-OPAQUE",
            expected=f"field {kind} as text of the form {form.pattern}",
            measured=repr(text[:64]),
        )
    return text


def _sized(fields: Mapping[int, bytes], kind: int, size: int) -> bytes | None:
    raw = fields.get(kind)
    if raw is not None and len(raw) != size:
        raise refuse(
            "NV-PARSE-OPAQUE",
            expected=f"field {kind} of {size} bytes",
            measured=f"{len(raw)} bytes",
        )
    return raw

"""Faults in what a device is or does, and in which devices stand in a node."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from lotabots.evidence import Evidence
from lotabots.simulator.chips import Mode
from lotabots.simulator.devices import NVDEC0_ON, Device
from lotabots.simulator.faults import Fault
from lotabots.simulator.golden import Firmware, golden
from lotabots.simulator.report_faults import malleate

StateFault = Callable[[Device], Device]
Devices = tuple[Device, ...]
PlaceFault = Callable[[Devices, Device, Devices], Devices]
"""The devices of a node, the one at fault, those of another node -> the devices presented."""
CopyFault = Callable[[list[Evidence], Evidence], list[Evidence]]
"""The evidence of a node and that of the device at fault -> the evidence sent."""

NVDEC0_INDEX = 35
"""The one measurement that only counts while the decoder is on."""
_BELOW = {"990.12": "990.9", "990.48.01": "990.9.01"}


def _modified(device: Device) -> Device:
    for index in (1, 2, 3):
        device = device.with_deviation(index)
    return device


def _debug(device: Device) -> Device:
    return device.with_deviation(21)


def _below_floor(device: Device) -> Device:
    firmware = device.firmware
    return device.with_firmware(Firmware(_BELOW[firmware.driver], firmware.vbios))


def _unknown_switch(device: Device) -> Device:
    pdi = golden("a switch of no node", 0)[:8]
    return replace(device, fabric=pdi + device.fabric[8:])


def _false_pdi(device: Device) -> Device:
    pdi = golden("a switch of no node", 1)[:8]
    return replace(device, identity=replace(device.identity, pdi=pdi))


STATES: Mapping[Fault, StateFault] = MappingProxyType(
    {
        Fault.FIRMWARE_MODIFIED: _modified,
        Fault.DEBUG_MODE: _debug,
        Fault.DRIVER_BELOW_FLOOR: _below_floor,
        Fault.NVDEC0_ON_DEVIATING: lambda device: replace(device, nvdec0=NVDEC0_ON).with_deviation(
            NVDEC0_INDEX
        ),
        Fault.NVDEC0_OFF_DEVIATING: lambda device: device.with_deviation(NVDEC0_INDEX),
        Fault.NVDEC0_UNKNOWN: lambda device: replace(device, nvdec0=0x00),
        Fault.MODES_MIXED: lambda device: replace(device, mode=Mode.SINGLE),
        Fault.SWITCHES_DIFFER: _unknown_switch,
        Fault.SWITCH_PDI_FALSE: _false_pdi,
    }
)


def _put(devices: Devices, place: Device, other: Device) -> Devices:
    """The devices with another one in this place."""
    return tuple(
        replace(other, subject=place.subject) if device is place else device for device in devices
    )


def _of_kind(devices: Devices, kind: str) -> Device:
    return next(device for device in devices if device.item.kind == kind)


def _next_subject(device_subject: str) -> str:
    """The next place of the same kind."""
    kind = device_subject.rstrip("0123456789")
    return f"{kind}{int(device_subject[len(kind) :]) + 1}"


def _twice(devices: Devices, device: Device, _: Devices) -> Devices:
    following = _next_subject(device.subject)
    place = next(other for other in devices if other.subject == following)
    return _put(devices, place, device)


PLACES: Mapping[Fault, PlaceFault] = MappingProxyType(
    {
        Fault.GPU_SWAPPED: lambda all_, device, other: _put(all_, device, _of_kind(other, "gpu")),
        Fault.SWITCH_MISSING: lambda all_, device, _: tuple(d for d in all_ if d is not device),
        Fault.SWITCH_SWAPPED: lambda all_, device, other: _put(
            all_, device, _of_kind(other, "switch")
        ),
        Fault.SWITCH_AS_GPU: lambda all_, device, other: _put(
            all_, device, _of_kind(other, "switch")
        ),
        Fault.GPU_AS_SWITCH: lambda all_, device, other: _put(all_, device, _of_kind(other, "gpu")),
        Fault.DEVICE_TWICE: _twice,
    }
)


def _copied(change: Callable[[bytes], bytes]) -> CopyFault:
    def copy(sent: list[Evidence], own: Evidence) -> list[Evidence]:
        following = _next_subject(own.subject)
        twin = Evidence(
            scheme=own.scheme,
            subject=following,
            data=change(own.data),
            certificates=own.certificates,
        )
        return [twin if item.subject == following else item for item in sent]

    return copy


COPIES: Mapping[Fault, CopyFault] = MappingProxyType(
    {
        Fault.REPORT_TWICE: _copied(lambda data: data),
        Fault.REPORT_TWICE_MALLEATED: _copied(malleate),
        Fault.SUBJECT_TWICE: lambda sent, own: [*sent, own],
    }
)

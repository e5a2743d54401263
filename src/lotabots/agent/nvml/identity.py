"""The driver library and each GPU: what stays as it is while nobody changes it."""

from collections.abc import Sequence

import pynvml  # type: ignore[import-untyped]  # NVIDIA's binding has no types

from lotabots.agent.nvml.links import links
from lotabots.agent.nvml.reading import Ask, Reading
from lotabots.agent.nvml.words import (
    ARCHITECTURES,
    BRANDS,
    CC_ENVIRONMENTS,
    CC_MULTI_GPU,
    COMPUTE_MODES,
    ON_OFF,
    VIRTUALIZATION,
)
from lotabots.evidence.schemes.host_claims import ConfidentialComputing, Gpu, MigInstance, Nvml
from lotabots.evidence.schemes.nvidia_gpu.collect import error_name

_MEBIBYTE = 1024 * 1024
_MAX_INSTANCES = 64
_CC_ON = 1

_LIBRARY: tuple[tuple[str, Ask], ...] = (
    ("status", lambda _: "available"),
    ("driver", lambda _: pynvml.nvmlSystemGetDriverVersion()),
    ("version", lambda _: pynvml.nvmlSystemGetNVMLVersion()),
    ("cuda", lambda _: _cuda(pynvml.nvmlSystemGetCudaDriverVersion_v2())),
    ("cc", lambda _: _confidential_computing()),
)


def _pci(gpu: object) -> Sequence[object]:
    info = pynvml.nvmlDeviceGetPciInfo(gpu)
    return info.busId, f"{info.pciDeviceId:08x}"


def _instances(gpu: object) -> tuple[MigInstance, ...]:
    """The slices of the GPU; none where it is not, and cannot be, in MIG mode."""
    try:
        slots = pynvml.nvmlDeviceGetMaxMigDeviceCount(gpu)
    except pynvml.NVMLError as error:
        if error_name(error) == "NOT_SUPPORTED":
            return ()
        raise
    found = []
    for slot in range(min(slots, _MAX_INSTANCES)):
        try:
            handle = pynvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, slot)
        except pynvml.NVMLError as error:
            # A slot without a slice; a GPU that is not in MIG mode has no other.
            if error_name(error) in {"NOT_FOUND", "NOT_SUPPORTED"}:
                continue
            raise
        found.append(_instance(handle))
    return tuple(found)


def _instance(handle: object) -> MigInstance:
    reading = Reading(MigInstance, handle)
    reading.read("uuid", pynvml.nvmlDeviceGetUUID)
    reading.read("profile", pynvml.nvmlDeviceGetName)
    reading.read("memory", lambda mig: pynvml.nvmlDeviceGetAttributes(mig).memorySizeMB * _MEBIBYTE)
    return reading.done()


def _confidential_computing() -> ConfidentialComputing:
    reading = Reading(ConfidentialComputing)
    reading.read_all(("environment", "feature", "devtools"), _cc_state)
    reading.read("multi_gpu", _cc_multi_gpu)
    reading.read("ready", lambda _: ON_OFF[pynvml.nvmlSystemGetConfComputeGpusReadyState()])
    return reading.done()


def _cc_state(_: object) -> Sequence[object]:
    state = pynvml.nvmlSystemGetConfComputeState()
    environment = CC_ENVIRONMENTS.get(state.environment, "other")
    return environment, ON_OFF[state.ccFeature], ON_OFF[state.devToolsMode]


def _cc_multi_gpu(_: object) -> str:
    settings = pynvml.c_nvmlSystemConfComputeSettings_v1_t()
    # This one function of the binding returns the error instead of raising it.
    if failed := pynvml.nvmlSystemGetConfComputeSettings(pynvml.byref(settings)):
        raise pynvml.NVMLError(failed)
    return CC_MULTI_GPU.get(settings.multiGpuMode, "other")


def _cuda(version: int) -> str:
    """1000 times the major version and ten times the minor: 12040 is 12.4."""
    return f"{version // 1000}.{version % 1000 // 10}"


def _dotted(parts: tuple[int, int]) -> str:
    return ".".join(map(str, parts))


def _text(value: bytes | str) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else value


_GPU: tuple[tuple[str, Ask], ...] = (
    ("uuid", pynvml.nvmlDeviceGetUUID),
    ("pdi", lambda gpu: f"{pynvml.nvmlDeviceGetPdi(gpu):016x}"),
    ("name", pynvml.nvmlDeviceGetName),
    ("serial", pynvml.nvmlDeviceGetSerial),
    ("part_number", pynvml.nvmlDeviceGetBoardPartNumber),
    ("brand", lambda gpu: BRANDS[pynvml.nvmlDeviceGetBrand(gpu)]),
    ("architecture", lambda gpu: ARCHITECTURES[pynvml.nvmlDeviceGetArchitecture(gpu)]),
    ("compute_capability", lambda gpu: _dotted(pynvml.nvmlDeviceGetCudaComputeCapability(gpu))),
    ("minor", pynvml.nvmlDeviceGetMinorNumber),
    ("cores", pynvml.nvmlDeviceGetNumGpuCores),
    ("memory", lambda gpu: pynvml.nvmlDeviceGetMemoryInfo(gpu).total),
    ("memory_bus_width", pynvml.nvmlDeviceGetMemoryBusWidth),
    ("vbios", pynvml.nvmlDeviceGetVbiosVersion),
    ("inforom", pynvml.nvmlDeviceGetInforomImageVersion),
    ("gsp", lambda gpu: _text(pynvml.nvmlDeviceGetGspFirmwareVersion(gpu))),
    ("ecc", lambda gpu: ON_OFF[pynvml.nvmlDeviceGetEccMode(gpu)[0]]),
    ("mig", lambda gpu: ON_OFF[pynvml.nvmlDeviceGetMigMode(gpu)[0]]),
    ("instances", _instances),
    ("compute_mode", lambda gpu: COMPUTE_MODES[pynvml.nvmlDeviceGetComputeMode(gpu)]),
    ("persistence", lambda gpu: ON_OFF[pynvml.nvmlDeviceGetPersistenceMode(gpu)]),
    ("virtualization", lambda gpu: VIRTUALIZATION[pynvml.nvmlDeviceGetVirtualizationMode(gpu)]),
    ("pcie_max_generation", pynvml.nvmlDeviceGetMaxPcieLinkGeneration),
    ("pcie_max_width", pynvml.nvmlDeviceGetMaxPcieLinkWidth),
    ("nvlinks", lambda gpu: links(gpu).present),
)


def read_library() -> Nvml:
    """Versions of driver and library, and what they say of confidential computing."""
    reading = Reading(Nvml)
    for name, ask in _LIBRARY:
        reading.read(name, ask)
    return reading.done()


def read_gpu(handle: object) -> Gpu:
    """What NVML says of this GPU. Nothing raises: a field that fails says so."""
    reading = Reading(Gpu, handle)
    reading.read_all(("pci", "pci_device"), _pci)
    for name, ask in _GPU:
        reading.read(name, ask)
    return reading.done()

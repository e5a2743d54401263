"""One GPU now: how busy, how full, how warm, and what is wrong with it."""

from collections.abc import Sequence

import pynvml  # type: ignore[import-untyped]  # NVIDIA's binding has no types

from lotabots.agent.nvml.links import links
from lotabots.agent.nvml.reading import Ask, Reading, first_known
from lotabots.agent.nvml.words import RECOVERY, clock_reasons
from lotabots.evidence.schemes.host_claims import GpuUse

_CORRECTED, _UNCORRECTED = 0, 1
_SINCE_LOAD, _EVER = 0, 1
_SENSOR_GPU = 0
_CLOCK_SM, _CLOCK_MEMORY = 1, 2


def _errors(kind: int, counter: int) -> Ask:
    return lambda gpu: pynvml.nvmlDeviceGetTotalEccErrors(gpu, kind, counter)


def _utilization(gpu: object) -> Sequence[object]:
    rates = pynvml.nvmlDeviceGetUtilizationRates(gpu)
    return rates.gpu, rates.memory


def _memory(gpu: object) -> Sequence[object]:
    memory = pynvml.nvmlDeviceGetMemoryInfo(gpu, version=pynvml.nvmlMemory_v2)
    return memory.total, memory.used, memory.reserved


def _memory_of_old(gpu: object) -> Sequence[object]:
    # It counts as used what the driver keeps for itself.
    memory = pynvml.nvmlDeviceGetMemoryInfo(gpu)
    return memory.total, memory.used, None


def _rows(gpu: object) -> Sequence[object]:
    corrected, uncorrected, pending, failed = pynvml.nvmlDeviceGetRemappedRows(gpu)
    return corrected + uncorrected, bool(pending), bool(failed)


def _recovery(gpu: object) -> str:
    (field,) = pynvml.nvmlDeviceGetFieldValues(gpu, [pynvml.NVML_FI_DEV_GET_GPU_RECOVERY_ACTION])
    if field.nvmlReturn != pynvml.NVML_SUCCESS:
        raise pynvml.NVMLError(field.nvmlReturn)
    return RECOVERY[field.value.uiVal]


_reasons = first_known(
    pynvml.nvmlDeviceGetCurrentClocksEventReasons,
    pynvml.nvmlDeviceGetCurrentClocksThrottleReasons,
)

_FIELDS: tuple[tuple[str, Ask], ...] = (
    ("uuid", pynvml.nvmlDeviceGetUUID),
    (
        "temperature",
        first_known(
            lambda gpu: pynvml.nvmlDeviceGetTemperatureV(gpu, _SENSOR_GPU),
            lambda gpu: pynvml.nvmlDeviceGetTemperature(gpu, _SENSOR_GPU),
        ),
    ),
    ("power", pynvml.nvmlDeviceGetPowerUsage),
    ("power_limit", pynvml.nvmlDeviceGetEnforcedPowerLimit),
    ("energy", pynvml.nvmlDeviceGetTotalEnergyConsumption),
    ("clock_sm", lambda gpu: pynvml.nvmlDeviceGetClockInfo(gpu, _CLOCK_SM)),
    ("clock_memory", lambda gpu: pynvml.nvmlDeviceGetClockInfo(gpu, _CLOCK_MEMORY)),
    ("clocks_limited_by", lambda gpu: clock_reasons(_reasons(gpu))),
    ("ecc_corrected", _errors(_CORRECTED, _SINCE_LOAD)),
    ("ecc_uncorrected", _errors(_UNCORRECTED, _SINCE_LOAD)),
    ("ecc_corrected_ever", _errors(_CORRECTED, _EVER)),
    ("ecc_uncorrected_ever", _errors(_UNCORRECTED, _EVER)),
    ("pages_pending", lambda gpu: bool(pynvml.nvmlDeviceGetRetiredPagesPendingStatus(gpu))),
    ("repair_pending", lambda gpu: any(pynvml.nvmlDeviceGetRepairStatus(gpu))),
    ("recovery", _recovery),
    ("pcie_generation", pynvml.nvmlDeviceGetCurrPcieLinkGeneration),
    ("pcie_width", pynvml.nvmlDeviceGetCurrPcieLinkWidth),
    ("pcie_replays", pynvml.nvmlDeviceGetPcieReplayCounter),
    ("nvlinks_up", lambda gpu: links(gpu).up),
)


def read_use(handle: object, xids: Ask) -> GpuUse:
    """What NVML measures of this GPU now; `xids` says which errors it has had.

    Nothing raises: a field that fails says so.
    """
    reading = Reading(GpuUse, handle)
    reading.read_all(("use", "memory_use"), _utilization)
    reading.read_all(
        ("memory", "memory_used", "memory_reserved"), first_known(_memory, _memory_of_old)
    )
    reading.read_all(("rows_remapped", "rows_pending", "rows_failed"), _rows)
    for name, ask in (*_FIELDS, ("xids", xids)):
        reading.read(name, ask)
    return reading.done()

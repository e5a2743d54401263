"""Evidence of this machine's GPUs, asked of them through NVML. It does I/O: for the agent alone.

A GPU signs reports only while confidential computing, or protected PCIe, is on. Which device stands
in which place of a challenge its own certificate says; NVML's order says nothing. Switches are not
reached through NVML.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import MappingProxyType

import msgspec
import pynvml  # type: ignore[import-untyped]  # NVIDIA's binding has no types

from lotabots.evidence import Caches, Evidence, InventoryItem
from lotabots.evidence.schemes.nvidia_gpu.chain import identify, load_chain
from lotabots.evidence.schemes.nvidia_gpu.evidence_file import MAX_DEVICES, SCHEME
from lotabots.kernel import Kind, LotaError

KIND = "gpu"
NONCE_SIZE = 32
_ON = 1
_PREFIX = "NVML_ERROR_"
_ERRORS: Mapping[int, str] = MappingProxyType(
    {
        getattr(pynvml, name): name.removeprefix(_PREFIX)
        for name in dir(pynvml)
        if name.startswith(_PREFIX)
    }
)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A place of a challenge: which device has to answer there, and with which nonce (32 bytes)."""

    subject: str
    device_id: str
    nonce: bytes


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """The evidence of those GPUs that gave it, and why each of the others did not."""

    evidence: tuple[Evidence, ...]
    failed: tuple[LotaError, ...]
    """`GPU_CC_OFF`, `GPU_NO_EVIDENCE`, `GPU_NOT_HERE`; `details` names the GPU."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The GPUs that can attest, as an inventory declares them, and what the others lack."""

    items: tuple[InventoryItem, ...]
    failed: tuple[LotaError, ...]


class _Gpu(msgspec.Struct, frozen=True):
    device_id: str
    certificates: bytes
    handle: object


def find_gpus(caches: Caches) -> Found:
    """Every GPU of this machine by its certified id. Raises `GPU_LIBRARY` where NVML fails."""
    with _library():
        gpus, failed = _identified(caches)
    return Found(
        items=tuple(InventoryItem(KIND, gpu.device_id) for gpu in gpus), failed=tuple(failed)
    )


def collect(wanted: Sequence[Wanted], caches: Caches) -> Collected:
    """A report and the certificates of each wanted GPU. Raises `GPU_LIBRARY` where NVML fails."""
    evidence = []
    with _library():
        gpus, failed = _identified(caches)
        here = {gpu.device_id: gpu for gpu in gpus}
        for place in wanted:
            try:
                evidence.append(_evidence(place, here))
            except LotaError as error:
                failed.append(error)
    return Collected(evidence=tuple(evidence), failed=tuple(failed))


def error_name(error: pynvml.NVMLError) -> str:
    """NVML's own name of the error, without its prefix: `NOT_SUPPORTED`."""
    return _ERRORS.get(error.value, f"ERROR_{error.value}")


@contextmanager
def _library() -> Iterator[None]:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        why = error_name(error)
        detail = f"NVIDIA's driver library cannot be used here: {why}."
        raise LotaError(Kind.UNAVAILABLE, "GPU_LIBRARY", detail, nvml=why) from error
    try:
        yield
    finally:
        with suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def _identified(caches: Caches) -> tuple[list[_Gpu], list[LotaError]]:
    """Each GPU by its own certificate; none is asked while the mode is off."""
    gpus: list[_Gpu] = []
    failed: list[LotaError] = []
    try:
        count = pynvml.nvmlDeviceGetCount()
    except pynvml.NVMLError as error:
        why = error_name(error)
        detail = f"NVML does not say which GPUs there are: {why}."
        raise LotaError(Kind.UNAVAILABLE, "GPU_LIBRARY", detail, nvml=why) from error
    if count and not _signs():
        return gpus, [_mode_off("all")]
    for index in range(min(count, MAX_DEVICES)):
        try:
            gpus.append(_identify(index, caches))
        except pynvml.NVMLError as error:
            failed.append(_without(str(index), error))
        except LotaError as error:
            detail = f"The certificates of GPU {index} cannot be read: {error.detail}"
            failed.append(_no_evidence(detail, gpu=str(index), reason=error.code))
    return gpus, failed


def _identify(index: int, caches: Caches) -> _Gpu:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    chain = pynvml.nvmlDeviceGetConfComputeGpuCertificate(handle)
    pem = _cut(chain.attestationCertChain, chain.attestationCertChainSize, str(index))
    return _Gpu(identify(load_chain(pem, caches)).id, pem, handle)


def _evidence(place: Wanted, here: Mapping[str, _Gpu]) -> Evidence:
    gpu = here.get(place.device_id)
    if gpu is None:
        detail = f"No GPU of this machine is {place.device_id}, or it does not say that it is."
        raise LotaError(Kind.NOT_FOUND, "GPU_NOT_HERE", detail, gpu=place.subject)
    if len(place.nonce) != NONCE_SIZE:
        detail = f"The nonce of {place.subject} has {len(place.nonce)} bytes, not {NONCE_SIZE}."
        raise _no_evidence(detail, gpu=place.subject)
    try:
        report = pynvml.nvmlDeviceGetConfComputeGpuAttestationReport(gpu.handle, place.nonce)
    except pynvml.NVMLError as error:
        raise _without(place.subject, error) from error
    data = _cut(report.attestationReport, report.attestationReportSize, place.subject)
    return Evidence(scheme=SCHEME, subject=place.subject, data=data, certificates=gpu.certificates)


def _signs() -> bool:
    """Whether a mode is on in which GPUs sign reports; what NVML cannot say is off."""
    try:
        if pynvml.nvmlSystemGetConfComputeState().ccFeature == _ON:
            return True
    except pynvml.NVMLError:
        return False
    settings = pynvml.c_nvmlSystemConfComputeSettings_v1_t()
    # This one function of the binding returns the error instead of raising it.
    failed = pynvml.nvmlSystemGetConfComputeSettings(pynvml.byref(settings))
    protected: bool = settings.multiGpuMode == pynvml.NVML_CC_SYSTEM_MULTIGPU_PROTECTED_PCIE
    return not failed and protected


def _cut(buffer: Sequence[int], size: int, gpu: str) -> bytes:
    if not 0 < size <= len(buffer):
        detail = f"GPU {gpu} says that its evidence has {size} bytes."
        raise _no_evidence(detail, gpu=gpu)
    return bytes(buffer[:size])


def _without(gpu: str, error: pynvml.NVMLError) -> LotaError:
    why = error_name(error)
    if why == "NOT_SUPPORTED":
        return _mode_off(gpu)
    return _no_evidence(f"GPU {gpu} gives no evidence: {why}.", gpu=gpu, nvml=why)


def _mode_off(gpu: str) -> LotaError:
    detail = "Confidential computing is off, and a GPU signs no report then."
    return LotaError(Kind.CONFLICT, "GPU_CC_OFF", detail, gpu=gpu)


def _no_evidence(detail: str, **details: str) -> LotaError:
    return LotaError(Kind.UNAVAILABLE, "GPU_NO_EVIDENCE", detail, **details)

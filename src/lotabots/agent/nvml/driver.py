"""A session with the driver's library: opened when asked, opened anew when the driver was away."""

from collections.abc import Sequence

import pynvml  # type: ignore[import-untyped]  # NVIDIA's binding has no types

from lotabots.agent.nvml.identity import read_gpu, read_library
from lotabots.agent.nvml.reading import LOST
from lotabots.agent.nvml.use import read_use
from lotabots.agent.nvml.xids import Xids
from lotabots.evidence.schemes.host_claims import Gpu, GpuUse, Nvml
from lotabots.evidence.schemes.nvidia_gpu.collect import error_name

MAX_GPUS = 64
ABSENT = ("LIBRARY_NOT_FOUND", "DRIVER_NOT_LOADED")
"""What a machine without NVIDIA's driver says. Anything else is a driver that does not work."""


class Driver:
    """NVML as this process has it. One caller at a time; nothing raises for what NVML says.

    A call can take seconds on a GPU that is failing, and for ever on one whose driver hangs: who
    must not wait calls from a thread, with a limit.
    """

    def __init__(self) -> None:
        self._handles: list[object | str] = []
        """Of each GPU; NVML's error for one that cannot even be opened."""
        self._xids: Xids | None = None
        """There while the session is open."""

    def library(self) -> Nvml:
        """The library's versions, or why there is none."""
        found = self._library()
        if "driver" in found.errors:
            # The driver was unloaded, or loaded anew, under a session that knows the old one.
            self.close()
            found = self._library()
        return found

    def gpus(self) -> tuple[Gpu, ...]:
        """What each GPU is, in NVML's order; none where there is no library."""
        self._open()
        found = tuple(
            Gpu(errors={"handle": handle}) if isinstance(handle, str) else read_gpu(handle)
            for handle in self._handles
        )
        self._leave_the_lost(found)
        return found

    def use(self) -> tuple[GpuUse, ...]:
        """What each GPU does now, in the same order."""
        self._open()
        xids = self._xids
        if xids is None:
            return ()
        xids.gather()
        found = tuple(
            GpuUse(errors={"handle": handle})
            if isinstance(handle, str)
            else read_use(handle, xids.of)
            for handle in self._handles
        )
        self._leave_the_lost(found)
        return found

    def close(self) -> None:
        """Ends the session; the next question opens another. Never raises."""
        if self._xids is not None:
            self._xids.close()
            self._xids = None
            _shut_down()
        self._handles = []

    def _library(self) -> Nvml:
        if why := self._open():
            return Nvml(status="absent" if why in ABSENT else "failed", error=why)
        return read_library()

    def _open(self) -> str:
        """Empty if a session is open, else why there is none."""
        if self._xids is not None:
            return ""
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            return error_name(error)
        try:
            count = pynvml.nvmlDeviceGetCount()
        except pynvml.NVMLError as error:
            _shut_down()
            return error_name(error)
        self._handles = [_handle(index) for index in range(min(count, MAX_GPUS))]
        self._xids = Xids([one for one in self._handles if not isinstance(one, str)])
        return ""

    def _leave_the_lost(self, found: Sequence[Gpu | GpuUse]) -> None:
        """A session in which a GPU was lost knows it as lost, also after it is back."""
        if any(LOST in one.errors.values() for one in found):
            self.close()


def _handle(index: int) -> object | str:
    try:
        handle: object = pynvml.nvmlDeviceGetHandleByIndex(index)
    except pynvml.NVMLError as error:
        return error_name(error)
    return handle


def _shut_down() -> None:
    try:
        pynvml.nvmlShutdown()
    except pynvml.NVMLError:
        return

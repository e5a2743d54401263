"""The critical errors (XID) that GPUs had since we began to listen, as the driver tells them.

An XID is told once, to those who listen just then; so the set of events lives as long as the
driver's session, and counts are of that time only.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress

import pynvml  # type: ignore[import-untyped]  # NVIDIA's binding has no types

_MOST_AT_ONCE = 1000
_MOST_KINDS = 64


class Xids:
    """Counts XIDs for each handle; a device that cannot tell them has NVML's error instead."""

    def __init__(self, handles: Sequence[object]) -> None:
        self._counts: dict[int | None, Counter[str]] = {}
        self._refused: dict[int | None, int] = {}
        try:
            self._set = pynvml.nvmlEventSetCreate()
        except pynvml.NVMLError as error:
            self._set = None
            self._refused = dict.fromkeys(map(_address, handles), error.value)
            return
        for handle in handles:
            self._listen(handle)

    def gather(self) -> None:
        """Counts what has been told since the last time; waits for nothing."""
        if self._set is None:
            return
        for _ in range(_MOST_AT_ONCE):
            try:
                event = pynvml.nvmlEventSetWait_v2(self._set, 0)
            except pynvml.NVMLError:
                # TIMEOUT, the usual one: nothing more waits. Any other will come again.
                return
            counts = self._counts.setdefault(_address(event.device), Counter())
            xid = str(event.eventData)
            if xid in counts or len(counts) < _MOST_KINDS:
                counts[xid] += 1

    def of(self, handle: object) -> Mapping[str, int]:
        """XID to how often. Raises NVMLError for a device that cannot tell."""
        if (refused := self._refused.get(_address(handle))) is not None:
            raise pynvml.NVMLError(refused)
        return dict(self._counts.get(_address(handle), {}))

    def close(self) -> None:
        """Stops listening. Never raises."""
        if self._set is not None:
            with suppress(pynvml.NVMLError):
                pynvml.nvmlEventSetFree(self._set)
            self._set = None

    def _listen(self, handle: object) -> None:
        try:
            pynvml.nvmlDeviceRegisterEvents(handle, pynvml.nvmlEventTypeXidCriticalError, self._set)
        except pynvml.NVMLError as error:
            self._refused[_address(handle)] = error.value


def _address(handle: object) -> int | None:
    """By what two handles are the same device."""
    address: int | None = pynvml.cast(handle, pynvml.c_void_p).value
    return address

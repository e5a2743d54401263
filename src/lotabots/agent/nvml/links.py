"""The NVLinks of one GPU: how many there are, and how many are up."""

from typing import NamedTuple

import pynvml  # type: ignore[import-untyped]  # NVIDIA's binding has no types

from lotabots.evidence.schemes.nvidia_gpu.collect import error_name

_NO_SUCH_LINK = ("NOT_SUPPORTED", "INVALID_ARGUMENT", "NOT_FOUND")


class Links(NamedTuple):
    """Numbers of links."""

    present: int
    up: int


def links(handle: object) -> Links:
    """The links of this GPU. Raises NVMLError where it has none, or cannot say."""
    states: list[int] = []
    for link in range(pynvml.NVML_NVLINK_MAX_LINKS):
        try:
            states.append(pynvml.nvmlDeviceGetNvLinkState(handle, link))
        except pynvml.NVMLError as error:
            # The first that does not exist ends the list; without any, its error is the answer.
            if not states or error_name(error) not in _NO_SUCH_LINK:
                raise
            break
    return Links(present=len(states), up=sum(1 for state in states if state))

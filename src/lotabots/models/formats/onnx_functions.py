"""Who an ONNX model's operators are by: the runtime, a function of the model, or code from outside.

Source: `docs/IR.md` of onnx/onnx, "Operator Sets" and "Model Local Functions".
"""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from lotabots.models.formats.faults import Faults

DOMAINS = frozenset(
    {
        "ai.onnx",  # also written as nothing at all
        "ai.onnx.ml",
        "ai.onnx.training",
        "ai.onnx.preview",
        "ai.onnx.preview.training",
        "com.microsoft",  # compiled into onnxruntime
        "com.microsoft.nchwc",
        "com.ms.internal.nhwc",
    }
)
"""Domains whose operators a runtime has compiled in. Not ai.onnx.contrib: its PyOp runs Python
(onnxruntime-extensions)."""

MAX_NODES = 10_000_000
"""Nodes of a model once its functions are written out."""


class Call(NamedTuple):
    """What one node does, or what a function of the model is called by."""

    domain: str
    name: str
    overload: str = ""


def check_functions(
    functions: Mapping[Call, Counter[Call]], calls: Counter[Call], faults: Faults
) -> None:
    """Finds operators from outside, functions in the place of built-in ones, and endless calls."""
    called = {*calls}.union(*functions.values())
    for call in sorted(called):
        if call.domain not in DOMAINS and call not in functions:
            faults.finding("ONNX-DOMAIN", measured=f"{call.domain}::{call.name}")
    for function in sorted(functions):
        if function.domain in DOMAINS:
            measured = f"{function.domain}::{function.name}"
            faults.finding("ONNX-FUNCTION-BUILTIN", measured=measured)
    if functions:
        _check_expansion(functions, calls, faults)


def _check_expansion(
    functions: Mapping[Call, Counter[Call]], calls: Counter[Call], faults: Faults
) -> None:
    """Finds a function that calls itself, or so many that the model grows beyond bounds.

    Depth first without recursion: a function is entered, waits for those it calls, and has its
    size when it is met again.
    """
    sizes: dict[Call, int] = {}
    entered: set[Call] = set()
    stack = sorted(functions)
    while stack:
        function = stack[-1]
        if function in sizes:
            stack.pop()
            continue
        waiting = [call for call in functions[function] if call in functions and call not in sizes]
        if function not in entered:
            entered.add(function)
            stack += waiting
        elif waiting:
            measured = f"{function.domain}::{function.name} calls itself"
            faults.finding("ONNX-FUNCTION-EXPANSION", measured=measured)
            return
        else:
            stack.pop()
            sizes[function] = _size(functions[function], sizes)
    total = _size(calls, sizes)
    if total > MAX_NODES:
        faults.finding("ONNX-FUNCTION-EXPANSION", expected=MAX_NODES, measured=total)


def _size(calls: Counter[Call], sizes: Mapping[Call, int]) -> int:
    # Capped: a chain of functions that each call the next one twice is a number of many digits.
    # A call counts by itself: functions without a node still have to be expanded.
    total = sum(count * (1 + sizes.get(call, 0)) for call, count in calls.items())
    return min(total, 2 * MAX_NODES)

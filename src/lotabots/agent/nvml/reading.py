"""The fields of one thing, each read for itself: what fails is absent, with NVML's name for why."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeAlias, TypeVar

import msgspec
import pynvml  # type: ignore[import-untyped]  # NVIDIA's binding has no types

from lotabots.evidence.schemes.nvidia_gpu.collect import error_name

Shape = TypeVar("Shape", bound=msgspec.Struct)
Value = TypeVar("Value")
Ask: TypeAlias = Callable[[object], object]
"""From a device's handle to what NVML says; raises NVMLError."""

UNREADABLE = "UNREADABLE"
"""Our own: the library answered, and its answer is none that the field can have."""
LOST = "GPU_IS_LOST"
_OLD_LIBRARY = ("FUNCTION_NOT_FOUND", "ARGUMENT_VERSION_MISMATCH", "DEPRECATED")


class Reading(Generic[Shape]):
    """Reads fields of a struct that has `errors`.

    A device that is lost is asked nothing more: every further question could wait for seconds.
    """

    def __init__(self, shape: type[Shape], handle: object = None) -> None:
        self._shape = shape
        self._handle = handle
        self._types = {field.name: field.type for field in msgspec.structs.fields(shape)}
        self._values: dict[str, object] = {}
        self._errors: dict[str, str] = {}
        self._lost = False

    def read(self, name: str, ask: Ask) -> None:
        """One field, by what `ask` returns."""
        self.read_all((name,), lambda handle: (ask(handle),))

    def read_all(self, names: Sequence[str], ask: Callable[[object], Sequence[object]]) -> None:
        """Fields that one question answers, in its order."""
        if self._lost:
            self._fail(names, LOST)
            return
        try:
            answers = ask(self._handle)
        except pynvml.NVMLError as error:
            why = error_name(error)
            self._lost = why == LOST
            self._fail(names, why)
        except (LookupError, ValueError):
            # A number that has no word, or text that is none.
            self._fail(names, UNREADABLE)
        else:
            for name, answer in zip(names, answers, strict=True):
                self._keep(name, answer)

    def done(self) -> Shape:
        """What was read, and what was not."""
        return self._shape(**self._values, errors=dict(self._errors))

    def _keep(self, name: str, answer: object) -> None:
        try:
            self._values[name] = msgspec.convert(answer, self._types[name])
        except msgspec.ValidationError:
            self._errors[name] = UNREADABLE

    def _fail(self, names: Sequence[str], why: str) -> None:
        self._errors.update(dict.fromkeys(names, why))


def first_known(*asks: Callable[[object], Value]) -> Callable[[object], Value]:
    """Asks in this order, the newest function first, until the library has one of them."""

    def ask(handle: object) -> Value:
        for one in asks[:-1]:
            try:
                return one(handle)
            except pynvml.NVMLError as error:
                if error_name(error) not in _OLD_LIBRARY:
                    raise
        return asks[-1](handle)

    return ask

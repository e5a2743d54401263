"""A thread for calls that may never return, as a driver's do when its device hangs."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from queue import SimpleQueue
from typing import TypeVar

from lotabots.kernel import Kind, LotaError

T = TypeVar("T")


class Patience:
    """One thread, one call at a time. While a call hangs, the next ones fail at once.

    The thread is a daemon: a call that hangs does not keep the process from ending.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._asked: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._pending: Future[object] | None = None
        threading.Thread(target=self._work, name="devices", daemon=True).start()

    def ask(self, what: Callable[[], T]) -> T:
        """What the call returns or raises. Raises `AGENT_DEVICE_STUCK` where it takes too long."""
        if self._pending is not None and not self._pending.done():
            raise _stuck()
        answer: Future[T] = Future()
        self._pending = answer  # type: ignore[assignment]  # only asked whether it is done

        def call() -> None:
            try:
                answer.set_result(what())
            except BaseException as error:  # noqa: BLE001 - whoever asked gets it
                answer.set_exception(error)

        self._asked.put(call)
        try:
            return answer.result(self._seconds)
        except Late as error:
            if answer.done():  # it raised a TimeoutError of its own
                raise
            raise _stuck() from error

    def _work(self) -> None:
        while True:
            self._asked.get()()


def _stuck() -> LotaError:
    detail = "The driver does not answer; what its devices would say is left out."
    return LotaError(Kind.UNAVAILABLE, "AGENT_DEVICE_STUCK", detail)

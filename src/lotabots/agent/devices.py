"""What of a real machine answers a challenge beside its TPM: its GPUs, and the host's own word."""

from collections.abc import Callable, Sequence
from datetime import datetime

from lotabots.agent.host import Host
from lotabots.agent.inventory import take_inventory, take_report
from lotabots.agent.machine import Asked, Collected, Found
from lotabots.agent.nvml import Driver
from lotabots.agent.patience import Patience
from lotabots.evidence import Caches, Evidence
from lotabots.evidence.schemes.host_claims import SCHEME as HOST_SCHEME
from lotabots.evidence.schemes.host_claims import Report, write_statement
from lotabots.evidence.schemes.nvidia_gpu.collect import Wanted, collect, find_gpus
from lotabots.kernel import LotaError

DRIVER_SECONDS = 20.0
"""For all GPUs of a node; one takes far less than a second."""


class Gpus:
    """NVIDIA GPUs that sign reports about themselves."""

    kinds = frozenset({"gpu"})

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._caches = Caches()

    def inventory(self) -> Found:
        """The GPUs that can attest, and what the others lack."""
        try:
            found = self._patience.ask(lambda: find_gpus(self._caches))
        except LotaError as error:
            return Found(failed=(error,))
        return Found(found.items, found.failed)

    def collect(self, asked: Sequence[Asked]) -> Collected:
        """A report and the certificates of each GPU that gives them."""
        wanted = [Wanted(subject=s, device_id=device, nonce=nonce) for s, device, nonce in asked]
        try:
            collected = self._patience.ask(lambda: collect(wanted, self._caches))
        except LotaError as error:
            return Collected(failed=(error,))
        return Collected(collected.evidence, collected.failed)


class HostWord:
    """The host's statement about itself: `claimed`, never proof."""

    kinds = frozenset({"host"})

    def __init__(self, patience: Patience, clock: Callable[[], datetime]) -> None:
        self._patience = patience
        self._clock = clock
        self._host, self._driver = Host(), Driver()

    def inventory(self) -> Found:
        """Nothing: the server itself asks the host of every node that has an agent."""
        return Found()

    def collect(self, asked: Sequence[Asked]) -> Collected:
        """One statement for each place, which is one."""
        try:
            machine = self._patience.ask(
                lambda: take_inventory(self._host, self._driver, self._clock())
            )
            evidence = tuple(
                Evidence(
                    scheme=HOST_SCHEME,
                    subject=one.subject,
                    data=write_statement(machine, one.nonce),
                    certificates=b"",
                )
                for one in asked
            )
        except LotaError as error:
            return Collected(failed=(error,))
        return Collected(evidence)

    def report(self) -> Report:
        """How the node is doing. Raises `AGENT_DEVICE_STUCK`."""
        return self._patience.ask(lambda: take_report(self._host, self._driver, self._clock()))

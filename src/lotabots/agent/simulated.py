"""A SIMULATED machine for demonstrations and tests: its evidence is byte-exact, and proves nothing.

Its roots are the simulator's, whose keys anyone has. A server believes them only where its operator
added them, marks whatever they verify as simulated, and no built-in policy but `demo` accepts it.
"""

import secrets
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from lotabots.agent.machine import ROOT, Collected, Found
from lotabots.agent.state import Simulation
from lotabots.agent.wire import TpmKeys, TpmPlace
from lotabots.evidence import DerivedChallenge, ReferenceFiles
from lotabots.kernel import Kind, LotaError, format_time, invalid
from lotabots.simulator import (
    Chip,
    Fault,
    Logs,
    Node,
    SimulatedTpm,
    TpmFault,
    make_node,
    reference_files,
)

MOST_GPUS = 8
_POWERED_ON = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
"""Since when the TPM of every simulated machine runs: its clock goes on from one start of the agent
to the next."""


def new_simulation(gpus: int, chip: str, *, tpm: bool) -> Simulation:
    """Another simulated machine, which no one else has. Raises `AGENT_SIMULATION`."""
    if not 0 <= gpus <= MOST_GPUS or not (gpus or tpm) or chip not in set(Chip):
        detail = f"A simulated machine has up to {MOST_GPUS} GPUs of {', '.join(Chip)}, or a TPM."
        raise invalid("AGENT_SIMULATION", detail)
    return Simulation(seed=secrets.token_hex(16), gpus=gpus, chip=chip, tpm=tpm)


class SimulatedRoot:
    """The TPM of a simulated machine."""

    def __init__(self, tpm: Callable[[], SimulatedTpm]) -> None:
        self._tpm = tpm

    def keys(self) -> TpmKeys:
        """Its keys."""
        tpm = self._tpm()
        return TpmKeys(
            ek_certificates=tpm.certificates.decode(),
            ek_public=b64encode(tpm.ek.public).decode(),
            ak_public=b64encode(tpm.ak.public).decode(),
        )

    def opened(self, blob: bytes) -> bytes:
        """What TPM2_ActivateCredential gives. Raises `TPM_CREDENTIAL`."""
        try:
            return self._tpm().activate_credential(blob)
        except ValueError as error:
            detail = "The (SIMULATED) TPM does not open what the server sent."
            raise LotaError(Kind.VALIDATION, "TPM_CREDENTIAL", detail) from error

    def quoted(self, data: bytes) -> tuple[bytes, bytes]:
        """What TPM2_Quote gives."""
        quoted = self._tpm().quote(data)
        return quoted.attest, quoted.signature


@dataclass(frozen=True)
class SimulatedMachine:
    """GPUs, host and TPM of a machine that does not exist, with the faults planted in it."""

    node: Node
    clock: Callable[[], datetime]
    simulated: bool = True

    @classmethod
    def of(
        cls, simulation: Simulation, clock: Callable[[], datetime], faults: tuple[str, ...] = ()
    ) -> "SimulatedMachine":
        """The machine of this simulation. Raises `AGENT_SIMULATION` for an impossible fault."""
        node = make_node(
            f"simulated-{simulation.seed}",
            gpus=simulation.gpus,
            switches=0,
            chip=simulation.chip,
            seed=bytes.fromhex(simulation.seed),
            tpm=simulation.tpm,
        )
        for fault in faults:
            node = _with_fault(node, fault)
        return cls(node, clock)

    @property
    def root(self) -> SimulatedRoot | None:
        """Its TPM, at this moment."""
        return None if self.node.tpm is None else SimulatedRoot(self._tpm)

    def inventory(self) -> Found:
        """Its GPUs."""
        return Found(tuple(item for item in self.node.inventory if item.kind != "tpm"))

    def answer(self, challenge: DerivedChallenge, place: TpmPlace | None) -> Collected:
        """What its devices answer."""
        node, logs = self.node, Logs()
        if node.tpm is not None:
            tpm = self._tpm()
            node = node.with_tpm(tpm)
            if place is not None and (tpm.reset_count, tpm.restart_count) == (
                place.reset_count,
                place.restart_count,
            ):
                logs = Logs(event_log=place.event_log, ima_from=place.ima_entries)
        said = node.attest_whole(challenge, (), logs, format_time(self.clock()))
        return Collected(tuple(said))

    def reference(self) -> ReferenceFiles:
        """What a verifier needs to judge it, as its vendors would publish it."""
        return reference_files(self.clock(), [self.node])

    def _tpm(self) -> SimulatedTpm:
        tpm = self.node.tpm
        if tpm is None:
            raise LotaError(
                Kind.CONFLICT, "TPM_DEVICE_MISSING", "This simulated machine has no TPM."
            )
        since = self.clock() - _POWERED_ON
        return tpm.later(max(int(since.total_seconds() * 1000), 0))


def _with_fault(node: Node, text: str) -> Node:
    """The node with this fault: `gpu-swapped@gpu1`, or one of the TPM."""
    name, _, place = text.partition("@")
    word = name.replace("-", "_")
    try:
        if word in set(TpmFault) and place in ("", ROOT):
            return node.with_fault(TpmFault(word))
        return node.with_fault(Fault(word), place or "gpu0")
    except (ValueError, KeyError) as error:
        detail = f"This simulated machine cannot have the fault {text}."
        raise invalid("AGENT_SIMULATION", detail) from error

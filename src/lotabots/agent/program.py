"""The agent put together: from settings and state folder to a node that joins, or that attests."""

import random
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple

from lotabots.agent.attesting import Attesting
from lotabots.agent.devices import DRIVER_SECONDS, Gpus, HostWord
from lotabots.agent.enrolling import Joining, join
from lotabots.agent.loop import Around, Loop, Stop
from lotabots.agent.machine import Machine, RealMachine
from lotabots.agent.measuring import tpm_proposal
from lotabots.agent.notify import Notify
from lotabots.agent.patience import Patience
from lotabots.agent.reporting import Reporting
from lotabots.agent.root import TpmRoot, has_tpm, open_root
from lotabots.agent.settings import AgentSettings
from lotabots.agent.state import Kept, Simulation, State
from lotabots.agent.wire import Attested
from lotabots.kernel import LotaError, invalid
from lotabots.runtime.clock import utc_now
from lotabots.runtime.telemetry import Logger

if TYPE_CHECKING:
    from lotabots.agent.simulated import SimulatedMachine


@dataclass(frozen=True)
class Wanted:
    """As what a node is to join."""

    text: str
    """`TOKEN@SERVER`."""
    name: str
    software: bool = False
    """Without its TPM, whether there is one or not."""
    simulated: "Simulated | None" = None
    """Not this machine, but one that does not exist."""


class Simulated(NamedTuple):
    """A machine to be simulated."""

    gpus: int = 1
    chip: str = "GH100"


@dataclass(frozen=True)
class Joined:
    """A node that joined, and what of its devices could not."""

    kept: Kept
    failed: tuple[LotaError, ...]


def join_node(settings: AgentSettings, wanted: Wanted) -> Joined:
    """The node, enrolled and kept in the state folder.

    Raises `AGENT_*`, `ENROLMENT_*`, `NODE_*`, `TPM_*`, `SERVER_*`.
    """
    state = State(settings.folder)
    with state.alone():
        begun = state.read()
        simulation = _simulation(wanted) if begun is None else begun.simulation
        machine: Machine
        if simulation is not None:
            machine = _simulated(simulation)
        elif wanted.software if begun is None else begun.identity == "software":
            machine, _ = _real(None, Time())
        else:
            root = _root(state, settings, ignored) if has_tpm(settings.tcti) else None
            machine, _ = _real(root, Time())
        found = machine.inventory()
        joining = Joining(wanted.text, wanted.name, simulation)
        return Joined(join(state, joining, machine, utc_now), found.failed)


def measured(settings: AgentSettings) -> Mapping[str, bytes]:
    """Reference files, by name, that this machine would pass as it is now: a proposal.

    Of a simulated machine all that a verifier needs. Raises `AGENT_*`, `TPM_*`.
    """
    state = State(settings.folder)
    with state.alone():
        kept = state.enrolled()
        if kept.simulation is not None:
            return dict(_simulated(kept.simulation).reference().files)
        if kept.identity == "software":
            return {}
        root = _root(state, settings, ignored)
        return tpm_proposal(root.pcrs(), kept.name)


@contextmanager
def opened(
    settings: AgentSettings,
    log: Logger,
    *,
    environ: Mapping[str, str] | None = None,
    faults: tuple[str, ...] = (),
) -> Iterator["Agent"]:
    """The agent of the enrolled node, which holds the state folder.

    `faults` are planted in a simulated machine. Raises `AGENT_*`, `TPM_*`.
    """
    state = State(settings.folder)
    with state.alone():
        kept = state.enrolled()

        def failed(error: LotaError) -> None:
            log.warning("agent.evidence_missing", code=error.code, detail=error.detail)

        time = Time()
        measure: Callable[[], object] | None = None
        machine: Machine
        if kept.simulation is not None:
            machine = _simulated(kept.simulation, faults)
        elif faults:
            detail = "This node is real: faults are planted in simulated ones."
            raise invalid("AGENT_SIMULATION", detail)
        else:
            root = None if kept.identity == "software" else _root(state, settings, failed)
            machine, measure = _real(root, time)
        attesting = Attesting(state, machine, utc_now, failed)
        time.now = attesting.client.now
        try:
            yield Agent(state, attesting, settings, log, measure, environ or {})
        finally:
            attesting.client.close()


class Agent:
    """An enrolled node, ready to attest."""

    def __init__(
        self,
        state: State,
        attesting: Attesting,
        settings: AgentSettings,
        log: Logger,
        measure: Callable[[], object] | None,
        environ: Mapping[str, str],
    ) -> None:
        self._attesting = attesting
        self._stop = Stop()
        around = Around(
            stop=self._stop,
            notify=Notify.of(environ),
            log=log,
            chance=random.random,
            longest_wait=settings.longest_wait,
        )
        reporting = Reporting(measure, settings.report_every, settings.reports_kept, log)
        self._loop = Loop(state, attesting, reporting, around)

    @property
    def kept(self) -> Kept:
        """The node."""
        return self._attesting.kept

    def once(self) -> Attested:
        """One full attestation. Raises LotaError."""
        return self._loop.once()

    def run(self) -> None:
        """Attests until SIGTERM or SIGINT, or until the node is revoked. For the main thread.

        Raises `NODE_REVOKED`.
        """

        def stop(_signal: int, _frame: FrameType | None) -> None:
            self.stop()

        before = {each: signal.signal(each, stop) for each in (signal.SIGTERM, signal.SIGINT)}
        try:
            self._loop.run()
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def stop(self) -> None:
        """Has `run` return, whatever it waits for; from any thread, or a signal's handler."""
        self._stop.set()
        self._attesting.client.abort()


def _root(state: State, settings: AgentSettings, failed: Callable[[LotaError], None]) -> TpmRoot:
    return open_root(state.tpm, settings.tcti, settings.tpm_certificates, failed)


class Time:
    """The present moment for what a host says: by our clock, until we know the server's."""

    def __init__(self) -> None:
        self.now: Callable[[], datetime] = utc_now

    def __call__(self) -> datetime:
        """Now."""
        return self.now()


def _real(root: TpmRoot | None, clock: Time) -> tuple[RealMachine, Callable[[], object]]:
    """This machine, and what measures its use."""
    patience = Patience(DRIVER_SECONDS)
    host = HostWord(patience, clock)
    return RealMachine(root, (Gpus(patience), host)), host.report


def _simulated(simulation: Simulation, faults: tuple[str, ...] = ()) -> "SimulatedMachine":
    # lazy: a real node never loads the simulator
    from lotabots.agent.simulated import SimulatedMachine  # noqa: PLC0415  # lazy: as above

    return SimulatedMachine.of(simulation, utc_now, faults)


def _simulation(wanted: Wanted) -> Simulation | None:
    if wanted.simulated is None:
        return None
    from lotabots.agent.simulated import new_simulation  # noqa: PLC0415  # lazy: as above

    return new_simulation(*wanted.simulated, tpm=not wanted.software)


def ignored(_: LotaError) -> None:
    """What a log lacks does not matter when keys alone are asked for."""

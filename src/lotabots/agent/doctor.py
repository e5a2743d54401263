"""What an agent needs of its machine and of its server: each looked at, with how to mend it."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from lotabots.agent.client import MAX_SKEW, Client
from lotabots.agent.devices import DRIVER_SECONDS
from lotabots.agent.patience import Patience
from lotabots.agent.root import has_tpm
from lotabots.agent.settings import AgentSettings
from lotabots.agent.state import Kept, State
from lotabots.evidence import Caches
from lotabots.evidence.schemes.nvidia_gpu.collect import find_gpus
from lotabots.evidence.schemes.tpm.collect import (
    DEFAULT_TCTI,
    Tools,
    TpmDevice,
    read_event_log,
    read_ima,
)
from lotabots.kernel import LotaError
from lotabots.kernel.codes import CATALOGUE
from lotabots.runtime.checks import Check
from lotabots.runtime.checks import State as Outcome
from lotabots.runtime.clock import utc_now

PROOFS_FAIL = timedelta(seconds=25)
"""A server takes proofs that are dated 30 seconds ahead, or 60 behind."""


def look(settings: AgentSettings) -> list[Check]:
    """Every check, in the order in which one would mend what they find."""
    state = State(settings.folder)
    checks = [_state(state), *_tpm(settings, state), *_logs(settings), *_gpus()]
    try:
        kept = state.read()
    except LotaError as error:
        return [*checks, _failed("enrolment", error)]
    if kept is None or not kept.credential:
        return [*checks, _enrolment(kept)]
    return [*checks, _enrolment(kept), *_server(kept), _credential(kept), _newest(state)]


def _state(state: State) -> Check:
    try:
        with state.alone():
            pass
    except LotaError as error:
        if error.code == "AGENT_RUNNING":
            return Check("state", Outcome.PASS, f"{state.folder}, an agent works with it")
        return _failed("state", error)
    mode = state.folder.stat().st_mode & 0o077
    if mode:
        fix = f"chmod 700 {state.folder}: the session key lies there."
        return Check("state", Outcome.WARN, f"{state.folder} is open to others", fix)
    return Check("state", Outcome.PASS, str(state.folder))


def _tpm(settings: AgentSettings, state: State) -> Iterator[Check]:
    if not has_tpm(settings.tcti):
        found = f"none at {DEFAULT_TCTI.partition(':')[2]}"
        fix = "Turn it on in the firmware. Without one the node's identity is a warning at best."
        yield Check("tpm", Outcome.WARN, found, fix)
        return
    try:
        tools = Tools(settings.tcti or DEFAULT_TCTI)
        clock = TpmDevice(tools, state.tpm, failed=lambda _: None).clock()
    except LotaError as error:
        yield _failed("tpm", error)
        return
    counters = f"{clock.reset_count} resets, {clock.restart_count} restarts"
    yield Check("tpm", Outcome.PASS, f"{tools.tcti} answers ({counters})")


def _logs(settings: AgentSettings) -> Iterator[Check]:
    """The kernel's logs of what was measured; another TPM than its own has none of them."""
    if not has_tpm(settings.tcti) or settings.tcti.startswith(("swtpm", "mssim")):
        return
    reads: tuple[tuple[str, Callable[[], object]], ...] = (
        ("event log", read_event_log),
        ("ima list", lambda: read_ima(0)),
    )
    for name, read in reads:
        try:
            found = read()
        except LotaError as error:
            yield _failed(name, error, Outcome.WARN)
            continue
        if found is None:
            fix = "What was measured cannot be judged by its parts, only by the PCRs as a whole."
            yield Check(name, Outcome.WARN, "the kernel keeps none", fix)
        else:
            yield Check(name, Outcome.PASS, "readable")


def _gpus() -> Iterator[Check]:
    try:
        found = Patience(DRIVER_SECONDS).ask(lambda: find_gpus(Caches()))
    except LotaError as error:
        if error.details.get("nvml") in ("LIBRARY_NOT_FOUND", "DRIVER_NOT_LOADED"):
            yield Check("gpus", Outcome.PASS, "no NVIDIA driver here (a node of TPM alone)")
        else:
            yield _failed("gpus", error)
        return
    for lacking in found.failed:
        yield _failed("gpus", lacking, Outcome.WARN)
    if found.items or not found.failed:
        yield Check("gpus", Outcome.PASS, f"{len(found.items)} that sign reports")


def _enrolment(kept: Kept | None) -> Check:
    if kept is None or not kept.credential:
        found = "not joined" if kept is None else "joining was not finished"
        fix = "Run `lotabots agent join TOKEN@SERVER` with what `lotabots node enroll` prints."
        return Check("enrolment", Outcome.FAIL, found, fix)
    word = " SIMULATED" if kept.simulation is not None else ""
    found = f"{kept.name} ({kept.node}), identity {kept.identity}{word}"
    if kept.identity == "software":
        fix = "A copy of its key is as good as the node: with a TPM it would not be."
        return Check("enrolment", Outcome.WARN, found, fix)
    return Check("enrolment", Outcome.PASS, found)


def _server(kept: Kept) -> Iterator[Check]:
    """Whether it is there, whether it is the pinned one, and how far the clocks are apart."""
    try:
        with Client(kept.known_server, kept.key, utc_now) as client:
            client.call("GET", "/.well-known/jwks.json")
            skew = client.skew
    except LotaError as error:
        yield _failed("server", error)
        return
    known = "plain HTTP on this machine" if kept.pin is None else f"CA key {kept.pin[:16]}..."
    yield Check("server", Outcome.PASS, f"{kept.url} ({known})")
    seconds = skew.total_seconds()
    found = f"the server's is {abs(seconds):.0f} s {'ahead' if seconds > 0 else 'behind'}"
    if abs(skew) <= MAX_SKEW:
        yield Check("clock", Outcome.PASS, "the same as the server's")
    elif abs(skew) < PROOFS_FAIL:
        yield Check("clock", Outcome.WARN, found, "Let both follow the same time (NTP).")
    else:
        fix = "Set it (NTP). The agent goes by the server's time meanwhile; certificates do not."
        yield Check("clock", Outcome.FAIL, found, fix)


def _credential(kept: Kept) -> Check:
    now = utc_now()
    if kept.expires_at is None or now >= kept.expires_at:
        fix = "`lotabots agent run` renews it; an operator's revocation alone prevents that."
        return Check("credential", Outcome.WARN, "expired", fix)
    hours = (kept.expires_at - now).total_seconds() / 3600
    return Check("credential", Outcome.PASS, f"for {hours:.1f} hours more")


def _newest(state: State) -> Check:
    status = state.status()
    if status is None or status.outcome is None:
        fix = "Run `lotabots agent run`, or `systemctl start lotabots-agent`."
        return Check("attestation", Outcome.WARN, "none yet", fix)
    found = f"{status.outcome} {status.reason or ''}".strip()
    if status.error is not None:
        fix = f"`lotabots explain {status.error}`"
        found = f"{found}; then {status.failures} failures: {status.error}"
        return Check("attestation", Outcome.WARN, found, fix)
    if status.outcome != "accepted":
        fix = f"On the server: `lotabots attestation show {status.attestation}`."
        return Check("attestation", Outcome.FAIL, found, fix)
    return Check("attestation", Outcome.PASS, found)


def _failed(name: str, error: LotaError, outcome: Outcome = Outcome.FAIL) -> Check:
    code = CATALOGUE.get(error.code)
    return Check(name, outcome, f"{error.code}: {error.detail}", code.fix if code else "")

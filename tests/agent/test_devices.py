"""What a real machine answers: its host's word, its GPUs, and what fails about them."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from plugins.nvml import Nvml

from lotabots.agent.devices import Gpus, HostWord
from lotabots.agent.machine import Asked, Collected, Found, RealMachine
from lotabots.agent.patience import Patience
from lotabots.agent.program import _real
from lotabots.agent.settings import AgentSettings, read_agent_settings
from lotabots.agent.wire import TpmPlace
from lotabots.evidence import DerivedChallenge, Evidence, InventoryItem, Leaf
from lotabots.evidence.schemes.host_claims import read_statement
from lotabots.kernel import Kind, LotaError, sha256_hex
from lotabots.runtime.clock import utc_now

NONCE = bytes(range(32))


def test_the_host_states_itself_for_the_nonce_of_its_place() -> None:
    collected = HostWord(Patience(20), utc_now).collect([Asked("host0", "node", NONCE)])
    assert collected.failed == ()
    [evidence] = collected.evidence
    statement = read_statement(evidence.data)
    assert (evidence.subject, statement.nonce) == ("host0", NONCE)
    assert statement.machine.kernel


def test_a_machine_without_nvidia_s_driver_has_no_gpus_and_says_why() -> None:
    gpus = Gpus(Patience(20))
    found, collected = gpus.inventory(), gpus.collect([Asked("gpu0", "x", NONCE)])
    assert (found.items, collected.evidence) == ((), ())
    assert [one.code for one in (*found.failed, *collected.failed)] == ["GPU_LIBRARY"] * 2


def test_a_driver_that_hangs_costs_its_devices_and_not_the_agent() -> None:
    patience, free = Patience(0.05), threading.Event()
    with pytest.raises(LotaError) as first:
        patience.ask(free.wait)
    with pytest.raises(LotaError) as second:
        patience.ask(lambda: 1)  # the thread still hangs in the call before
    assert {first.value.code, second.value.code} == {"AGENT_DEVICE_STUCK"}
    free.set()
    for _ in range(1000):
        try:
            assert patience.ask(lambda: 2) == 2
            break
        except LotaError:
            threading.Event().wait(0.01)
    else:
        pytest.fail("it never came back")


def test_what_a_call_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        Patience(20).ask(lambda: 1 // 0)
    with pytest.raises(TimeoutError, match="of its own"):
        Patience(20).ask(_late)


def _late() -> None:
    raise TimeoutError("of its own")


class Parts:
    """Devices of one kind; those in `lost` do not answer."""

    def __init__(self, kind: str, *lost: str) -> None:
        self.kinds, self.lost = frozenset({kind}), lost

    def inventory(self) -> Found:
        return Found()

    def collect(self, asked: Sequence[Asked]) -> Collected:
        return Collected(
            tuple(
                Evidence(scheme="s", subject=one.subject, data=one.nonce, certificates=b"")
                for one in asked
                if one.subject not in self.lost
            ),
            tuple(LotaError(Kind.UNAVAILABLE, "GPU_NO_EVIDENCE", name) for name in self.lost),
        )


class Quoting:
    """A root of trust that shows what it was asked to cover."""

    covered: Sequence[Leaf] = ()

    def evidence(
        self, challenge: DerivedChallenge, leaves: Sequence[Leaf], place: TpmPlace | None
    ) -> Evidence:
        self.covered = leaves
        return Evidence(scheme="tpm", subject="tpm0", data=b"quote", certificates=b"")


CHALLENGE = DerivedChallenge(
    server="s",
    challenge="c",
    node="n",
    session_key_sha256="ab" * 32,
    nonce=NONCE,
    inventory=tuple(
        InventoryItem(kind, device)
        for kind, device in (("gpu", "a"), ("gpu", "b"), ("host", "n"), ("tpm", "t"))
    ),
)


def test_the_root_covers_everything_that_is_sent_and_is_sent_last() -> None:
    root: Any = Quoting()
    machine = RealMachine(root, (Parts("gpu", "gpu1"), Parts("host")))
    answer = machine.answer(CHALLENGE, None)
    assert [one.subject for one in answer.evidence] == ["gpu0", "host0", "tpm0"]
    assert [one.detail for one in answer.failed] == ["gpu1"]
    assert list(root.covered) == [
        Leaf(kind, 0, sha256_hex(CHALLENGE.expected()[f"{kind}0"])) for kind in ("gpu", "host")
    ]


def test_a_node_with_a_software_identity_sends_what_it_has() -> None:
    answer = RealMachine(None, (Parts("gpu"),)).answer(CHALLENGE, None)
    assert [one.subject for one in answer.evidence] == ["gpu0", "gpu1"]


def test_gpus_are_collected_through_the_library_that_is_there(nvml: Nvml) -> None:
    program = """
from lotabots.agent.devices import Gpus
from lotabots.agent.patience import Patience
found = Gpus(Patience(20)).inventory()
print(len(found.items), sorted({error.code for error in found.failed}))
"""
    assert nvml.run("gpus 0\n", program).decode().strip() == "0 []"


def test_settings_of_a_server_on_the_same_machine_are_left_alone() -> None:
    environ = {"LOTA_WEB_PORT": "1", "LOTA_CONFIG": "/nowhere", "LOTA_AGENT_STATE": "/a"}
    assert read_agent_settings(environ) == AgentSettings(state="/a")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOTA_AGENT_STAET", "/a"),
        ("LOTA_AGENT_LOG_LEVEL", "loud"),
        ("LOTA_AGENT_REPORT_EVERY", "-1"),
        ("LOTA_AGENT_REPORT_EVERY", "often"),
        ("LOTA_AGENT_REPORTS_KEPT", "1000000"),
        ("LOTA_AGENT_LONGEST_WAIT", "0"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(name: str, value: str) -> None:
    with pytest.raises(LotaError) as refused:
        read_agent_settings({name: value})
    assert refused.value.code == "SETTINGS_INVALID"


def test_settings_can_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text("[agent]\nreport_every = 0\n")
    assert read_agent_settings({}, file=file).report_every == 0
    file.write_text("[agnet]\nreport_every = 0\n")
    with pytest.raises(LotaError):
        read_agent_settings({}, file=file)


def test_a_real_machine_is_never_simulated() -> None:
    machine, measure = _real(None, utc_now)  # type: ignore[arg-type]
    assert not machine.simulated
    assert measure() is not None

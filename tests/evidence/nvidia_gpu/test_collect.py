"""Evidence asked of GPUs through NVML: each in its place, a coded error where there is none."""

import base64
import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from plugins.nvml import Nvml

from lotabots.evidence import Caches, Context, Evidence, Level
from lotabots.evidence.schemes.nvidia_gpu import verify_node
from lotabots.runtime.clock import utc_now
from lotabots.simulator import Node, anchors, make_node, reference_files

NODE = make_node("collected", gpus=2)
NONCES = {"gpu0": b"0" * 32, "gpu1": b"1" * 32}
ON, OFF = "cc 2 1 0 0\n", "cc 2 0 0 0\n"

COLLECT = """
import base64, json, sys
from lotabots.evidence import Caches
from lotabots.evidence.schemes.nvidia_gpu.collect import Wanted, collect, find_gpus
from lotabots.kernel import LotaError
asked = json.loads(sys.argv[1])
wanted = [Wanted(subject=s, device_id=d, nonce=bytes.fromhex(n)) for s, d, n in asked]
try:
    found, given = find_gpus(Caches()), collect(wanted, Caches())
except LotaError as error:
    print(json.dumps({"raised": error.code, "nvml": error.details["nvml"]}))
    sys.exit()
text = lambda data: base64.b64encode(data).decode()
print(json.dumps({
    "found": [one.device_id for one in found.items],
    "missing": [one.code for one in found.failed],
    "evidence": [[e.scheme, e.subject, text(e.data), text(e.certificates)] for e in given.evidence],
    "failed": [[e.code, e.details["gpu"], e.details.get("nvml", "")] for e in given.failed],
}))
"""


@dataclass
class Machine:
    """Two simulated GPUs behind the stub, which shows them in the other order."""

    nvml: Nvml
    folder: Path

    def script(self) -> str:
        lines = ["gpus 2"]
        evidence = {one.subject: one for one in NODE.attest(NONCES)}
        for shown, subject in enumerate(("gpu1", "gpu0")):
            for word, data in (
                ("chain", evidence[subject].certificates),
                ("report", evidence[subject].data),
            ):
                file = self.folder / f"{word}-{subject}"
                file.write_bytes(data)
                lines.append(f"{word} {shown} {file}")
            lines.append(f"nonce {shown} {NONCES[subject].hex()}")
        return "\n".join(lines) + "\n"

    def collect(self, more: str, node: Node = NODE, nonces: dict[str, bytes] = NONCES) -> Any:
        wanted = [
            (device.subject, device.item.device_id, nonces[device.subject].hex())
            for device in node.devices
        ]
        return json.loads(self.nvml.run(self.script() + more, COLLECT, json.dumps(wanted)))


@pytest.fixture
def machine(nvml: Nvml, tmp_path: Path) -> Machine:
    return Machine(nvml, tmp_path)


def levels(answer: Any) -> dict[str, Level]:
    now = utc_now()
    context = Context(
        nonces=NONCES,
        reference=reference_files(now, [NODE]),
        anchors=anchors(),
        now=now,
        max_revocation_age=timedelta(days=30),
        caches=Caches(),
    )
    evidence = [
        Evidence(
            scheme=scheme,
            subject=subject,
            data=base64.b64decode(data),
            certificates=base64.b64decode(certificates),
        )
        for scheme, subject, data, certificates in answer["evidence"]
    ]
    return {one.subject: one.level for one in verify_node(evidence, context).devices}


def test_each_gpu_answers_in_its_own_place_whatever_the_order_of_nvml(machine: Machine) -> None:
    answer = machine.collect(ON)
    assert levels(answer) == {"gpu0": Level.ATTESTED, "gpu1": Level.ATTESTED}
    assert sorted(answer["found"]) == [item.device_id for item in sorted(NODE.inventory)]
    assert answer["failed"] == answer["missing"] == []


def test_gpus_with_protected_pcie_sign_too(machine: Machine) -> None:
    assert len(machine.collect("cc 2 0 0 1\n")["evidence"]) == 2


@pytest.mark.parametrize("state", [OFF, "fail nvmlSystemGetConfComputeState -1 3\n"])
def test_a_gpu_without_confidential_computing_is_a_coded_error(
    machine: Machine, state: str
) -> None:
    answer = machine.collect(state)
    assert (answer["found"], answer["evidence"]) == ([], [])
    assert answer["missing"] == ["GPU_CC_OFF"]
    codes = [code for code, *_ in answer["failed"]]
    assert codes == ["GPU_CC_OFF", "GPU_NOT_HERE", "GPU_NOT_HERE"]


def test_a_gpu_that_signs_no_report_leaves_the_other_its_evidence(machine: Machine) -> None:
    function = "nvmlDeviceGetConfComputeGpuAttestationReport"
    lost = machine.collect(f"{ON}fail {function} 0 15\n")
    assert levels(lost) == {"gpu0": Level.ATTESTED}
    assert lost["failed"] == [["GPU_NO_EVIDENCE", "gpu1", "GPU_IS_LOST"]]
    off = machine.collect(f"{ON}fail {function} 0 3\n")
    assert off["failed"] == [["GPU_CC_OFF", "gpu1", ""]]


def test_a_gpu_without_certificates_is_not_there_and_says_why(machine: Machine) -> None:
    answer = machine.collect(f"{ON}fail nvmlDeviceGetConfComputeGpuCertificate 1 999\n")
    assert len(answer["found"]) == 1
    assert answer["failed"] == [
        ["GPU_NO_EVIDENCE", "1", "UNKNOWN"],
        ["GPU_NOT_HERE", "gpu0", ""],
    ]


@pytest.mark.parametrize("content", [b"", b"no certificates"])
def test_certificates_that_are_none_are_a_coded_error(machine: Machine, content: bytes) -> None:
    bad = machine.folder / "bad"
    bad.write_bytes(content)
    answer = machine.collect(f"{ON}chain 0 {bad}\n")
    assert [code for code, *_ in answer["failed"]] == ["GPU_NO_EVIDENCE", "GPU_NOT_HERE"]


def test_a_report_of_no_size_is_no_evidence(machine: Machine) -> None:
    empty = machine.folder / "empty"
    empty.write_bytes(b"")
    answer = machine.collect(f"{ON}report 0 {empty}\n")
    assert [code for code, *_ in answer["failed"]] == ["GPU_NO_EVIDENCE"]


def test_a_device_of_another_machine_is_not_here(machine: Machine) -> None:
    answer = machine.collect(ON, make_node("elsewhere", gpus=2))
    assert answer["failed"] == [["GPU_NOT_HERE", "gpu0", ""], ["GPU_NOT_HERE", "gpu1", ""]]


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_nonce_of_another_size_is_never_asked_with(machine: Machine, size: int) -> None:
    answer = machine.collect(ON, nonces=NONCES | {"gpu1": b"1" * size})
    assert levels(answer) == {"gpu0": Level.ATTESTED}
    assert answer["failed"] == [["GPU_NO_EVIDENCE", "gpu1", ""]]


def test_a_machine_without_a_working_driver_raises_one_error(machine: Machine) -> None:
    started = machine.collect("fail nvmlInitWithFlags -1 9\n")
    assert started == {"raised": "GPU_LIBRARY", "nvml": "DRIVER_NOT_LOADED"}
    counted = machine.collect("fail nvmlDeviceGetCount_v2 -1 999\n")
    assert counted == {"raised": "GPU_LIBRARY", "nvml": "UNKNOWN"}

"""What a host says of its GPUs is held against what they have signed."""

from collections.abc import Callable

import msgspec
import pytest
from appraisal.conftest import NOW

from lotabots.appraisal import Appraiser, Inputs, Outcome, Verdict, appraise
from lotabots.evidence import (
    Caches,
    Cause,
    DerivedChallenge,
    Evidence,
    Level,
)
from lotabots.evidence.schemes.host_claims import ConfidentialComputing, Nvml
from lotabots.simulator import Chip, HostOnNode, Node, make_node, reference_files

CODE = "HOST-CONTRADICTION"
Judge = Callable[..., Verdict]


@pytest.fixture
def judge(inputs_of: Callable[..., Inputs], appraiser: Appraiser) -> Judge:
    """The verdict on a node whose host says this; None: it says nothing."""

    def run(node: Node, host: HostOnNode | None, *, gpus: bool = True) -> Verdict:
        inputs = inputs_of(node, reference=reference_files(NOW, [node]))
        challenge = inputs.challenge
        assert isinstance(challenge, DerivedChallenge)
        if host is not None:
            item = HostOnNode.of(node).item("node-1")
            declared = (*challenge.inventory, item) if gpus else (item,)
            challenge = msgspec.structs.replace(challenge, inventory=declared)
        nonces = challenge.expected()
        evidence: list[Evidence] = node.attest(nonces) if gpus else []
        if host is not None:
            evidence.append(host.attest(nonces["host0"]))
        changed = msgspec.structs.replace(inputs, challenge=challenge, evidence=tuple(evidence))
        return appraise(changed, Caches(), appraiser)

    return run


def found(verdict: Verdict) -> list[tuple[str, str]]:
    return [(one.expected, one.measured) for one in verdict.findings if one.code == CODE]


@pytest.mark.parametrize(
    "honest",
    [
        make_node("honest", gpus=2),
        make_node("honest-8", gpus=8),
        make_node("honest-b", gpus=1, chip=Chip.GB100),
    ],
    ids=["two", "board of eight", "blackwell"],
)
def test_an_honest_host_is_accepted_with_its_gpus(judge: Judge, honest: Node) -> None:
    verdict = judge(honest, HostOnNode.of(honest))
    assert (verdict.outcome, verdict.findings) == (Outcome.ACCEPTED, ())
    (part,) = [part for part in verdict.parts if part.kind == "host"]
    assert (part.level, part.simulated, part.facts["id"]) == (Level.CLAIMED, False, "node-1")


def test_a_host_that_says_nothing_leaves_the_verdict_as_it_was(judge: Judge, node: Node) -> None:
    alone, with_host = judge(node, None), judge(node, HostOnNode.of(node))
    gpus = [part for part in with_host.parts if part.kind == "gpu"]
    assert [part.facts for part in alone.parts] == [part.facts for part in gpus]
    assert [part.outcome for part in alone.parts] == [part.outcome for part in gpus]


def test_another_driver_than_the_signed_one_is_told_with_both(judge: Judge, node: Node) -> None:
    host = HostOnNode.of(node)
    lying = host.saying(nvml=msgspec.structs.replace(host.machine.nvml, driver="990.13"))
    verdict = judge(node, lying)
    assert verdict.outcome is Outcome.REJECTED
    assert found(verdict) == [
        ("driver 990.12, signed by gpu0", "NVML says 990.13"),
        ("driver 990.12, signed by gpu1", "NVML says 990.13"),
    ]
    first = next(one for one in verdict.findings if one.code == CODE)
    assert (first.cause, first.subject, first.retryable) == (Cause.MISCONFIGURED, "host0", False)
    # The GPUs have done nothing: what the host says is held against the host.
    assert {part.subject: part.outcome for part in verdict.parts} == {
        "gpu0": Outcome.ACCEPTED,
        "gpu1": Outcome.ACCEPTED,
        "host0": Outcome.REJECTED,
    }


@pytest.mark.parametrize("count", [0, 1, 3])
def test_another_number_of_gpus_is_a_contradiction(judge: Judge, node: Node, count: int) -> None:
    host = HostOnNode.of(node)
    shown = (*host.machine.gpus, host.machine.gpus[0])[:count]
    assert found(judge(node, host.saying(gpus=shown))) == [
        ("2 GPUs, as many as signed evidence", f"NVML shows {count}")
    ]


def test_another_vbios_is_told_of_the_gpu_that_signed_it(judge: Judge, node: Node) -> None:
    host = HostOnNode.of(node)
    first, second = host.machine.gpus
    other = msgspec.structs.replace(second, vbios="96.00.F5.00.02")
    # Whatever the order, and whichever way round NVML writes the identifier.
    turned = msgspec.structs.replace(first, pdi=bytes.fromhex(first.pdi or "")[::-1].hex())
    subject = next(
        device.subject for device in node.devices if device.identity.pdi.hex() == second.pdi
    )
    assert found(judge(node, host.saying(gpus=(other, turned)))) == [
        (f"VBIOS 96.00.F5.00.01, signed by {subject}", "NVML says 96.00.F5.00.02")
    ]


def test_without_identifiers_the_versions_of_all_gpus_are_compared(
    judge: Judge, node: Node
) -> None:
    host = HostOnNode.of(node)
    first, second = (msgspec.structs.replace(gpu, pdi=None) for gpu in host.machine.gpus)
    lower = msgspec.structs.replace(first, vbios="96.00.f5.00.01")
    assert found(judge(node, host.saying(gpus=(lower, second)))) == []
    other = msgspec.structs.replace(first, vbios="96.00.F5.00.02")
    assert found(judge(node, host.saying(gpus=(other, second)))) == [
        (
            "VBIOS 96.00.F5.00.01, 96.00.F5.00.01, as signed",
            "NVML says 96.00.F5.00.01, 96.00.F5.00.02",
        )
    ]
    # What could not be read is not compared.
    unread = msgspec.structs.replace(other, vbios=None, errors={"vbios": "NOT_SUPPORTED"})
    assert found(judge(node, host.saying(gpus=(unread, second)))) == []


def test_modes_that_the_gpus_do_not_sign_are_contradictions(judge: Judge, node: Node) -> None:
    host = HostOnNode.of(node)

    def saying(**cc: object) -> list[tuple[str, str]]:
        state = msgspec.convert({"feature": "on", **cc}, ConfidentialComputing)
        nvml = msgspec.structs.replace(host.machine.nvml, cc=state)
        return found(judge(node, host.saying(nvml=nvml)))

    assert saying() == saying(multi_gpu="nvle") == saying(devtools="off") == []
    assert saying(devtools="on") == [
        ("no debug mode: gpu0 is attested", "NVML says that DevTools are on")
    ]
    assert saying(feature="off", multi_gpu="none") == [
        ("confidential computing: gpu0 signed a report", "NVML says it is off")
    ]
    assert saying(multi_gpu="protected_pcie") == [
        ("protected PCIe off, signed by gpu0", "NVML says on"),
        ("protected PCIe off, signed by gpu1", "NVML says on"),
    ]
    board = make_node("honest-8", gpus=8)
    true = HostOnNode.of(board)
    none = ConfidentialComputing(feature="on", multi_gpu="none")
    nvml = msgspec.structs.replace(true.machine.nvml, cc=none)
    assert found(judge(board, true.saying(nvml=nvml)))[0] == (
        "protected PCIe on, signed by gpu0",
        "NVML says off",
    )


def test_a_host_without_the_library_says_nothing_that_could_contradict(
    judge: Judge, node: Node
) -> None:
    host = HostOnNode.of(node).saying(nvml=Nvml(status="absent"), gpus=())
    assert judge(node, host).outcome is Outcome.ACCEPTED


def test_a_host_alone_has_no_signed_facts_to_contradict(judge: Judge, node: Node) -> None:
    lying = HostOnNode.of(node).saying(gpus=())
    assert found(judge(node, lying, gpus=False)) == []


def test_a_statement_for_another_challenge_is_nobodys_word(judge: Judge, node: Node) -> None:
    class Stale(HostOnNode):
        def attest(self, nonce: bytes, subject: str = "host0") -> Evidence:
            return super().attest(b"x" * 32, subject)

    verdict = judge(node, Stale(HostOnNode.of(node).saying(gpus=()).machine))
    codes = {one.code for one in verdict.findings if one.subject == "host0"}
    assert "HOST-NONCE-MISMATCH" in codes
    assert CODE not in codes

"""A node with a TPM goes on: its log grows, it reboots, and light quotes pass over nothing."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from lotabots.appraisal import (
    Appraiser,
    Identity,
    Inputs,
    NodeState,
    Outcome,
    Scope,
    Verdict,
    appraise,
    builtin_policy,
    load_policy,
    next_state,
    pack_inputs,
    replay,
)
from lotabots.evidence import Caches, DerivedChallenge, Evidence, InventoryItem, ReferenceFiles
from lotabots.simulator import (
    Logs,
    Measured,
    Node,
    SimulatedTpm,
    TpmFault,
    anchors,
    make_node,
    reference_files,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
APPRAISER = Appraiser(version="1.2.3", digest="ab" * 32)
CACHES = Caches()
POLICY = builtin_policy("demo")
HOST = InventoryItem("host", "node-1")
EVERYTHING = Logs()
KNOWN = Measured.of("/usr/bin/bash")
MINER = Measured.of("/usr/bin/miner", b"something that an operator does not want")


@cache
def a_node() -> Node:
    return make_node("node-1", gpus=1, tpm=True)


@cache
def references(fault: TpmFault | None = None) -> ReferenceFiles:
    return reference_files(NOW, [a_node().with_fault(fault) if fault else a_node()])


@dataclass
class Life:
    """One node from attestation to attestation, a minute between."""

    node: Node
    state: NodeState | None = None
    minute: int = 0

    def __post_init__(self) -> None:
        assert self.node.tpm is not None
        self.enrolled = self.node.tpms

    def tpm(self, change: Callable[[SimulatedTpm], SimulatedTpm]) -> None:
        assert self.node.tpm is not None
        self.node = self.node.with_tpm(change(self.node.tpm))

    def inputs(
        self, scope: Scope, logs: Logs, change: Callable[[Sequence[Evidence]], Sequence[Evidence]]
    ) -> Inputs:
        items = (*self.node.inventory, HOST)
        challenge = DerivedChallenge(
            server="https://server.example",
            challenge=f"challenge-{self.minute}",
            node="node-1",
            session_key_sha256="cd" * 32,
            nonce=bytes(range(32)),
            inventory=items if scope is Scope.FULL else tuple(i for i in items if i.kind != "gpu"),
        )
        return Inputs(
            evidence=tuple(change(self.node.attest_whole(challenge, logs=logs))),
            challenge=challenge,
            reference=references(),
            policy=POLICY,
            anchors=anchors(),
            now=NOW + timedelta(minutes=self.minute),
            node="node-1",
            scope=scope,
            identity=Identity.TPM,
            previous=self.state,
            tpms=self.enrolled,
        )

    def attest(self, scope: Scope, logs: Logs, change: Any = lambda sent: sent) -> Verdict:
        self.minute += 1
        self.tpm(lambda tpm: tpm.later(60_000))
        inputs = self.inputs(scope, logs, change)
        verdict = appraise(inputs, CACHES, APPRAISER)
        stored = pack_inputs(inputs)
        again = replay(stored.manifest, stored.blobs, APPRAISER)
        assert again.canonical() == verdict.canonical()
        self.state = next_state(self.state, scope, (), verdict)
        return verdict

    def full(self, logs: Logs = EVERYTHING) -> Verdict:
        return self.attest(Scope.FULL, logs)

    def light(self, **other: Any) -> Verdict:
        """With no event log, and the list of files from where it was last accepted."""
        return self.attest(Scope.LIGHT, Logs(event_log=False, ima_from=self.read), **other)

    @property
    def read(self) -> int:
        return 0 if self.state is None or self.state.tpm is None else self.state.tpm.ima_entries


def codes(verdict: Verdict) -> set[str]:
    return {finding.code for finding in verdict.findings}


@pytest.fixture
def life() -> Life:
    return Life(a_node())


@pytest.fixture
def begun(life: Life) -> Life:
    verdict = life.full()
    assert verdict.outcome is Outcome.ACCEPTED, verdict.findings
    return life


def test_light_quotes_without_an_event_log_are_accepted_after_a_full_one(begun: Life) -> None:
    for _ in range(5):
        begun.tpm(lambda tpm: tpm.measure(KNOWN))
        verdict = begun.light()
        assert verdict.outcome is Outcome.ACCEPTED, verdict.findings
        assert codes(verdict) == set()
        tpm = next(part for part in verdict.parts if part.kind == "tpm")
        assert tpm.facts["event_log"]["status"] == "absent"  # type: ignore[index]
        assert tpm.facts["measurements"]["unjudged"] == []  # type: ignore[index]
    assert begun.read == 11  # the aggregate, five at boot, five since


def test_a_light_quote_says_who_the_session_key_is_of_and_nothing_about_gpus(begun: Life) -> None:
    ties = {one.between: one.strength for one in begun.light().bindings}
    assert ties["session-key-root-of-trust"] == "strong"
    assert "gpu-host" not in ties


def test_a_first_light_quote_is_not_accepted(life: Life) -> None:
    assert {"NODE-FULL-DUE", "NODE-REBOOTED"} <= codes(life.light())


@pytest.mark.parametrize("change", [SimulatedTpm.reboot, SimulatedTpm.resume])
def test_a_reboot_forces_a_full_attestation(
    begun: Life, change: Callable[[SimulatedTpm], SimulatedTpm]
) -> None:
    begun.tpm(change)
    verdict = begun.light()
    assert verdict.outcome is not Outcome.ACCEPTED
    assert "NODE-REBOOTED" in codes(verdict)
    again = begun.light()  # the counters are those of before by now
    assert again.outcome is not Outcome.ACCEPTED
    assert "NODE-FULL-DUE" in codes(again)
    assert begun.full().outcome is Outcome.ACCEPTED
    assert begun.light().outcome is Outcome.ACCEPTED


def test_a_reboot_whose_log_begins_anew_is_told_as_that_and_rejects_nobody(begun: Life) -> None:
    begun.tpm(SimulatedTpm.reboot)
    verdict = begun.attest(Scope.LIGHT, Logs(event_log=False, ima_from=0))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "NODE-REBOOTED" in codes(verdict)


def test_a_clock_that_falls_is_rejected_and_the_state_stays(begun: Life) -> None:
    before = begun.state
    assert before is not None
    begun.tpm(lambda tpm: tpm.later(-90_000))
    verdict = begun.light()
    assert verdict.outcome is Outcome.REJECTED
    assert "TPM-CLOCK-BACKWARDS" in codes(verdict)
    assert begun.state is not None
    assert before.tpm is not None
    assert begun.state.tpm is not None
    assert begun.state.tpm.clock == before.tpm.clock


def test_what_was_denied_is_not_passed_over(begun: Life) -> None:
    begun.tpm(lambda tpm: tpm.measure(MINER))
    assert begun.light().outcome is Outcome.REJECTED
    # The list from behind it, the whole list, and a full attestation: it ran in this boot.
    begun.tpm(lambda tpm: tpm.measure(KNOWN))
    assert (
        begun.attest(Scope.LIGHT, Logs(event_log=False, ima_from=7)).outcome is not Outcome.ACCEPTED
    )
    assert begun.light().outcome is Outcome.REJECTED
    assert begun.full().outcome is Outcome.REJECTED
    assert begun.light().outcome is Outcome.REJECTED
    begun.tpm(SimulatedTpm.reboot)
    assert begun.full().outcome is Outcome.ACCEPTED
    assert begun.light().outcome is Outcome.ACCEPTED


def test_a_file_that_nobody_knows_stays_unjudged_until_somebody_judges_it(begun: Life) -> None:
    begun.tpm(lambda tpm: tpm.measure(Measured.of("/tmp/downloaded")))
    for _ in range(2):
        assert begun.light().outcome is Outcome.INCONCLUSIVE
    assert begun.full().outcome is Outcome.INCONCLUSIVE
    assert begun.light().outcome is Outcome.INCONCLUSIVE


def test_what_a_policy_puts_up_with_does_not_become_good_by_being_read_once(life: Life) -> None:
    # A policy that accepts files that nobody knows, by name: they stay what they are.
    source = json.loads(POLICY.document)
    lax = {"tpm-measured", "tpm-ima-known", "tpm-ima-denied"}
    source["rules"] = [rule for rule in source["rules"] if rule["id"] not in lax]
    policy = load_policy(json.dumps(source).encode())
    plain = life.inputs

    def inputs(*arguments: Any) -> Inputs:
        return msgspec.structs.replace(plain(*arguments), policy=policy)

    life.inputs = inputs  # type: ignore[method-assign]
    life.tpm(lambda tpm: tpm.measure(Measured.of("/tmp/downloaded")))
    for verdict in (life.full(), life.light(), life.light(), life.full(), life.light()):
        assert verdict.outcome is Outcome.ACCEPTED, verdict.findings
        facts = next(part for part in verdict.parts if part.kind == "tpm").facts
        assert facts["measurements"]["unjudged"] == [10]  # type: ignore[index]
        assert facts["ima"]["unjudged"] == 1  # type: ignore[index]


def test_a_full_attestation_brings_the_whole_log(begun: Life) -> None:
    begun.light()
    verdict = begun.full(Logs(event_log=True, ima_from=begun.read))
    assert verdict.outcome is not Outcome.ACCEPTED
    assert "TPM-IMA-OFFSET" in codes(verdict)


def test_a_boot_register_that_changed_since_is_not_covered_by_what_was_judged(begun: Life) -> None:
    begun.tpm(lambda tpm: tpm.extend(5, sha256(b"no event of a log").digest()))
    verdict = begun.light()
    assert verdict.outcome is Outcome.REJECTED
    assert "TPM-PCR-MISMATCH" in codes(verdict)


def test_registers_that_only_the_log_explains_are_carried_by_the_full_one(life: Life) -> None:
    # No value of PCR 4 is in the reference: the applications in the log are what is approved.
    files = dict(references().files)
    reference = json.loads(files["tpm-reference.json"])
    del reference["pcrs"]["4"]
    files["tpm-reference.json"] = json.dumps(reference).encode()
    only_log = ReferenceFiles.of(files)
    plain = life.inputs

    def inputs(*arguments: Any) -> Inputs:
        return msgspec.structs.replace(plain(*arguments), reference=only_log)

    life.inputs = inputs  # type: ignore[method-assign]
    assert life.full(Logs(event_log=False)).outcome is Outcome.INCONCLUSIVE
    assert life.light().outcome is Outcome.INCONCLUSIVE
    full = life.full()
    assert full.outcome is Outcome.ACCEPTED, full.findings
    assert life.light().outcome is Outcome.ACCEPTED
    # A full one that cannot show the log is not helped by the one before.
    assert life.full(Logs(event_log=False)).outcome is Outcome.INCONCLUSIVE
    assert life.light().outcome is Outcome.INCONCLUSIVE


def without(subject: str) -> Callable[[Sequence[Evidence]], Sequence[Evidence]]:
    return lambda sent: [one for one in sent if one.subject != subject]


def test_a_light_quote_covers_what_the_host_says(begun: Life) -> None:
    verdict = begun.light(change=without("host0"))
    assert verdict.outcome is not Outcome.ACCEPTED
    assert {"TPM-LEAF-REMOVED", "NODE-DEVICE-MISSING"} <= codes(verdict)


def test_a_host_without_its_quote_is_not_accepted(begun: Life) -> None:
    verdict = begun.light(change=without("tpm0"))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "NODE-DEVICE-MISSING" in codes(verdict)

"""Light attestations: they stand on a full one, and nothing that is missing makes them better."""

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.appraisal import (
    Appraiser,
    Cadence,
    Inputs,
    Needed,
    NodeState,
    Outcome,
    Policy,
    Scope,
    Verdict,
    appraise,
    builtin_policy,
    full_is_next,
    judged_from,
    load_policy,
    next_state,
    pack_inputs,
    replay,
    revoked_digest,
)
from lotabots.appraisal.checks import layout as layout_check
from lotabots.appraisal.checks import reboot
from lotabots.appraisal.checks.case import Case
from lotabots.evidence import (
    Caches,
    Claims,
    DerivedChallenge,
    Evidence,
    Facts,
    InventoryItem,
    Level,
    Revocation,
    TpmState,
)
from lotabots.evidence.schemes.host_claims import Nvml
from lotabots.kernel import LotaError
from lotabots.simulator import HostOnNode, Node, anchors, make_node, reference_files

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
APPRAISER = Appraiser(version="1.2.3", digest="ab" * 32)
HOST = InventoryItem("host", "node-1")
CACHES = Caches()
POLICY = builtin_policy("demo")


def saying(
    host: HostOnNode, *, gpu: dict[str, object] | None = None, **other: object
) -> HostOnNode:
    """The same host, saying something else of itself, or of its first GPU."""
    if gpu is not None:
        first, *rest = host.machine.gpus
        other["gpus"] = (msgspec.structs.replace(first, **gpu), *rest)
    return host.saying(**other)


def policy_with(**parameters: object) -> Policy:
    document = json.loads(POLICY.document)
    document["parameters"] |= parameters
    return load_policy(json.dumps(document).encode())


@cache
def gpu_node() -> Node:
    return make_node("node-1", gpus=1, switches=0)


@cache
def references() -> Any:
    return reference_files(NOW, [gpu_node()])


def inputs(scope: Scope, *, now: datetime = NOW, **changes: Any) -> Inputs:
    """A node with one GPU and an agent; `host` are changes of what its host states."""
    node, full = gpu_node(), scope is Scope.FULL
    host: dict[str, Any] | None = changes.pop("host", {})
    challenge = DerivedChallenge(
        server="https://server.example",
        challenge="challenge-1",
        node="node-1",
        session_key_sha256="cd" * 32,
        nonce=bytes(range(32)),
        inventory=(*node.inventory, HOST) if full else (HOST,),
    )
    expected = challenge.expected()
    evidence: tuple[Evidence, ...] = ()
    if full:
        devices = {name: nonce for name, nonce in expected.items() if name != "host0"}
        evidence = tuple(node.attest(devices))
    if host is not None:
        evidence = (*evidence, saying(HostOnNode.of(node), **host).attest(expected["host0"]))
    arguments: dict[str, Any] = {
        "evidence": evidence,
        "challenge": challenge,
        "reference": references(),
        "policy": POLICY,
        "anchors": anchors(),
        "now": now,
        "node": "node-1",
        "scope": scope,
    }
    return Inputs(**(arguments | changes))


def judged(scope: Scope, **changes: Any) -> Verdict:
    return appraise(inputs(scope, **changes), CACHES, APPRAISER)


def codes(verdict: Verdict) -> set[str]:
    return {finding.code for finding in verdict.findings}


@cache
def after_full() -> NodeState:
    verdict = judged(Scope.FULL)
    assert verdict.outcome is Outcome.ACCEPTED, verdict.findings
    return next_state(None, Scope.FULL, (), verdict)


def light(
    state: NodeState | None = None, *, after: timedelta = timedelta(minutes=1), **changes: Any
) -> Verdict:
    return judged(Scope.LIGHT, previous=state or after_full(), now=NOW + after, **changes)


def test_a_light_attestation_after_an_accepted_full_one_is_accepted() -> None:
    verdict = light()
    assert (verdict.outcome, verdict.findings) == (Outcome.ACCEPTED, ())
    assert [part.subject for part in verdict.parts] == ["host0"]
    assert verdict.facts["scope"] == "light"


def test_a_full_verdict_has_no_word_about_its_scope() -> None:
    assert "scope" not in judged(Scope.FULL).facts


def test_a_light_one_replays_to_identical_bytes() -> None:
    given_ = inputs(Scope.LIGHT, previous=after_full(), now=NOW + timedelta(minutes=1))
    stored = pack_inputs(given_)
    again = replay(stored.manifest, stored.blobs, APPRAISER)
    assert again.canonical() == appraise(given_, CACHES, APPRAISER).canonical()


@pytest.mark.parametrize(
    "change",
    [
        {"full_at": None},
        {"full_outcome": None},
        {"full_outcome": Outcome.REJECTED},
        {"full_outcome": Outcome.INCONCLUSIVE},
        {"full_policy": ""},
        {"full_policy": builtin_policy("strict").id},
        {"full_at": NOW - timedelta(minutes=9, seconds=1)},
        {"full_at": NOW + timedelta(minutes=1, seconds=1)},
    ],
)
def test_without_a_full_one_that_holds_a_full_one_is_due(change: dict[str, object]) -> None:
    verdict = light(msgspec.structs.replace(after_full(), **change))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "NODE-FULL-DUE" in codes(verdict)
    assert all(finding.retryable for finding in verdict.findings)


def test_without_any_state_a_full_one_is_due() -> None:
    verdict = judged(Scope.LIGHT, now=NOW + timedelta(minutes=1))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "NODE-FULL-DUE" in codes(verdict)


def test_under_another_policy_a_full_one_is_due() -> None:
    verdict = light(policy=policy_with(max_revocation_age="29d"))
    assert codes(verdict) == {"NODE-FULL-DUE"}


@pytest.mark.parametrize(
    ("minutes", "outcome"),
    [(1, Outcome.ACCEPTED), (10, Outcome.ACCEPTED), (11, Outcome.INCONCLUSIVE)],
)
def test_a_full_one_holds_for_so_many_of_its_intervals(minutes: int, outcome: Outcome) -> None:
    assert light(after=timedelta(minutes=minutes)).outcome is outcome


@pytest.mark.parametrize(
    ("host", "named"),
    [
        ({"nvml": Nvml(status="available", driver="560.35.03")}, "driver"),
        ({"gpu": {"vbios": "96.00.9F.00.02"}}, "vbios/gpu0"),
        ({"gpu": {"mig": "on"}}, "mig/gpu0"),
        ({"boot_id": "another"}, "boot"),
        ({"kernel": "6.8.0-61-generic"}, "kernel"),
        ({"gpus": ()}, "gpus"),
    ],
)
def test_a_change_of_the_node_asks_for_a_full_one_and_is_named(
    host: dict[str, object], named: str
) -> None:
    verdict = light(host=host)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    changed = [finding for finding in verdict.findings if finding.code == "NODE-LAYOUT-CHANGED"]
    assert named in {finding.expected.partition(":")[0] for finding in changed}


def test_a_host_that_says_nothing_is_not_accepted() -> None:
    verdict = light(host=None)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert {"NODE-DEVICE-MISSING", "NODE-LAYOUT-CHANGED"} <= codes(verdict)


def test_a_light_one_with_devices_that_it_was_not_asked_for_is_refused() -> None:
    full = inputs(Scope.FULL)
    verdict = light(evidence=full.evidence)
    assert verdict.outcome is Outcome.REJECTED
    assert "NODE-DEVICE-UNDECLARED" in codes(verdict)


def test_rules_about_the_host_hold_in_a_light_one_too() -> None:
    document = json.loads(POLICY.document)
    rule = next(one for one in document["rules"] if one["id"] == "host-nonce")
    document["rules"].append(rule | {"id": "kernel", "when": 'host.kernel == "6.8.0-simulated"'})
    document["good"] = {"host": {"kernel": "6.8.0-simulated"}}
    policy = load_policy(json.dumps(document).encode())
    state = next_state(None, Scope.FULL, (), judged(Scope.FULL, policy=policy))
    assert light(state, policy=policy).outcome is Outcome.ACCEPTED
    other = msgspec.structs.replace(state, layout=dict(state.layout) | {"kernel": "6"})
    verdict = light(other, policy=policy, host={"kernel": "6"})
    assert verdict.outcome is Outcome.REJECTED
    assert codes(verdict) == {"POLICY-RULE-FAILED"}


def test_after_a_light_one_that_was_not_accepted_only_a_full_one_is() -> None:
    changed: dict[str, Any] = {"gpu": {"mig": "on"}}
    refused = light(host=changed)
    state = next_state(after_full(), Scope.LIGHT, (), refused)
    for host in ({}, changed):
        assert light(state, host=host, after=timedelta(minutes=2)).outcome is Outcome.INCONCLUSIVE
    full = judged(Scope.FULL, host=changed, previous=state, now=NOW + timedelta(minutes=2))
    state = next_state(state, Scope.FULL, (), full)
    assert light(state, host=changed, after=timedelta(minutes=3)).outcome is Outcome.ACCEPTED
    assert light(state, after=timedelta(minutes=3)).outcome is Outcome.INCONCLUSIVE


def test_an_accepted_light_one_does_not_renew_the_full_one() -> None:
    state = after_full()
    for minute in range(1, 11):
        verdict = light(state, after=timedelta(minutes=minute))
        assert verdict.outcome is Outcome.ACCEPTED
        state = next_state(state, Scope.LIGHT, (), verdict)
    assert light(state, after=timedelta(minutes=11)).outcome is Outcome.INCONCLUSIVE


STATES = st.builds(
    NodeState,
    evaluated_at=st.sampled_from([NOW, NOW + timedelta(hours=1)]),
    outcome=st.sampled_from(Outcome),
    full_at=st.none() | st.integers(-1500, 600).map(lambda late: NOW + timedelta(seconds=late)),
    full_outcome=st.none() | st.sampled_from(Outcome),
    full_policy=st.sampled_from(["", POLICY.id, "another"]),
    layout=st.sampled_from([{}, {"driver": "another"}]) | st.builds(lambda: after_full().layout),
)


@given(STATES, st.integers(0, 700))
def test_a_light_one_is_accepted_only_on_what_the_rules_name(
    state: NodeState, seconds: int
) -> None:
    now = NOW + timedelta(seconds=seconds)
    verdict = judged(Scope.LIGHT, previous=state, now=now)
    holds = (
        state.full_outcome is Outcome.ACCEPTED
        and state.full_at is not None
        and timedelta() <= now - state.full_at <= timedelta(minutes=10)
        and state.full_policy == POLICY.id
        and state.layout == after_full().layout
        and state.evaluated_at <= now
    )
    assert (verdict.outcome is Outcome.ACCEPTED) == holds


@given(STATES, st.sampled_from(["full_at", "full_outcome", "full_policy", "layout", "all"]))
def test_less_state_never_makes_a_light_one_better(state: NodeState, gone: str) -> None:
    rank = [Outcome.ACCEPTED, Outcome.INCONCLUSIVE, Outcome.REJECTED].index
    empty = {"full_at": None, "full_outcome": None, "full_policy": "", "layout": {}}
    less = None if gone == "all" else msgspec.structs.replace(state, **{gone: empty[gone]})
    with_, without = (judged(Scope.LIGHT, previous=one) for one in (state, less))
    assert rank(without.outcome) >= rank(with_.outcome) or without.outcome is not Outcome.ACCEPTED


def revocation(kind: Any, value: str) -> Revocation:
    return Revocation(kind=kind, value=value, reason="because")


def test_what_was_revoked_since_the_full_one_asks_for_a_full_one() -> None:
    driver = revocation("driver", "1.2.3")
    assert codes(light(revoked=(driver,))) == {"NODE-FULL-DUE"}
    state = next_state(None, Scope.FULL, (driver,), judged(Scope.FULL, revoked=(driver,)))
    assert light(state, revoked=(driver,)).outcome is Outcome.ACCEPTED
    assert codes(light(state)) == {"NODE-FULL-DUE"}


def test_another_node_that_is_revoked_asks_for_nothing_and_the_own_one_is_refused() -> None:
    assert light(revoked=(revocation("node", "node-2"),)).outcome is Outcome.ACCEPTED
    assert light(revoked=(revocation("quarantine", "node-1"),)).outcome is Outcome.REJECTED


@given(st.permutations([revocation("key", "a"), revocation("key", "b"), revocation("node", "c")]))
def test_the_digest_of_revocations_does_not_follow_their_order(things: list[Revocation]) -> None:
    assert revoked_digest(things) == revoked_digest(sorted(things, key=lambda one: one.value))
    assert revoked_digest(things[:1] * 0) == ""


def tpm(**changes: Any) -> Claims:
    boot = {"status": "same", "reset_count": 4, "restart_count": 1, "clock": 9000}
    facts: Facts = {"class": "tpm", "nonce": "match", "firmware": "1.2"}
    facts["boot"] = boot | changes.pop("boot", {})
    facts |= changes
    return Claims(
        subject="tpm0", kind="tpm", level=Level.ATTESTED, simulated=False, facts=facts, findings=()
    )


BEFORE = TpmState(reset_count=4, restart_count=1, clock=8000, ima_entries=7, ima_pcr="aa")


def case(*claims: Claims, state: TpmState | None = BEFORE, scope: Scope = Scope.LIGHT) -> Case:
    given_ = inputs(scope)
    previous = msgspec.structs.replace(after_full(), tpm=state, layout={"firmware/tpm0": "1.2"})
    return Case(
        claims=claims, inventory=None, policy=POLICY, previous=previous, now=NOW, scope=scope,
        identity=given_.identity, node="node-1", revoked=(), facts={},
    )  # fmt: skip


def test_the_same_boot_is_no_finding() -> None:
    assert list(reboot.check(case(tpm()))) == []
    assert list(layout_check.check(case(tpm()))) == []


@pytest.mark.parametrize(
    ("boot", "state"),
    [
        ({"reset_count": 5}, BEFORE),
        ({"restart_count": 2}, BEFORE),
        ({"reset_count": 3}, BEFORE),
        ({"reset_count": None}, BEFORE),
        ({"restart_count": None}, BEFORE),
        ({}, None),
    ],
)
def test_another_boot_or_an_unknown_one_asks_for_a_full_one(
    boot: dict[str, object], state: TpmState | None
) -> None:
    found = list(reboot.check(case(tpm(boot=boot), state=state)))
    assert [finding.code for finding in found] == ["NODE-REBOOTED"]
    assert list(reboot.check(case(tpm(boot=boot), state=state, scope=Scope.FULL))) == []


def test_another_firmware_of_the_tpm_asks_for_a_full_one() -> None:
    (found,) = layout_check.check(case(tpm(firmware="1.3")))
    assert (found.code, found.expected, found.measured) == (
        "NODE-LAYOUT-CHANGED", "firmware/tpm0: 1.2", "firmware/tpm0: 1.3",
    )  # fmt: skip


def quoted(outcome: Outcome = Outcome.ACCEPTED, **changes: Any) -> Verdict:
    """A verdict on the quote of a TPM, as verification leaves it."""
    claims = tpm(**changes)
    verdict = judged(Scope.LIGHT, previous=after_full())
    part = msgspec.structs.replace(
        verdict.parts[0], subject="tpm0", kind="tpm", level=claims.level, facts=claims.facts,
        outcome=outcome,
    )  # fmt: skip
    return msgspec.structs.replace(verdict, parts=(part,), outcome=outcome)


def state_with(tpm_state: TpmState | None) -> NodeState:
    return msgspec.structs.replace(after_full(), tpm=tpm_state)


LOG = {"status": "match", "entries": 12, "pcr": "bb"}


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (quoted(ima=LOG, pcrs={"10": {"status": "match"}}), (4, 9000, 12, "bb")),
        (quoted(ima=LOG, pcrs={"10": {"status": "unjudged"}}), (4, 9000, 7, "aa")),
        (quoted(), (4, 9000, 7, "aa")),
        (quoted(Outcome.REJECTED, ima=LOG), (4, 9000, 7, "aa")),
        (quoted(Outcome.INCONCLUSIVE, ima=LOG), (4, 9000, 7, "aa")),
        (quoted(boot={"reset_count": 5}), (5, 9000, 0, "")),
        (quoted(Outcome.REJECTED, ima=LOG, boot={"reset_count": 5}), (5, 9000, 0, "")),
        (quoted(boot={"status": "backwards", "clock": 1}), (4, 8000, 7, "aa")),
        (quoted(boot={"clock": None}), (4, 8000, 7, "aa")),
    ],
)
def test_a_tpm_goes_on_from_where_it_stood_and_past_nothing_that_was_not_accepted(
    verdict: Verdict, expected: tuple[int, int, int, str]
) -> None:
    state = next_state(state_with(BEFORE), Scope.LIGHT, (), verdict).tpm
    assert state is not None
    assert (state.reset_count, state.clock, state.ima_entries, state.ima_pcr) == expected


def test_a_full_one_replays_the_log_of_measurements_from_its_beginning() -> None:
    state = state_with(BEFORE)
    assert judged_from(state, Scope.LIGHT) == BEFORE
    assert judged_from(state, Scope.FULL) == msgspec.structs.replace(
        BEFORE, ima_entries=0, ima_pcr=""
    )
    assert judged_from(None, Scope.FULL) is None


def test_a_policy_that_writes_no_intervals_keeps_its_id_and_has_the_usual_ones() -> None:
    assert b"stale_after" not in POLICY.document
    cadence = POLICY.cadence
    assert (cadence.light, cadence.full) == (timedelta(seconds=60), timedelta(minutes=5))
    assert (cadence.stale_in, cadence.rejected_in) == (timedelta(minutes=2), timedelta(minutes=5))


def test_a_policy_can_write_its_own_intervals() -> None:
    policy = policy_with(light="10s", full="1h", stale_after=3, reject_after=9)
    assert policy.id != POLICY.id
    assert policy.cadence == Cadence(
        light=timedelta(seconds=10), full=timedelta(hours=1), stale_after=3, reject_after=9
    )


@pytest.mark.parametrize(
    "parameters",
    [
        {"light": "0s"},
        {"light": "10m"},
        {"full": "8d"},
        {"light": "soon"},
        {"stale_after": 0},
        {"stale_after": 5},
        {"reject_after": 2},
        {"reject_after": 1001},
        {"reject_after": True},
        {"light": 60},
    ],
)
def test_intervals_that_make_no_sense_are_refused(parameters: dict[str, object]) -> None:
    with pytest.raises(LotaError) as caught:
        policy_with(**parameters)
    assert caught.value.code in {"POLICY_MALFORMED", "DURATION_MALFORMED"}


@given(STATES, st.integers(0, 700))
def test_where_no_full_one_is_next_a_light_one_is_accepted(state: NodeState, seconds: int) -> None:
    now = NOW + timedelta(seconds=seconds)
    state = msgspec.structs.replace(state, layout=after_full().layout, evaluated_at=NOW)
    if not full_is_next(state, Needed(POLICY.id, POLICY.cadence, ""), now):
        assert judged(Scope.LIGHT, previous=state, now=now).outcome is Outcome.ACCEPTED

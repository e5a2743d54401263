"""A TPM's quote speaks for its node if it is the enrolled one's and answers its challenge."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from evidence.tpm.forge import (
    NOW,
    VALUES,
    PrivateKey,
    Tpm,
    as_sent,
    attest,
    challenge_of,
    context_of,
    ec_key,
    makers,
    rsa_key,
    sign,
)
from hypothesis import given
from hypothesis import strategies as st

from lotabots.evidence import (
    Caches,
    Claims,
    Context,
    Evidence,
    Fact,
    Finding,
    GivenNonce,
    InventoryItem,
    Leaf,
    Level,
    NodeClaims,
    TpmState,
)
from lotabots.evidence.schemes import SCHEMES
from lotabots.evidence.schemes.tpm import TPM, TpmEvidence, verify_tpms
from lotabots.evidence.schemes.tpm.quote import read_attest
from lotabots.kernel import sha256

MINE = Tpm()
GPUS = (InventoryItem("gpu", "a"), InventoryItem("gpu", "b"), InventoryItem("gpu", "c"))
CHALLENGE = challenge_of(MINE, others=GPUS)
LEAVES = tuple(Leaf("gpu", at, f"{at + 1}a" * 32) for at in range(3))
GOOD = MINE.evidence(CHALLENGE, LEAVES)


def judged(
    evidence: TpmEvidence | bytes = GOOD,
    context: Context | None = None,
    sent: Sequence[Leaf] = LEAVES,
    state: TpmState | None = None,
) -> NodeClaims:
    item = (
        Evidence(scheme="tpm", subject="tpm0", data=evidence, certificates=b"")
        if isinstance(evidence, bytes)
        else as_sent(evidence)
    )
    held = context or context_of(MINE, challenge=CHALLENGE, leaves=sent, state=state)
    return verify_tpms([item], held)


def claims(
    evidence: TpmEvidence | bytes = GOOD,
    context: Context | None = None,
    sent: Sequence[Leaf] = LEAVES,
    state: TpmState | None = None,
) -> Claims:
    (device,) = judged(evidence, context, sent, state).devices
    return device


def codes(of: Claims | NodeClaims) -> list[str]:
    return [found.code for found in of.findings]


def fact(of: Claims, *path: str) -> Fact:
    value: Fact = dict(of.facts)
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def changed(**over: object) -> TpmEvidence:
    return msgspec.structs.replace(GOOD, **over)


def signed(quote: bytes, **over: object) -> TpmEvidence:
    return changed(quote=quote, signature=sign(MINE.ak, quote), **over)


def test_a_quote_of_the_enrolled_tpm_over_all_that_was_sent_is_attested() -> None:
    found = claims()
    assert (found.level, codes(found), found.simulated) == (Level.ATTESTED, [], False)
    assert (found.kind, fact(found, "id")) == ("tpm", MINE.device_id)
    assert [fact(found, name, "status") for name in ("chain", "ak", "manifest")] == [
        "valid",
        "valid",
        "match",
    ]
    assert (fact(found, "nonce"), fact(found, "signature")) == ("match", "valid")
    assert fact(found, "boot", "status") == "first"
    assert fact(found, "quote", "pcrs") == sorted(VALUES)
    assert judged().findings == ()


def test_what_it_states_is_what_policies_are_proved_against() -> None:
    def shape(facts: Fact) -> object:
        if isinstance(facts, dict):
            return {name: shape(value) for name, value in facts.items()}
        return type(facts)

    good = dict(TPM.good_facts["tpm"])
    assert shape(dict(claims().facts)) == shape(good)
    assert TPM in SCHEMES


@pytest.mark.parametrize("key", [rsa_key(), ec_key(3)], ids=["RSA", "ECC"])
def test_keys_of_both_kinds_attest(key: PrivateKey) -> None:
    tpm = Tpm(ak=key)
    found = claims(
        tpm.evidence(CHALLENGE, LEAVES), context_of(tpm, challenge=CHALLENGE, leaves=LEAVES)
    )
    assert (found.level, codes(found)) == (Level.ATTESTED, [])


def test_a_simulators_root_makes_it_simulated_and_changes_nothing_else() -> None:
    anchor = makers()[0].anchor(simulated=True)
    context = context_of(MINE, challenge=CHALLENGE, leaves=LEAVES, anchors=(anchor,))
    found = claims(GOOD, context)
    assert found.simulated
    assert found.facts == {**claims().facts, "simulated": True}


# Replay: of another challenge, another node, another session key, another TPM.


@pytest.mark.parametrize(
    ("field", "value"),
    [("challenge", "challenge-9"), ("node", "node-2"), ("session_key_sha256", "00" * 32)],
)
def test_a_quote_for_another_session_is_replayed(field: str, value: str) -> None:
    other = msgspec.structs.replace(CHALLENGE, **{field: value})
    found = claims(MINE.evidence(other, LEAVES))
    assert codes(found) == ["TPM-NONCE-MISMATCH", "TPM-MANIFEST-REPLAYED"]
    assert (found.level, fact(found, "nonce")) == (Level.CLAIMED, "mismatch")


def test_a_quote_for_another_nonce_of_the_same_session_does_not_answer() -> None:
    other = msgspec.structs.replace(CHALLENGE, nonce=b"\x09" * 32)
    assert codes(claims(MINE.evidence(other, LEAVES))) == ["TPM-NONCE-MISMATCH"]


def test_the_manifests_digest_alone_or_the_bare_nonce_do_not_answer() -> None:
    for extra in (sha256(GOOD.manifest), CHALLENGE.expected()["tpm0"], b""):
        assert codes(claims(signed(attest(extra)))) == ["TPM-NONCE-MISMATCH"]


def test_counters_in_the_manifest_that_the_tpm_did_not_sign_are_refused() -> None:
    later = replace(MINE, reset=8).evidence(CHALLENGE, LEAVES)
    quote = attest(read_attest(later.quote).extra, reset=7)
    found = claims(signed(quote, manifest=later.manifest))
    assert "TPM-MANIFEST-COUNTERS" in codes(found)
    assert found.level is Level.CLAIMED


def test_another_nodes_tpm_does_not_speak_for_this_one() -> None:
    other = Tpm(number=1, ak=ec_key(1))
    found = claims(other.evidence(CHALLENGE, LEAVES))
    assert codes(found) == ["TPM-SIGNATURE-INVALID"]
    assert (found.level, fact(found, "id"), fact(found, "signature")) == (
        Level.NONE,
        None,
        "invalid",
    )
    context = context_of(other, challenge=CHALLENGE, leaves=LEAVES)
    assert codes(claims(GOOD, context)) == ["TPM-NOT-ENROLLED"]


def test_a_tpm_that_is_not_declared_in_this_place_is_not_enrolled() -> None:
    second = as_sent(GOOD, "tpm1")
    (found,) = verify_tpms([second], context_of(MINE, challenge=CHALLENGE, leaves=LEAVES)).devices
    assert codes(found) == ["TPM-NOT-ENROLLED"]
    assert found.level is Level.NONE


def test_two_tpms_of_one_node_each_quote_all_leaves() -> None:
    other = Tpm(number=1, ak=ec_key(1))
    both = challenge_of(MINE, other, others=GPUS)
    context = context_of(MINE, other, challenge=both, leaves=LEAVES)
    places = {item.device_id: subject for subject, item in both.devices().items()}
    sent = [as_sent(tpm.evidence(both, LEAVES), places[tpm.device_id]) for tpm in (MINE, other)]
    assert {device.level for device in verify_tpms(sent, context).devices} == {Level.ATTESTED}
    crossed = [
        as_sent(tpm.evidence(both, LEAVES), place)
        for tpm, place in zip((MINE, other), reversed([one.subject for one in sent]), strict=True)
    ]
    assert {device.level for device in verify_tpms(crossed, context).devices} == {Level.NONE}


def test_a_nonce_given_by_hand_is_no_challenge_to_a_whole_node() -> None:
    context = replace(
        context_of(MINE, challenge=CHALLENGE, leaves=LEAVES), challenge=GivenNonce(b"n" * 32)
    )
    found = claims(signed(attest(b"n" * 32)), context)
    assert "TPM-NONCE-MISMATCH" in codes(found)
    assert found.level is Level.CLAIMED


# PCRs.


def test_pcr_values_that_were_not_signed_are_refused_and_not_judged() -> None:
    for values in ({**VALUES, 7: bytes(32)}, {n: v for n, v in VALUES.items() if n != 7}):
        found = claims(changed(pcrs=values))
        assert codes(found) == ["TPM-PCR-DIGEST"]
        assert fact(found, "pcrs") is None
        assert found.level is Level.CLAIMED


def test_fewer_and_other_pcrs_than_asked_for_are_refused() -> None:
    for values in ({0: VALUES[0]}, {**VALUES, 23: bytes(32)}):
        tpm = Tpm(values=values)
        assert codes(claims(tpm.evidence(CHALLENGE, LEAVES))) == ["TPM-PCR-SELECTION"]


# The clock.


def state(reset: int = 7, restart: int = 0, clock: int = 60_000) -> TpmState:
    return TpmState(reset_count=reset, restart_count=restart, clock=clock)


@pytest.mark.parametrize(
    ("before", "status"),
    [
        (state(), "same"),
        (state(clock=59_999), "same"),
        (state(reset=6, restart=4, clock=90_000), "rebooted"),
        (state(reset=6), "rebooted"),
        (state(clock=60_001), "backwards"),
        (state(reset=8, clock=0), "backwards"),
        (state(restart=1, clock=0), "backwards"),
    ],
)
def test_clock_and_counters_go_on_from_the_newest_quote(before: TpmState, status: str) -> None:
    found = claims(state=before)
    assert fact(found, "boot", "status") == status
    assert codes(found) == (["TPM-CLOCK-BACKWARDS"] if status == "backwards" else [])
    assert (found.level is Level.ATTESTED) == (status != "backwards")


def test_a_resumed_tpm_has_rebooted() -> None:
    found = claims(replace(MINE, restart=1).evidence(CHALLENGE, LEAVES), state=state())
    assert (fact(found, "boot", "status"), found.level) == ("rebooted", Level.ATTESTED)


# Chains and keys.


def test_without_a_trusted_chain_the_quote_is_only_claimed() -> None:
    context = context_of(MINE, challenge=CHALLENGE, leaves=LEAVES, anchors=())
    found = claims(GOOD, context)
    assert (found.level, codes(found)) == (Level.CLAIMED, ["TPM-CHAIN-UNTRUSTED"])
    late = context_of(MINE, challenge=CHALLENGE, leaves=LEAVES, now=NOW + timedelta(days=20_000))
    assert codes(claims(GOOD, late)) == ["TPM-CHAIN-TIME"]
    assert "simulated" not in found.facts


def test_an_enrolled_key_that_may_not_attest_proves_nothing() -> None:
    tpm = MINE.enrolled
    area = bytearray(tpm.ak_public)
    area[7] &= 0xFD  # fixedTPM
    unfit = msgspec.structs.replace(tpm, ak_public=bytes(area))
    context = replace(context_of(MINE, challenge=CHALLENGE, leaves=LEAVES), tpms=(unfit,))
    found = claims(GOOD, context)
    assert codes(found) == ["TPM-AK-UNFIT"]
    assert (found.level, fact(found, "ak", "status")) == (Level.NONE, "invalid")


# Bytes.


@given(st.binary(max_size=300))
def test_any_bytes_are_judged_without_an_error(data: bytes) -> None:
    found = claims(data)
    assert found.level is Level.NONE
    assert codes(found) == ["TPM-EVIDENCE-MALFORMED"]


@given(st.data())
def test_evidence_with_changed_bytes_is_never_attested(data: st.DataObject) -> None:
    sent = bytearray(as_sent(GOOD).data)
    at = data.draw(st.integers(0, len(sent) - 1))
    sent[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != sent[at]))
    found = claims(bytes(sent))
    # White space is all that may differ, and there is none in what we write.
    assert found.level is not Level.ATTESTED
    assert all(isinstance(one, Finding) for one in found.findings)


def test_cut_and_oversize_evidence_is_refused() -> None:
    sent = as_sent(GOOD).data
    assert codes(claims(sent[:-1])) == ["TPM-EVIDENCE-MALFORMED"]
    assert codes(claims(sent + b" " * 1024 * 1024)) == ["TPM-LIMIT-EVIDENCE"]
    assert codes(claims(changed(quote=GOOD.quote[:-1]))) == ["TPM-ATTEST-MALFORMED"]
    assert codes(claims(changed(signature=GOOD.signature[:-1]))) == ["TPM-SIGNATURE-MALFORMED"]
    assert "TPM-MANIFEST-MALFORMED" in codes(claims(changed(manifest=b"{}")))


def test_what_was_proven_before_changes_no_answer() -> None:
    caches = Caches()
    context = context_of(MINE, challenge=CHALLENGE, leaves=LEAVES, caches=caches)
    assert claims(GOOD, context) == claims(GOOD, context) == claims()
    bad = changed(signature=Tpm(ak=ec_key(1)).evidence(CHALLENGE, LEAVES).signature)
    assert codes(claims(bad, context)) == ["TPM-SIGNATURE-INVALID"]
    assert claims(GOOD, context).level is Level.ATTESTED

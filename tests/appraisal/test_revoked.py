"""What an operator revoked does not stand in a node: no device, maker, value, or driver of it."""

from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from lotabots.appraisal import (
    Appraiser,
    Identity,
    Inputs,
    Outcome,
    Verdict,
    appraise,
    builtin_policy,
)
from lotabots.appraisal.paths import fact_at
from lotabots.evidence import Caches, Cause, DerivedChallenge, ReferenceFiles, Revocation
from lotabots.kernel import sha256_hex
from lotabots.simulator import anchors, make_node, reference_files

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NODE = make_node("node-1", gpus=0, tpm=True)
OTHER = (
    b'{"format":"lotabots/tpm-reference/v1","name":"other machines","pcrs":{"0":["'
    + b"ee" * 32
    + b'"]}}'
)
CACHES = Caches()


def judged(*revoked: Revocation) -> Verdict:
    challenge = DerivedChallenge(
        server="https://server.example",
        challenge="challenge-1",
        node="node-1",
        session_key_sha256="cd" * 32,
        nonce=bytes(range(32)),
        inventory=NODE.inventory,
    )
    files = reference_files(NOW, [NODE]).files
    inputs = Inputs(
        evidence=tuple(NODE.attest_whole(challenge)),
        challenge=challenge,
        reference=ReferenceFiles.of([*files, ("other.json", OTHER)]),
        policy=builtin_policy("demo-host"),
        anchors=anchors(),
        now=NOW,
        node="node-1",
        identity=Identity.TPM,
        tpms=NODE.tpms,
        revoked=revoked,
    )
    return appraise(inputs, CACHES, Appraiser(version="1.2.3", digest="ab" * 32))


def codes(kind: Literal["device", "key", "reference"], value: object) -> list[tuple[str, str]]:
    assert isinstance(value, str)
    verdict = judged(Revocation(kind=kind, value=value, reason="withdrawn"))
    assert verdict.outcome is (Outcome.REJECTED if verdict.findings else Outcome.ACCEPTED)
    return [(found.code, found.subject) for found in verdict.findings]


def test_a_revoked_tpm_and_the_key_of_any_of_its_issuers_are_refused() -> None:
    facts = msgspec.to_builtins(judged().parts[0].facts)
    assert codes("device", facts["id"]) == [("DEVICE-REVOKED", "tpm0")]
    issuers = facts["chain"]["issuer_spki_sha256"]
    assert len(issuers) == 2
    for key in issuers:
        assert ("KEY-REVOKED", "tpm0") in codes("key", key)
    assert codes("key", "00" * 32) == []


def test_only_reference_files_that_a_tpm_stands_on_take_it_along() -> None:
    used = fact_at(msgspec.to_builtins(judged().parts[0].facts), ("reference", "sha256"))
    assert isinstance(used, list)
    assert len(used) == 1
    assert codes("reference", used[0]) == [("REFERENCE-REVOKED", "tpm0")]
    assert codes("reference", sha256_hex(OTHER)) == []


Kind = Literal["node", "quarantine", "device", "reference", "key", "driver"]


def of_gpus(inputs_of: Any, appraiser: Appraiser, kind: Kind, value: object) -> Verdict:
    assert isinstance(value, str)
    revoked = (Revocation(kind=kind, value=value, reason="withdrawn"),)
    return appraise(inputs_of(revoked=revoked), Caches(), appraiser)


def test_what_one_gpu_stands_on_takes_it_along_and_no_other(
    inputs_of: Any, appraiser: Appraiser
) -> None:
    good = appraise(inputs_of(), Caches(), appraiser)
    one, other = (msgspec.to_builtins(part.facts) for part in good.parts)
    own = [key for key in one["keys_spki_sha256"] if key not in other["keys_spki_sha256"]]
    shared = [key for key in one["keys_spki_sha256"] if key in other["keys_spki_sha256"]]
    assert own
    assert shared
    for kind, value, code, subjects in (
        ("device", one["id"], "DEVICE-REVOKED", ["gpu0"]),
        ("key", own[0], "KEY-REVOKED", ["gpu0"]),
        *(("key", key, "KEY-REVOKED", ["gpu0", "gpu1"]) for key in shared),
        ("driver", one["driver"], "DRIVER-REVOKED", ["gpu0", "gpu1"]),
        ("reference", one["rim"]["driver"]["sha256"], "REFERENCE-REVOKED", ["gpu0", "gpu1"]),
        ("reference", one["rim"]["vbios"]["sha256"], "REFERENCE-REVOKED", ["gpu0", "gpu1"]),
        ("node", "node-1", "NODE-REVOKED", ["node"]),
        ("quarantine", "node-1", "NODE-QUARANTINED", ["node"]),
    ):
        verdict = of_gpus(inputs_of, appraiser, kind, value)
        found = [(one.code, one.subject) for one in verdict.findings]
        assert found == [(code, subject) for subject in subjects], kind
        assert verdict.outcome is Outcome.REJECTED
        assert {one.cause for one in verdict.findings} == {Cause.MISCONFIGURED}
        assert all("withdrawn" in one.measured and one.fix for one in verdict.findings)


def test_what_is_revoked_and_not_there_changes_nothing(
    inputs_of: Any, appraiser: Appraiser
) -> None:
    facts = msgspec.to_builtins(appraise(inputs_of(), Caches(), appraiser).parts[0].facts)
    mixed: tuple[tuple[Kind, object], ...] = (
        ("node", "node-2"),
        ("device", facts["driver"]),
        ("driver", facts["id"]),
        ("key", facts["rim"]["driver"]["sha256"]),
        ("reference", facts["keys_spki_sha256"][0]),
        ("driver", facts["driver"][:-1]),
    )
    for kind, value in mixed:
        verdict = of_gpus(inputs_of, appraiser, kind, value)
        assert (verdict.outcome, verdict.findings) == (Outcome.ACCEPTED, ()), kind


def test_a_revoked_device_that_sends_nothing_is_still_refused(
    inputs_of: Any, appraiser: Appraiser
) -> None:
    good = appraise(inputs_of(), Caches(), appraiser)
    device = msgspec.to_builtins(good.parts[1].facts)["id"]
    revoked = (Revocation(kind="device", value=device, reason="withdrawn"),)
    inputs = inputs_of(revoked=revoked)
    silent = msgspec.structs.replace(inputs, evidence=inputs.evidence[:1])
    verdict = appraise(silent, Caches(), appraiser)
    assert ("DEVICE-REVOKED", "gpu1") in [(one.code, one.subject) for one in verdict.findings]


@given(st.sampled_from(["device", "reference", "key", "driver"]), st.text(max_size=40))
def test_a_revocation_of_whatever_never_makes_a_verdict_better(kind: Kind, value: str) -> None:
    revoked = Revocation(kind=kind, value=value, reason="withdrawn")
    assert judged(revoked).tier >= judged().tier

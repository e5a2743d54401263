"""What an operator revoked does not stand in a TPM either: not it, its maker, nor its values."""

from datetime import UTC, datetime
from typing import Literal

import msgspec

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
from lotabots.evidence import Caches, DerivedChallenge, ReferenceFiles, Revocation
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

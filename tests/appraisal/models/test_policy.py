from contextlib import suppress

import pytest
from appraisal.models.made import ALICE, rule
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from lotabots.appraisal.models import SignerKind, load_model_policy
from lotabots.kernel import LotaError, sha256_hex

SPKI = PublicFormat.SubjectPublicKeyInfo


def signers(text: str) -> str:
    return f"name: t\nrules:\n  - match: a/b\n    mode: enforce\n    signers:\n{text}"


def pem(key: str) -> str:
    return "      - key: |\n" + "".join(f"          {line}\n" for line in key.splitlines())


def test_a_policy_is_named_by_the_digest_of_its_canonical_form() -> None:
    policy = load_model_policy(rule().encode())
    digest = sha256_hex(policy.document)
    assert policy.id == f"urn:lotabots:model-policy:models@sha256:{digest}"
    assert load_model_policy(policy.document) == policy
    assert load_model_policy(f"# the same\n{rule()}".encode()).id == policy.id


def test_a_key_is_known_by_its_fingerprint_however_it_is_written() -> None:
    key = generate_private_key(SECP256R1()).public_key()
    text = key.public_bytes(Encoding.PEM, SPKI).decode()
    fingerprint = sha256_hex(key.public_bytes(Encoding.DER, SPKI))
    written = load_model_policy(signers(pem(text)).encode()).rules[0].signers[0]
    named = load_model_policy(signers(f"      - key: {fingerprint}\n").encode()).rules[0].signers[0]
    assert written.trusted == named.trusted == (SignerKind.KEY, fingerprint, "")
    assert written.pem == text


@pytest.mark.parametrize(
    "text",
    [
        "      - key: abc\n",
        "      - key: " + "A" * 64 + "\n",
        "      - {}\n",
        f"      - {{key: {ALICE.key_sha256}, sigstore: {{identity: a, issuer: b}}}}\n",
        "      - certificate: {root: abc, subject: CN=x}\n",
        "      - certificate: {root: " + "a" * 64 + "}\n",
        "      - sigstore: {identity: a}\n",
        f"      - key: {ALICE.key_sha256}\n      - key: {ALICE.key_sha256}\n",
        f"      - {{key: {ALICE.key_sha256}, until: soon}}\n",
        pem(Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, SPKI).decode()),
    ],
)
def test_a_signer_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(LotaError) as refusal:
        load_model_policy(signers(text).encode())
    assert refusal.value.code in {"MODEL_POLICY_MALFORMED", "TIME_MALFORMED"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("name: t\nrules:\n  - {match: a/b, mode: enforce}\n", "MODEL_POLICY_FAILS_OPEN"),
        (rule("min_version: 1.2.0"), "MODEL_POLICY_FAILS_OPEN"),
        (rule("threshold: 3"), "MODEL_POLICY_MALFORMED"),
        (rule("threshold: 0"), "MODEL_POLICY_MALFORMED"),
        (rule("min_version: v2\nrequire: [strong_manifest]"), "MODEL_POLICY_MALFORMED"),
        (rule("colour: red"), "MODEL_POLICY_MALFORMED"),
        (rule("formats: []"), "MODEL_POLICY_MALFORMED"),
        (rule("hash: [md5]"), "MODEL_POLICY_MALFORMED"),
        (rule("remote_code: allow"), "MODEL_POLICY_MALFORMED"),
        (rule("remote_code: {pinned: []}"), "MODEL_POLICY_MALFORMED"),
        (rule("max_age: long"), "DURATION_MALFORMED"),
        (rule("expires: 2026-01-01"), "TIME_MALFORMED"),
        (rule("allow_simulated: true"), "MODEL_POLICY_MALFORMED"),
        (rule(mode="'off '"), "MODEL_POLICY_MALFORMED"),
        (rule(mode="off"), "MODEL_POLICY_MALFORMED"),
        (rule() + rule().split("rules:\n")[1], "MODEL_POLICY_MALFORMED"),
        ("name: t\nrules: []\n", "MODEL_POLICY_MALFORMED"),
        ("[]", "MODEL_POLICY_MALFORMED"),
        ("x" * 65_537, "MODEL_POLICY_TOO_LARGE"),
    ],
)
def test_a_policy_that_could_be_misread_or_trusts_nobody_is_refused(text: str, code: str) -> None:
    with pytest.raises(LotaError) as refusal:
        load_model_policy(text.encode())
    assert refusal.value.code == code


def test_a_rule_that_judges_nothing_needs_no_signers() -> None:
    load_model_policy(b"name: t\nrules:\n  - {match: a/b, mode: 'off'}\n")


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: rule(text).encode()))
def test_any_bytes_are_a_policy_or_an_error(data: bytes) -> None:
    with suppress(LotaError):
        load_model_policy(data)

"""Sigstore signatures of an instance of our own: each step holds, and each fails by its code."""

from datetime import timedelta

import pytest
from models.signing.material import MODEL as FILES
from models.signing.material import NOW, STRANGER, codes, signed, value_of, verify
from models.signing.sigstore_instance import IDENTITY, ISSUER, SIGNED_AT, Instance, Log

from lotabots.kernel import LotaError, canonical, encode_base64, format_time
from lotabots.models import (
    Identity,
    Leniency,
    Opened,
    SigstoreTrust,
    Trust,
    load_trusted_root,
    open_bundle,
)
from lotabots.models.rekor import root_from_path

INSTANCE = Instance()


def trust(root: bytes | None = None, *identities: Identity) -> Trust:
    wanted = identities or (Identity(IDENTITY, ISSUER),)
    return Trust(sigstore=SigstoreTrust(load_trusted_root(root or INSTANCE.trusted_root()), wanted))


def opened(bundle: bytes, trusted: Trust | None = None) -> Opened:
    return open_bundle(bundle, trusted or trust(), Leniency(), NOW)


def test_a_signature_holds_long_after_its_certificate_has_ended() -> None:
    verified = verify(INSTANCE.sign(), FILES, trust())
    assert verified.holds, verified.findings
    (signer,) = verified.signers
    assert (signer.kind, signer.id, signer.issuer) == ("sigstore", IDENTITY, ISSUER)
    assert signer.signed_at == format_time(SIGNED_AT + timedelta(seconds=5))


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ("too-early", "CHAIN-TIME"),
        ("no-promise-of-certificates", "SIGSTORE-SCT"),
        ("other-log-of-certificates", "SIGSTORE-SCT"),
        ("other-payload", "SIGSTORE-BODY"),
        ("other-promise", "SIGSTORE-PROMISE"),
        ("other-root", "SIGSTORE-PROOF"),
        ("other-checkpoint", "SIGSTORE-PROOF"),
        ("checkpoint-of-another-size", "SIGSTORE-PROOF"),
        ("checkpoint-of-another-log", "SIGSTORE-PROOF"),
        ("two-issuers", "SIGSTORE-IDENTITY"),
        ("no-promise", "SIGSTORE-TIME"),
        ("neither-promise-nor-proof", "SIGSTORE-PROOF"),
        ("other-kind", "SIGSTORE-KIND"),
    ],
)
def test_a_signature_with_one_step_wrong_has_the_code_of_that_step(wrong: str, code: str) -> None:
    found = opened(INSTANCE.sign(wrong))
    assert code in {one.code for one in found.findings}, found.findings
    assert found.signers == ()


def test_a_signature_without_an_entry_of_a_log_is_refused() -> None:
    """H20."""
    value = value_of(INSTANCE.sign())
    value["verificationMaterial"]["tlogEntries"] = []
    found = opened(canonical(value))
    assert "SIGSTORE-TLOG-MISSING" in {one.code for one in found.findings}
    assert found.signers == ()


@pytest.mark.parametrize(
    "identity",
    [
        Identity("other@example.com", ISSUER),
        Identity(IDENTITY, "https://other.example.com"),
        Identity("", ""),
    ],
)
def test_another_identity_or_issuer_is_refused(identity: Identity) -> None:
    found = opened(INSTANCE.sign(), trust(None, identity))
    assert [one.code for one in found.findings] == ["SIGSTORE-IDENTITY"]
    assert found.signers == ()


def test_another_sigstore_is_refused() -> None:
    found = opened(INSTANCE.sign(), trust(Instance().trusted_root()))
    assert {"SIGSTORE-LOG"} <= {one.code for one in found.findings}
    other = opened(INSTANCE.sign(log=Log()))
    assert {"SIGSTORE-LOG"} <= {one.code for one in other.findings}


def test_a_log_or_an_authority_that_was_not_in_use_then_is_refused() -> None:
    past = {"start": "2001-01-01T00:00:00Z", "end": "2002-01-01T00:00:00Z"}
    retired = INSTANCE.trusted_root(tlogs=[INSTANCE.rekor.trusted(**past)])
    assert "SIGSTORE-LOG" in {one.code for one in opened(INSTANCE.sign(), trust(retired)).findings}
    unlogged = INSTANCE.trusted_root(ctlogs=[INSTANCE.certificates.trusted(**past)])
    told = opened(INSTANCE.sign(), trust(unlogged)).findings
    assert [one.code for one in told] == ["SIGSTORE-SCT"]
    value = value_of(INSTANCE.trusted_root())
    value["certificateAuthorities"][0]["validFor"] = past
    found = opened(INSTANCE.sign(), trust(canonical(value)))
    assert "CHAIN-UNTRUSTED" in {one.code for one in found.findings}


def test_a_signature_by_another_key_than_the_certificate_is_refused() -> None:
    value = value_of(INSTANCE.sign())
    other = value_of(signed(FILES, STRANGER))["dsseEnvelope"]["signatures"]
    value["dsseEnvelope"]["signatures"] = other
    assert {"SIGNATURE-INVALID", "SIGSTORE-BODY"} <= codes(verify(canonical(value), FILES, trust()))


@pytest.mark.parametrize(
    "root",
    [
        b"",
        b"{}",
        canonical({"mediaType": "x.trustedroot", "tlogs": [{}]}),
        canonical({"mediaType": "x.trustedroot", "certificateAuthorities": [{}]}),
        canonical({"mediaType": "x.trustedroot", "tlogs": {}}),
        canonical(
            {
                "mediaType": "x.trustedroot",
                "tlogs": [{"publicKey": {"rawBytes": encode_base64(b"x"), "validFor": {}}}],
            }
        ),
    ],
)
def test_what_is_no_trusted_root_has_its_code(root: bytes) -> None:
    with pytest.raises(LotaError) as caught:
        load_trusted_root(root)
    assert caught.value.code == "MODEL_TRUSTED_ROOT"


def test_a_path_of_another_length_than_the_tree_has_leads_nowhere() -> None:
    assert root_from_path(0, 1, b"leaf", ()) == b"leaf"
    assert root_from_path(0, 1, b"leaf", (bytes(32),)) is None
    assert root_from_path(0, 2, b"leaf", ()) is None
    assert root_from_path(3, 3, b"leaf", ()) is None

"""Results: issued and read back in three profiles, and refused in every other form."""

import base64
import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from result.samples import (
    KEY,
    NOW,
    POLICY,
    SESSION,
    STATUS,
    issued,
    keys,
    part,
    payload_of,
    resigned,
    result,
    verdict,
)

from lotabots.appraisal import Accepted, Appraiser, Binding, Outcome, Strength
from lotabots.evidence import Cause, Finding, Level
from lotabots.kernel import KeySet, LotaError, sha256
from lotabots.result import LogEntry, Profile, Tier, read_result, verify_result

DEPLOYED = [Profile.VERAISON_2023, Profile.TRUSTEE_2024]
EXTENSION = "tag:lotabots,2026:ear"


def refused(token: str) -> str:
    with pytest.raises(LotaError) as caught:
        read_result(token, keys())
    return caught.value.code


def finding(code: str) -> Finding:
    return Finding(
        code=code, cause=Cause.COLLATERAL, subject="gpu0", title="t", expected="e", measured="m",
        fix="f",
    )  # fmt: skip


@pytest.mark.parametrize("profile", Profile)
def test_a_result_says_what_the_verdict_says(profile: Profile) -> None:
    about = verdict(findings=(finding("NV-B"), finding("NV-A"), finding("NV-B")))
    read = result(about, profile=profile, nonce=b"n" * 32, log=LogEntry(7, "receipt"))
    assert read.profile is profile
    assert (read.issuer, read.audience) == ("https://lotabots.example", "compute")
    assert (read.subject, read.token_id) == ("node-1", "result-1")
    assert (read.issued_at, read.expires_at) == (NOW, NOW + timedelta(minutes=5))
    assert read.session_key == {n: SESSION.jwk_public()[n] for n in ("kty", "crv", "x", "y")}
    assert read.nonce == b"n" * 32
    assert (read.verdict, read.tier) == (Outcome.ACCEPTED, 2)
    assert read.appraisal == about.digest
    assert read.appraiser == Appraiser(version="0.1.0", digest="cc" * 32)
    assert (read.policy_id, read.challenge) == (POLICY, "challenge-1")
    assert (read.reference_digest, read.collateral_digest) == ("aa" * 32, "bb" * 32)
    assert [(b.between, b.strength) for b in read.bindings] == [("gpu-host", "weak")]
    assert read.findings == ("NV-B", "NV-A")
    assert (read.status, read.log) == (STATUS, LogEntry(7, "receipt"))
    first = read.parts[0]
    assert [part.subject for part in read.parts] == ["gpu0", "gpu1", "switch0"]
    assert (first.kind, first.level, first.status) == ("gpu", Level.ATTESTED, Tier.AFFIRMING)
    assert first.vector == {"hardware": 2, "executables": 2, "instance-identity": 2}
    assert first.device == "NVIDIA:GH100:gpu0"


@pytest.mark.parametrize("profile", Profile)
def test_a_result_says_who_puts_up_with_a_weak_binding(profile: Profile) -> None:
    owner = Accepted(owner="Ada", until="2027-01-01T00:00:00Z", reason="No TDISP before 2027.")
    weak = Binding(between="gpu-host", strength=Strength.WEAK, why="no TDISP", accepted=owner)
    assert result(verdict(bindings=(weak,)), profile=profile).bindings[0].accepted == owner
    plain = msgspec.structs.replace(weak, accepted=None)
    assert b"accepted" not in msgspec.json.encode(plain)
    assert result(verdict(bindings=(plain,)), profile=profile).bindings[0].accepted is None


SHARED = {
    "eat_profile", "iss", "aud", "sub", "jti", "iat", "exp", "eat_nonce", "cnf", "status",
    "submods", EXTENSION,
}  # fmt: skip


@pytest.mark.parametrize("profile", DEPLOYED)
def test_a_deployed_profile_has_names_with_dots_and_no_overall_status(profile: Profile) -> None:
    claims = payload_of(issued(profile=profile, nonce=b"n" * 32))
    assert claims.keys() == SHARED | {"ear.verifier-id"}
    assert claims["eat_profile"] == profile.value
    assert claims["ear.verifier-id"] == {"developer": "LotaBots", "build": "lotabots 0.1.0"}
    assert claims["submods"]["gpu0"] == {
        "ear.status": "affirming",
        "ear.trustworthiness-vector": {"hardware": 2, "executables": 2, "instance-identity": 2},
        "ear.appraisal-policy-id": POLICY,
        "ueid": ueid("NVIDIA:GH100:gpu0"),
        "oemid": 5703,
        "hwmodel": base64.urlsafe_b64encode(b"GH100").rstrip(b"=").decode(),
    }


def test_the_draft_has_names_with_underscores_and_an_overall_status() -> None:
    claims = payload_of(issued(profile=Profile.IETF_2026, nonce=b"n" * 32))
    assert claims.keys() == SHARED | {"ear_verifier_id", "ear_status"}
    assert claims["eat_profile"] == "tag:ietf.org,2026:rats/ear#03"
    assert claims["ear_status"] == "affirming"
    assert claims["submods"]["switch0"] == {
        "ear_status": "affirming",
        "ear_trustworthiness_vector": {"hardware": 2, "executables": 2, "instance-identity": 2},
        "ear_appraisal_policy_ids": [POLICY],
        "ueid": ueid("NVIDIA:LS10:switch0"),
        "oemid": 5703,
        "hwmodel": base64.urlsafe_b64encode(b"LS10").rstrip(b"=").decode(),
    }


@pytest.mark.parametrize("profile", Profile)
def test_what_is_ours_stands_under_one_claim(profile: Profile) -> None:
    assert payload_of(issued(profile=profile))[EXTENSION] == {
        "verdict": "accepted",
        "tier": 2,
        "appraisal": verdict().digest,
        "appraiser": {"version": "0.1.0", "digest": "cc" * 32},
        "policy": POLICY,
        "reference": "aa" * 32,
        "collateral": "bb" * 32,
        "challenge": "challenge-1",
        "bindings": [{"between": "gpu-host", "strength": "weak"}],
        "findings": [],
        "parts": {
            name: {
                "kind": kind, "outcome": "accepted", "level": "attested", "simulated": False,
                "device": f"NVIDIA:{chip}:{name}",
            }
            for name, kind, chip in [
                ("gpu0", "gpu", "GH100"), ("gpu1", "gpu", "GH100"), ("switch0", "switch", "LS10"),
            ]
        },
        "log": None,
        "needs_receipt": False,
    }  # fmt: skip


def test_the_header_names_the_key_and_the_kind_of_token() -> None:
    header = json.loads(base64.urlsafe_b64decode(issued().split(".")[0] + "=="))
    assert header == {"alg": "ES256", "kid": KEY.kid, "typ": "eat+jwt"}


def test_what_is_not_given_is_left_out_and_never_null() -> None:
    claims = payload_of(issued(session_key=None, status=None))
    assert not {"cnf", "status", "eat_nonce"} & claims.keys()
    read = result(session_key=None, status=None)
    assert (read.session_key, read.status, read.nonce) == (None, None, None)


def ueid(device: str) -> str:
    return base64.urlsafe_b64encode(b"\x01" + sha256(device.encode())).rstrip(b"=").decode()


def test_what_no_signature_proves_of_a_device_is_left_out() -> None:
    about = verdict(parts=(part("gpu0", level=Level.CLAIMED),))
    submodule = payload_of(issued(about))["submods"]["gpu0"]
    assert not {"ueid", "oemid", "hwmodel", "dbgstat"} & submodule.keys()
    assert result(about).parts[0].device == ""


@pytest.mark.parametrize("profile", Profile)
def test_simulated_hardware_is_contraindicated_whatever_a_policy_allows(profile: Profile) -> None:
    about = verdict(parts=(part("gpu0", simulated=True), part("gpu1")))
    read = result(about, profile=profile)
    assert (read.verdict, read.tier) == (Outcome.ACCEPTED, 97)
    assert [p.status for p in read.parts] == [Tier.CONTRAINDICATED, Tier.AFFIRMING]
    assert read.parts[0].vector["hardware"] == 97
    claims = payload_of(issued(about, profile=profile))
    assert "oemid" not in claims["submods"]["gpu0"]
    assert claims.get("ear_status", "contraindicated") == "contraindicated"


@pytest.mark.parametrize(
    ("tier", "vector", "status"),
    [
        (2, {}, Tier.AFFIRMING),
        (2, {"hardware": 32}, Tier.WARNING),
        (32, {"hardware": 2}, Tier.WARNING),
        (2, {"hardware": 0}, Tier.NONE),
        (32, {"hardware": 0}, Tier.NONE),
        (0, {"hardware": 32}, Tier.NONE),
        (2, {"hardware": 96}, Tier.CONTRAINDICATED),
        (0, {"hardware": 97}, Tier.CONTRAINDICATED),
        (2, {"configuration": -33}, Tier.WARNING),
        (2, {"configuration": -97}, Tier.CONTRAINDICATED),
        (2, {"configuration": -2}, Tier.AFFIRMING),
        (2, {"configuration": 1}, Tier.NONE),
    ],
)
def test_a_status_is_never_better_than_the_worst_claim(
    tier: int, vector: dict[str, int], status: Tier
) -> None:
    about = verdict(parts=(part("gpu0", tier=tier, vector=vector),))
    assert result(about).parts[0].status is status


@pytest.mark.parametrize(
    ("outcome", "tier"),
    [(Outcome.ACCEPTED, 32), (Outcome.INCONCLUSIVE, 0), (Outcome.REJECTED, 96),
     (Outcome.REJECTED, 97)],
)  # fmt: skip
def test_a_verdict_of_every_outcome_is_issued_and_read(outcome: Outcome, tier: int) -> None:
    read = result(verdict(outcome=outcome, tier=tier))
    assert (read.verdict, read.tier) == (outcome, tier)


@pytest.mark.parametrize(
    "changes",
    [
        {"lifetime": timedelta(minutes=10, seconds=1)}, {"lifetime": timedelta()},
        {"subject": "node-2"}, {"nonce": b"short"}, {"nonce": b"n" * 65}, {"token_id": "a b"},
        {"issuer": ""}, {"audience": ""}, {"digest": "no digest"},
    ],
    ids=repr,
)  # fmt: skip
def test_what_would_be_refused_is_not_issued(changes: dict[str, Any]) -> None:
    with pytest.raises(LotaError, match="RESULT_UNISSUABLE"):
        issued(**changes)


def test_a_verdict_without_parts_or_with_too_many_is_not_issued() -> None:
    for parts in ((), tuple(part(f"gpu{n}") for n in range(65))):
        with pytest.raises(LotaError, match="RESULT_UNISSUABLE"):
            issued(verdict(parts=parts))


def test_a_vector_claim_without_a_name_in_ar4si_is_not_issued() -> None:
    with pytest.raises(LotaError, match="RESULT_UNISSUABLE"):
        issued(verdict(parts=(part("gpu0", vector={"vibes": 2}),)))


def test_a_session_key_with_a_private_part_is_not_issued() -> None:
    with pytest.raises(LotaError, match="KEY_MALFORMED"):
        issued(session_key={**SESSION.jwk_public(), "d": "AAAA"})


def test_a_digest_at_hand_is_the_one_that_is_signed() -> None:
    assert result(digest="dd" * 32).appraisal == "dd" * 32


def test_a_result_in_force_is_verified() -> None:
    read = verify_result(issued(), keys(), "https://lotabots.example", "compute", NOW)
    assert read.token_id == "result-1"


@pytest.mark.parametrize(
    ("issuer", "audience", "after", "code"),
    [
        ("https://other.example", "compute", 0, "RESULT_FOREIGN"),
        ("https://lotabots.example", "gateway", 0, "RESULT_FOREIGN"),
        ("https://lotabots.example", "compute", -6, "RESULT_EARLY"),
        ("https://lotabots.example", "compute", 300, "RESULT_EXPIRED"),
    ],
)
def test_a_result_not_in_force_here_is_refused(
    issuer: str, audience: str, after: int, code: str
) -> None:
    with pytest.raises(LotaError, match=code):
        verify_result(issued(), keys(), issuer, audience, NOW + timedelta(seconds=after))


def test_a_result_of_a_key_that_is_not_published_is_refused() -> None:
    with pytest.raises(LotaError, match="JWS_KEY_UNKNOWN"):
        read_result(issued(), KeySet(current=SESSION).verifying())


@pytest.mark.parametrize("typ", ["JWT", "at+jwt", "statuslist+jwt"])
def test_a_token_of_another_kind_is_no_result(typ: str) -> None:
    assert refused(resigned(payload_of(issued()), typ)) == "JWS_TYPE"


@given(st.binary(max_size=300))
def test_any_signed_payload_gives_our_own_error(payload: bytes) -> None:
    refused(resigned(payload))


@given(st.text(max_size=300))
def test_any_text_gives_our_own_error(text: str) -> None:
    refused(text)


@given(st.data())
def test_a_result_with_any_one_claim_replaced_is_a_result_or_our_own_error(
    data: st.DataObject,
) -> None:
    claims = payload_of(issued(profile=data.draw(st.sampled_from(Profile)), nonce=b"n" * 32))
    place: Any = claims
    while True:
        key = data.draw(st.sampled_from(sorted(place)))
        if isinstance(place[key], dict) and place[key] and data.draw(st.booleans()):
            place = place[key]
            continue
        break
    place[key] = data.draw(
        st.none() | st.integers(-(2**40), 2**40) | st.text(max_size=5) | st.booleans()
        | st.floats(allow_nan=False, allow_infinity=False) | st.just([]) | st.just({})
    )  # fmt: skip
    try:
        read = read_result(resigned(claims), keys())
    except LotaError:
        return
    assert msgspec.json.encode(read)


def test_the_token_says_when_it_is_of_use_only_with_a_receipt() -> None:
    assert result().needs_receipt is False
    assert result(needs_receipt=True).needs_receipt is True

"""Results that our own key signed and that are refused nevertheless: shape and contradiction."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from result.samples import NOW, SESSION, issued, keys, payload_of, resigned

from lotabots.kernel import LotaError
from lotabots.result import Profile, read_result

EXTENSION = "tag:lotabots,2026:ear"
START = int(NOW.timestamp())


def refused(claims: object) -> str:
    with pytest.raises(LotaError) as caught:
        read_result(resigned(claims), keys())
    return caught.value.code


def good(profile: Profile = Profile.VERAISON_2023) -> dict[str, Any]:
    return payload_of(issued(profile=profile, nonce=b"n" * 32))


def edited(path: str, value: object, profile: Profile = Profile.VERAISON_2023) -> dict[str, Any]:
    claims = good(profile)
    place = claims
    *parents, last = path.split("/")
    for name in parents:
        place = place[name]
    place[last] = value
    return claims


@pytest.mark.parametrize("profile", Profile)
def test_the_claims_that_were_issued_are_read(profile: Profile) -> None:
    assert read_result(resigned(good(profile)), keys()).profile is profile


@pytest.mark.parametrize(
    "profile",
    [
        "tag:github.com,2023:veraison/EAR", "tag:ietf.org,2026:rats/ear#04", "", None, 5, ["x"],
        "tag:ietf.org,2026:rats/ear",
    ],
    ids=repr,
)  # fmt: skip
def test_a_profile_that_we_do_not_know_is_refused(profile: object) -> None:
    assert refused(edited("eat_profile", profile)) == "RESULT_PROFILE"


@pytest.mark.parametrize("payload", [[], "x", 5, None, {}], ids=repr)
def test_a_payload_without_a_profile_is_refused(payload: object) -> None:
    assert refused(payload) == "RESULT_PROFILE"


def test_the_claims_of_one_profile_under_the_name_of_another_are_refused() -> None:
    deployed, draft = Profile.VERAISON_2023, Profile.IETF_2026
    assert refused(good(deployed) | {"eat_profile": draft}) == "RESULT_MALFORMED"
    assert refused(good(draft) | {"eat_profile": deployed}) == "RESULT_MALFORMED"


@pytest.mark.parametrize(
    "name", sorted(set(good()) - {"eat_profile", "eat_nonce", "cnf", "status"})
)
def test_a_result_without_a_claim_is_refused(name: str) -> None:
    assert refused({k: v for k, v in good().items() if k != name}) == "RESULT_MALFORMED"


@pytest.mark.parametrize("name", sorted(set(good()) - {"eat_profile"}))
@pytest.mark.parametrize("value", [None, 1.5, [], True, "", {}], ids=repr)
def test_a_claim_of_another_type_is_refused(name: str, value: object) -> None:
    assert refused(edited(name, value)) == "RESULT_MALFORMED"


@pytest.mark.parametrize(
    "path", ["more", "submods/gpu0/more", f"{EXTENSION}/more", "cnf/more", "status/more",
             "status/status_list/more", f"{EXTENSION}/parts/gpu0/more", "ear.verifier-id/more",
             f"{EXTENSION}/appraiser/more", "submods/gpu0/ear.trustworthiness-vector/more"]
)  # fmt: skip
def test_a_claim_more_at_any_depth_is_refused(path: str) -> None:
    assert refused(edited(path, 2)) == "RESULT_MALFORMED"


@pytest.mark.parametrize("name", ["eat_profile", "exp", "aud", EXTENSION])
def test_a_claim_said_twice_is_refused(name: str) -> None:
    payload = json.dumps(good())
    twice = f'{{"{name}": {json.dumps(good()[name])}, {payload[1:]}'
    assert refused(twice.encode()) == "JSON_DUPLICATE_KEY"


@pytest.mark.parametrize("exp", [START, START - 1, START + 601])
def test_a_result_that_lives_too_long_or_not_at_all_is_refused(exp: int) -> None:
    assert refused(edited("exp", exp)) == "RESULT_MALFORMED"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("exp", 1e30), ("exp", float(START + 60)), ("iat", -1), ("jti", "a b"),
        ("eat_nonce", "short"),
        ("eat_nonce", "not*base64url*"), ("cnf/jwk", {"kty": "oct", "k": "AAAA"}),
        ("cnf/jwk", SESSION.jwk_public()), ("cnf/jwk/x", "A" * 43), ("cnf", {"kid": "x"}),
        ("cnf", {"jku": "https://evil.example"}), ("status/status_list/idx", -1),
        ("status/status_list/idx", 1.0), ("status/status_list/uri", ""), (f"{EXTENSION}/tier", 3),
        (f"{EXTENSION}/verdict", "ACCEPTED"), (f"{EXTENSION}/appraisal", "AB" * 32),
        (f"{EXTENSION}/parts/gpu0/level", "certain"), (f"{EXTENSION}/parts/gpu0/simulated", 0),
        ("submods/gpu0/ear.status", 2), ("submods/gpu0/ear.status", "Affirming"),
        ("submods/gpu0/ear.trustworthiness-vector", {"hardware": None}),
        ("submods/gpu0/ear.trustworthiness-vector", {"hardware": 128}),
        ("submods/gpu0/ear.trustworthiness-vector", {"hardware": "2"}), ("submods", {}),
        ("submods/gpu0/dbgstat", "off"), ("submods/gpu0/oemid", "5703"),
    ],
    ids=repr,
)  # fmt: skip
def test_a_value_out_of_its_range_is_refused(path: str, value: object) -> None:
    assert refused(edited(path, value)) == "RESULT_MALFORMED"


CONTRADICTIONS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a part that EAR does not speak about": lambda c: c["submods"].pop("gpu1"),
    "a part that we do not speak about": lambda c: c[EXTENSION]["parts"].pop("gpu1"),
    "accepted with tier 0": lambda c: c[EXTENSION].update(tier=0),
    "accepted with tier 96": lambda c: c[EXTENSION].update(tier=96),
    "rejected with tier 2": lambda c: c[EXTENSION].update(verdict="rejected"),
    "inconclusive with tier 2": lambda c: c[EXTENSION].update(verdict="inconclusive"),
    "simulated with tier 2": lambda c: c[EXTENSION]["parts"]["gpu0"].update(simulated=True),
    "simulated and affirming": lambda c: (
        c[EXTENSION].update(tier=97),
        c[EXTENSION]["parts"]["gpu0"].update(simulated=True),
    ),
    "a status better than its vector": lambda c: c["submods"]["gpu0"].update(
        {"ear.trustworthiness-vector": {"hardware": 32}}
    ),
    "a device id that nothing proves": lambda c: c[EXTENSION]["parts"]["gpu0"].update(
        level="claimed"
    ),
    "another policy": lambda c: c["submods"]["gpu0"].update({"ear.appraisal-policy-id": "other"}),
}


@pytest.mark.parametrize("contradiction", CONTRADICTIONS)
def test_a_result_that_contradicts_itself_is_refused(contradiction: str) -> None:
    claims = good()
    CONTRADICTIONS[contradiction](claims)
    assert refused(claims) == "RESULT_INCONSISTENT"


def test_an_overall_status_that_is_not_that_of_the_tier_is_refused() -> None:
    assert refused(edited("ear_status", "warning", Profile.IETF_2026)) == "RESULT_INCONSISTENT"
    policies = edited("submods/gpu0/ear_appraisal_policy_ids", ["other"], Profile.IETF_2026)
    assert refused(policies) == "RESULT_INCONSISTENT"

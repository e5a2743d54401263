"""User tokens: the profile, and every attack on it that we know of, refused as 401."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from lotabots.access import issue_token, verify_token
from lotabots.kernel import (
    KeySet,
    Kind,
    LotaError,
    Principal,
    Role,
    SigningKey,
    VerificationKeys,
    sign_jws,
)

KEY = SigningKey(derive_private_key(11, SECP256R1()))
STRANGER = SigningKey(derive_private_key(12, SECP256R1()))
KEYS = KeySet(current=KEY).verifying()
ISSUER, AUDIENCE = "https://lotabots.example", "lotabots"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
START = int(NOW.timestamp())

CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": str(UUID(int=1)),
    "tid": str(UUID(int=2)),
    "role": "operator",
    "jti": "token-1",
    "iat": START,
    "nbf": START,
    "exp": START + 600,
}


def issued(**changes: Any) -> str:
    arguments: dict[str, Any] = {
        "user_id": UUID(int=1),
        "tenant_id": UUID(int=2),
        "role": Role.OPERATOR,
        "key": KEY,
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "now": NOW,
        "lifetime": timedelta(minutes=10),
        "token_id": "token-1",
    }
    return issue_token(**(arguments | changes))


def verified(token: str, now: datetime = NOW) -> Principal:
    return verify_token(token, KEYS, ISSUER, AUDIENCE, now)


def signed(claims: object, typ: str = "at+jwt", key: SigningKey = KEY) -> str:
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return sign_jws(payload, key, typ)


def refused(token: str, now: datetime = NOW) -> str:
    with pytest.raises(LotaError) as caught:
        verified(token, now)
    assert caught.value.kind is Kind.AUTHENTICATION
    return caught.value.code


def test_a_token_proves_its_caller() -> None:
    assert verified(issued()) == Principal(
        user_id=UUID(int=1),
        tenant_id=UUID(int=2),
        role=Role.OPERATOR,
        token_id="token-1",
        expires_at=NOW + timedelta(minutes=10),
    )


def test_a_token_of_an_agent_names_its_node() -> None:
    token = issued(role=Role.AGENT, node_id="node-1")
    assert verified(token).node_id == "node-1"


def test_a_token_has_exactly_the_claims_of_the_profile() -> None:
    payload = issued().split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(payload + "==")) == CLAIMS


def test_a_token_signed_with_ed25519_is_accepted() -> None:
    key = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(32)))
    keys = KeySet(current=key).verifying()
    assert verify_token(issued(key=key), keys, ISSUER, AUDIENCE, NOW).token_id == "token-1"


def test_a_token_signed_with_the_previous_or_the_next_key_is_accepted() -> None:
    keys = KeySet(current=KEY, previous=STRANGER).verifying()
    assert verify_token(issued(key=STRANGER), keys, ISSUER, AUDIENCE, NOW)


def test_the_claims_of_the_profile_are_accepted_when_written_by_hand() -> None:
    assert verified(signed(CLAIMS)).role is Role.OPERATOR


@pytest.mark.parametrize("name", CLAIMS)
def test_a_token_without_a_claim_is_refused(name: str) -> None:
    assert refused(signed({k: v for k, v in CLAIMS.items() if k != name})) == "TOKEN_INVALID"


@pytest.mark.parametrize("name", CLAIMS)
@pytest.mark.parametrize("value", [None, True, [], {}, ["x"], 1.5, "", -1, 0, "\0"], ids=repr)
def test_a_claim_of_another_type_is_refused(name: str, value: object) -> None:
    assert refused(signed(CLAIMS | {name: value})) in {"TOKEN_INVALID", "TOKEN_FOREIGN"}


@pytest.mark.parametrize("name", ["iat", "nbf", "exp"])
@pytest.mark.parametrize(
    "text", ["1e30", "1.772366400e9", "1772366400.0", '"1772366400"', "-1", "253402300800", "1e999",
             "99999999999999999999", "NaN"]
)  # fmt: skip
def test_a_time_that_is_no_plain_number_of_seconds_is_refused(name: str, text: str) -> None:
    payload = json.dumps(CLAIMS).replace(f'"{name}": {CLAIMS[name]}', f'"{name}": {text}')
    assert refused(signed(payload.encode())) == "TOKEN_INVALID"


@pytest.mark.parametrize("extra", ["scope", "is_admin", "tenant_id", "cnf", "ISS"])
def test_a_claim_more_is_refused(extra: str) -> None:
    assert refused(signed(CLAIMS | {extra: "x"})) == "TOKEN_INVALID"


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_said_twice_is_refused(name: str) -> None:
    payload = json.dumps(CLAIMS)
    twice = f'{{"{name}": {json.dumps(CLAIMS[name])}, {payload[1:]}'
    assert refused(signed(twice.encode())) == "TOKEN_INVALID"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("iss", "https://lotabots.example/"), ("iss", "https://evil.example"), ("aud", "other"),
        ("aud", "LOTABOTS"),
    ],
)  # fmt: skip
def test_a_token_of_or_for_another_service_is_refused(name: str, value: str) -> None:
    assert refused(signed(CLAIMS | {name: value})) == "TOKEN_FOREIGN"


def test_a_list_of_audiences_is_refused_also_with_ours_in_it() -> None:
    assert refused(signed(CLAIMS | {"aud": [AUDIENCE]})) == "TOKEN_INVALID"


@pytest.mark.parametrize(
    "typ", ["JWT", "at+JWT", "application/at+jwt", "eat+jwt", "statuslist+jwt", "id+jwt", ""]
)
def test_a_token_of_another_kind_is_refused(typ: str) -> None:
    assert refused(signed(CLAIMS, typ=typ)) == "TOKEN_INVALID"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sub", "00000000000000000000000000000001"),
        ("sub", "{00000000-0000-0000-0000-000000000001}"),
        ("sub", "0000000A-0000-0000-0000-000000000001"), ("tid", "1"), ("role", "root"),
        ("role", "Admin"), ("jti", "a" * 65), ("jti", "a b"), ("jti", "a\n"), ("jti", "../x"),
    ],
)  # fmt: skip
def test_an_identifier_in_another_spelling_is_refused(name: str, value: str) -> None:
    assert refused(signed(CLAIMS | {name: value})) == "TOKEN_INVALID"


def test_a_node_is_for_agents_and_an_agent_has_one() -> None:
    assert refused(signed(CLAIMS | {"node": "node-1"})) == "TOKEN_INVALID"
    assert refused(signed(CLAIMS | {"role": "agent"})) == "TOKEN_INVALID"
    for node in (None, "", "a b", "x" * 129):
        assert refused(signed(CLAIMS | {"role": "agent", "node": node})) == "TOKEN_INVALID"


@pytest.mark.parametrize(
    ("after", "code"),
    [(-31, "TOKEN_EARLY"), (-30, None), (0, None), (629, None), (630, "TOKEN_EXPIRED")],
)
def test_a_token_holds_from_30_seconds_before_to_30_seconds_after(
    after: int, code: str | None
) -> None:
    now = NOW + timedelta(seconds=after)
    if code is None:
        assert verified(issued(), now)
    else:
        assert refused(issued(), now) == code


@pytest.mark.parametrize(
    "times",
    [{"exp": START + 901}, {"exp": START}, {"exp": START - 1}, {"nbf": START + 600}],
    ids=repr,
)
def test_a_token_that_lives_too_long_or_not_at_all_is_refused(times: dict[str, int]) -> None:
    assert refused(signed(CLAIMS | times)) == "TOKEN_LIFETIME"


def test_a_token_that_begins_later_than_it_was_issued_is_refused_until_then() -> None:
    token = signed(CLAIMS | {"nbf": START + 60})
    assert refused(token) == "TOKEN_EARLY"
    assert verified(token, NOW + timedelta(seconds=60))


def test_a_token_signed_by_a_stranger_is_refused_under_its_name_and_under_ours() -> None:
    assert refused(issued(key=STRANGER)) == "TOKEN_INVALID"
    theirs, ours = issued(key=STRANGER).split("."), issued().split(".")
    assert refused(f"{ours[0]}.{theirs[1]}.{theirs[2]}") == "TOKEN_INVALID"


def test_a_token_of_a_key_that_was_taken_back_is_refused() -> None:
    keys = KeySet(current=STRANGER).verifying()
    with pytest.raises(LotaError, match="TOKEN_INVALID"):
        verify_token(issued(), keys, ISSUER, AUDIENCE, NOW)


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512", "ES256"])
def test_our_public_key_is_never_a_secret_for_hmac(alg: str) -> None:
    jwk = KEY.jwk_public()
    point = b"\x04" + b"".join(base64.urlsafe_b64decode(jwk[n] + "=") for n in ("x", "y"))
    for secret in (json.dumps(jwk).encode(), point, jwk["x"].encode(), KEY.kid.encode(), b""):
        header = encoded({"alg": alg, "kid": KEY.kid, "typ": "at+jwt"})
        body = f"{header}.{encoded(CLAIMS)}"
        digest = getattr(hashlib, f"sha{alg[2:]}")
        tag = hmac.digest(secret, body.encode(), digest)
        signature = base64.urlsafe_b64encode(tag).rstrip(b"=").decode()
        assert refused(f"{body}.{signature}") == "TOKEN_INVALID"


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "noNe", "none "])
def test_no_spelling_of_none_is_accepted(alg: str) -> None:
    header = encoded({"alg": alg, "kid": KEY.kid, "typ": "at+jwt"})
    assert refused(f"{header}.{encoded(CLAIMS)}.") == "TOKEN_INVALID"


def test_the_twin_of_a_signature_proves_the_same_caller_and_the_same_jti() -> None:
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    body, _, signature = issued().rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    twin = raw[:32] + (order - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    token = f"{body}.{base64.urlsafe_b64encode(twin).rstrip(b'=').decode()}"
    assert verified(token) == verified(f"{body}.{signature}")


def test_a_token_of_more_than_4096_characters_is_refused() -> None:
    assert refused(signed(CLAIMS | {"iss": "x" * 4096})) == "TOKEN_INVALID"


@pytest.mark.parametrize(
    "changes",
    [
        {"lifetime": timedelta(minutes=15, seconds=1)}, {"lifetime": timedelta()},
        {"lifetime": timedelta(seconds=-1)}, {"role": Role.AGENT}, {"node_id": "node-1"},
        {"token_id": "no spaces"}, {"token_id": ""},
    ],
    ids=repr,
)  # fmt: skip
def test_what_would_be_refused_is_not_issued(changes: dict[str, object]) -> None:
    with pytest.raises(LotaError, match="TOKEN_UNISSUABLE"):
        issued(**changes)


@given(st.text(max_size=200))
def test_any_text_gives_our_own_error(text: str) -> None:
    refused(text)


@given(st.binary(max_size=200) | st.dictionaries(st.sampled_from(sorted(CLAIMS)), st.none()))
def test_any_signed_payload_gives_our_own_error(payload: object) -> None:
    refused(signed(payload))


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_no_key_set_without_keys_accepts_anything() -> None:
    with pytest.raises(LotaError, match="TOKEN_INVALID"):
        verify_token(issued(), VerificationKeys([]), ISSUER, AUDIENCE, NOW)


THUMBPRINT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"


def test_a_token_can_be_bound_to_a_key_of_its_holder() -> None:
    token = issued(key_thumbprint=THUMBPRINT)
    assert verified(token).key_thumbprint == THUMBPRINT
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    assert claims == CLAIMS | {"cnf": {"jkt": THUMBPRINT}}
    assert verified(issued()).key_thumbprint is None


@pytest.mark.parametrize(
    "cnf",
    [None, {}, THUMBPRINT, {"jkt": 1}, {"jkt": "short"}, {"jkt": THUMBPRINT, "x": 1}, {"jwk": {}}],
)
def test_a_token_that_is_bound_in_another_way_is_refused(cnf: object) -> None:
    assert refused(signed(CLAIMS | {"cnf": cnf})) == "TOKEN_INVALID"


AGENT = {"role": "agent", "node": "node-1"}
BOUND = {"cnf": {"jkt": THUMBPRINT}}
DAY = 24 * 3600


def test_an_agents_credential_lives_up_to_a_day() -> None:
    token = issued(
        role=Role.AGENT, node_id="node-1", key_thumbprint=THUMBPRINT, lifetime=timedelta(hours=24)
    )
    assert verified(token, NOW + timedelta(hours=23)).expires_at == NOW + timedelta(hours=24)
    assert refused(token, NOW + timedelta(hours=24, seconds=30)) == "TOKEN_EXPIRED"


@pytest.mark.parametrize(
    ("claims", "seconds"),
    [(AGENT | BOUND, DAY + 1), (AGENT, 901), (BOUND, 901), (BOUND | {"role": "owner"}, DAY)],
    ids=repr,
)
def test_only_an_agent_that_proves_its_key_has_a_token_of_more_than_15_minutes(
    claims: dict[str, Any], seconds: int
) -> None:
    assert refused(signed(CLAIMS | claims | {"exp": START + seconds})) == "TOKEN_LIFETIME"


@pytest.mark.parametrize(
    "changes",
    [
        {"role": Role.AGENT, "node_id": "node-1", "lifetime": timedelta(hours=24)},
        {"key_thumbprint": THUMBPRINT, "lifetime": timedelta(minutes=16)},
        {
            "role": Role.AGENT,
            "node_id": "node-1",
            "key_thumbprint": THUMBPRINT,
            "lifetime": timedelta(hours=24, seconds=1),
        },
    ],
    ids=repr,
)
def test_a_long_token_without_agent_or_key_is_not_issued(changes: dict[str, object]) -> None:
    with pytest.raises(LotaError, match="TOKEN_UNISSUABLE"):
        issued(**changes)

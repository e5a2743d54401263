"""What the gateway tells a service: believed as it was signed, for a minute, and no more."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from lotabots.access import InternalCache, issue_internal, issue_token, verify_internal
from lotabots.access.internal import INTERNAL_TYPE, Visit
from lotabots.kernel import KeySet, LotaError, Principal, Role, SigningKey, canonical, sign_jws

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
KEY = SigningKey(generate_private_key(SECP256R1()))
KEYS = KeySet(KEY).verifying()
CALLER = Principal(
    user_id=uuid4(), tenant_id=uuid4(), role=Role.AGENT, token_id="t", node_id="node-1",
    expires_at=NOW + timedelta(minutes=10),
)  # fmt: skip


@pytest.mark.parametrize("principal", [CALLER, None])
def test_a_service_learns_who_calls_and_from_where(principal: Principal | None) -> None:
    visit = verify_internal(issue_internal(principal, "203.0.113.7", KEY, NOW), KEYS, NOW)
    assert (visit.principal, visit.address) == (principal, "203.0.113.7")


@pytest.mark.parametrize("seconds", [-31, 91, 3600])
def test_it_holds_for_a_minute(seconds: int) -> None:
    token = issue_internal(CALLER, "local", KEY, NOW)
    with pytest.raises(LotaError, match="GATEWAY_TOKEN_INVALID"):
        verify_internal(token, KEYS, NOW + timedelta(seconds=seconds))


def test_it_ends_with_the_callers_own_token() -> None:
    ending = Principal(
        user_id=uuid4(), tenant_id=uuid4(), role=Role.ADMIN, token_id="t",
        expires_at=NOW - timedelta(seconds=29),
    )  # fmt: skip
    visit = verify_internal(issue_internal(ending, "local", KEY, NOW), KEYS, NOW)
    assert visit.exp == int(NOW.timestamp()) + 1


def claims(**other: object) -> dict[str, object]:
    second = int(NOW.timestamp())
    return {
        "aud": "urn:lotabots:service", "iat": second, "exp": second + 60, "address": "local",
        "principal": None,
    } | other  # fmt: skip


def test_a_token_like_the_gateways_is_believed_if_it_is_the_gateways() -> None:
    token = sign_jws(canonical(claims()), KEY, INTERNAL_TYPE)
    assert isinstance(verify_internal(token, KEYS, NOW), Visit)


def test_every_other_token_is_refused() -> None:
    second = int(NOW.timestamp())
    stranger = SigningKey(generate_private_key(SECP256R1()))
    user = issue_token(
        user_id=uuid4(), tenant_id=uuid4(), role=Role.ADMIN, key=KEY, issuer="urn:x",
        audience="urn:y", now=NOW, lifetime=timedelta(minutes=5), token_id="t",
    )  # fmt: skip
    good = sign_jws(canonical(claims()), KEY, INTERNAL_TYPE)
    bad = {
        "a user's token": user,
        "another key": issue_internal(CALLER, "local", stranger, NOW),
        "another type": sign_jws(canonical(claims()), KEY, "at+jwt"),
        "another audience": sign_jws(canonical(claims(aud="urn:x")), KEY, INTERNAL_TYPE),
        "a longer life": sign_jws(canonical(claims(exp=second + 3600)), KEY, INTERNAL_TYPE),
        "an address that is none": sign_jws(canonical(claims(address="a b")), KEY, INTERNAL_TYPE),
        "a field more": sign_jws(canonical(claims(role="admin")), KEY, INTERNAL_TYPE),
        "no signature": good.rpartition(".")[0] + ".",
        "too long": good + "A" * 5000,
        "nothing": "",
        "not ascii": "é.é.é",
    }
    for name, token in bad.items():
        with pytest.raises(LotaError) as caught:
            verify_internal(token, KEYS, NOW)
        assert caught.value.code == "GATEWAY_TOKEN_INVALID", name


def test_what_was_verified_is_remembered_until_it_ends() -> None:
    cache = InternalCache(most=3)
    token = issue_internal(CALLER, "local", KEY, NOW)
    assert cache.find(token, NOW) is None
    assert cache.verify(token, KEYS, NOW) == cache.find(token, NOW)
    assert cache.find(token, NOW + timedelta(seconds=60)) is None
    for number in range(9):
        cache.verify(issue_internal(None, f"10.0.0.{number}", KEY, NOW), KEYS, NOW)
    assert cache.find(token, NOW) is None

"""The cache of verified tokens: bounded, short, and never wider than the verification it saves."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key

from lotabots.access import TokenCache, issue_token
from lotabots.kernel import KeySet, LotaError, Role, SigningKey, VerificationKeys

KEY = SigningKey(derive_private_key(11, SECP256R1()))
KEYS = KeySet(current=KEY).verifying()
NO_KEYS = VerificationKeys([])
"""With these nothing verifies: what still passes came from the cache."""

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def token(number: int = 1, lifetime: timedelta = timedelta(minutes=10), audience: str = "a") -> str:
    return issue_token(
        user_id=UUID(int=number),
        tenant_id=UUID(int=2),
        role=Role.VIEWER,
        key=KEY,
        issuer="i",
        audience=audience,
        now=NOW,
        lifetime=lifetime,
        token_id=f"t{number}",
    )


def is_remembered(cache: TokenCache, text: str, now: datetime = NOW) -> bool:
    try:
        cache.verify(text, NO_KEYS, now)
    except LotaError:
        return False
    return True


def test_a_verified_token_is_remembered_for_30_seconds() -> None:
    cache = TokenCache("i", "a")
    principal = cache.verify(token(), KEYS, NOW)
    assert cache.verify(token(), KEYS, NOW) == principal


def test_a_remembered_token_ends_after_30_seconds_and_is_verified_again() -> None:
    cache, text = TokenCache("i", "a"), token()
    cache.verify(text, KEYS, NOW)
    assert is_remembered(cache, text, NOW + timedelta(seconds=29))
    assert not is_remembered(cache, text, NOW + timedelta(seconds=30))
    cache.verify(text, KEYS, NOW + timedelta(seconds=30))
    assert is_remembered(cache, text, NOW + timedelta(seconds=59))


def test_a_remembered_token_ends_with_its_expiry() -> None:
    cache, text = TokenCache("i", "a"), token(lifetime=timedelta(seconds=5))
    cache.verify(text, KEYS, NOW)
    assert is_remembered(cache, text, NOW + timedelta(seconds=4))
    assert not is_remembered(cache, text, NOW + timedelta(seconds=5))


def test_a_refusal_is_not_remembered() -> None:
    cache, text = TokenCache("i", "a"), token(audience="other")
    for _ in range(2):
        with pytest.raises(LotaError, match="TOKEN_FOREIGN"):
            cache.verify(text, KEYS, NOW)
    assert len(cache) == 0


def test_the_oldest_entry_makes_room() -> None:
    cache = TokenCache("i", "a", max_entries=3)
    texts = [token(number) for number in range(5)]
    for text in texts:
        cache.verify(text, KEYS, NOW)
    assert len(cache) == 3
    assert [is_remembered(cache, text) for text in texts] == [False, False, True, True, True]


def test_a_revoked_token_is_forgotten_by_its_id_and_the_others_are_not() -> None:
    cache = TokenCache("i", "a")
    revoked, kept = token(1), token(2)
    cache.verify(revoked, KEYS, NOW)
    cache.verify(kept, KEYS, NOW)
    cache.forget(lambda principal: principal.token_id == "t1")
    assert not is_remembered(cache, revoked)
    assert is_remembered(cache, kept)


def test_nothing_is_remembered_after_a_key_was_taken_back() -> None:
    cache, text = TokenCache("i", "a"), token()
    cache.verify(text, KEYS, NOW)
    cache.clear()
    assert not is_remembered(cache, text)


def test_a_text_that_is_no_unicode_is_refused_like_any_other() -> None:
    with pytest.raises(LotaError, match="TOKEN_INVALID"):
        TokenCache("i", "a").verify("\ud800", KEYS, NOW)

"""Verified tokens: remembered for a while, never longer than they hold, never when refused."""

import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from plugins.process import Tokens, make_process

from lotabots.kernel import LotaError, VerificationKeys
from lotabots.runtime.clock import utc_now
from lotabots.runtime.database import Database
from lotabots.runtime.events import revoke_token
from lotabots.runtime.keyring import Keyring
from lotabots.runtime.process import Process
from lotabots.runtime.web import TOKEN_PURPOSE, VerifiedTokens

pytestmark = pytest.mark.anyio


@pytest.fixture
async def listening(database: Database) -> AsyncIterator[Process]:
    """A process that hears events, so that it remembers."""
    process = make_process(database, io.BytesIO())
    async with process.events.open():
        yield process


@pytest.fixture
async def verified(listening: Process) -> VerifiedTokens:
    return VerifiedTokens(listening)


@pytest.fixture
async def tokens(listening: Process) -> Tokens:
    return Tokens((await listening.keyring.load(TOKEN_PURPOSE)).current, uuid4())


async def no_keys(_: str) -> VerificationKeys:
    return VerificationKeys([])


async def test_a_verified_token_is_remembered_and_its_keys_are_not_asked_for_again(
    verified: VerifiedTokens, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tokens.token()
    principal = await verified.verify(token)
    monkeypatch.setattr(Keyring, "verifying", lambda self, purpose: no_keys(purpose))
    assert await verified.verify(token) == principal
    with pytest.raises(LotaError, match="TOKEN_INVALID"):
        await verified.verify(tokens.token())


async def test_a_remembered_token_ends_with_its_expiry(listening: Process, tokens: Tokens) -> None:
    token = tokens.token(lifetime=timedelta(seconds=60))
    now = utc_now()
    verified = VerifiedTokens(replace(listening, clock=lambda: now))
    await verified.verify(token)
    now += timedelta(seconds=91)
    with pytest.raises(LotaError, match="TOKEN_EXPIRED"):
        await verified.verify(token)


async def test_a_refusal_is_not_remembered(verified: VerifiedTokens, tokens: Tokens) -> None:
    for _ in range(2):
        with pytest.raises(LotaError, match="TOKEN_FOREIGN"):
            await verified.verify(tokens.token(audience="urn:other"))
    assert len(verified._remembered) == 0


async def test_a_token_that_is_revoked_while_it_is_verified_is_not_remembered(
    listening: Process, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified, token_id = VerifiedTokens(listening), uuid4().hex
    token = tokens.token(token_id=token_id)
    real = verified._revocations.include

    async def slow(asked: str) -> bool:
        answer = await real(asked)
        async with listening.database.transaction(None) as tx:
            await revoke_token(tx, token_id, utc_now() + timedelta(minutes=10))
        return answer

    monkeypatch.setattr(verified._revocations, "include", slow)
    await verified.verify(token)  # the answer was right when it was asked for
    monkeypatch.undo()
    with pytest.raises(LotaError, match="TOKEN_REVOKED"):
        await verified.verify(token)


async def test_revoking_one_token_leaves_the_others_remembered(
    listening: Process, verified: VerifiedTokens, tokens: Tokens
) -> None:
    revoked, kept = uuid4().hex, tokens.token()
    await verified.verify(tokens.token(token_id=revoked))
    await verified.verify(kept)
    async with listening.database.transaction(None) as tx:
        await revoke_token(tx, revoked, utc_now() + timedelta(minutes=10))
    assert len(verified._remembered) == 1


async def test_a_text_that_is_no_unicode_is_refused_like_any_other(
    verified: VerifiedTokens,
) -> None:
    with pytest.raises(LotaError, match="TOKEN_INVALID"):
        await verified.verify("\ud800")

"""Password hashes: the whole password counts, and a flood does not stop the rest."""

import asyncio

import bcrypt
import pytest

from lotabots.identity import Passwords
from lotabots.identity.passwords import WAITING_PER_WORKER
from lotabots.kernel import Kind, LotaError

pytestmark = pytest.mark.anyio

PEPPER = b"a pepper of at least thirty-two bytes"


@pytest.fixture
def passwords() -> Passwords:
    # The lowest cost that bcrypt knows: what is tested does not depend on it.
    return Passwords(PEPPER, cost=4, workers=1)


@pytest.mark.parametrize(
    "password",
    ["correct horse battery", "ü" * 20, "x" * 73, "x" * 1024, "with\0nul", "\ufeff line\r\n", " "],
)
async def test_a_password_matches_its_hash_and_no_other(
    passwords: Passwords, password: str
) -> None:
    stored = await passwords.hash(password)
    assert len(stored) == 60
    assert await passwords.match(password, stored)
    for other in (password + "x", password[:-1], password.swapcase() + " "):
        assert not await passwords.match(other, stored)


async def test_characters_after_the_72nd_byte_count(passwords: Passwords) -> None:
    stored = await passwords.hash("x" * 72 + "a")
    assert not await passwords.match("x" * 72 + "b", stored)


async def test_one_password_has_many_hashes(passwords: Passwords) -> None:
    assert await passwords.hash("the same thing") != await passwords.hash("the same thing")


async def test_the_hash_is_useless_without_the_pepper(passwords: Passwords) -> None:
    stored = await passwords.hash("the same thing")
    other = Passwords(b"another pepper of thirty-two bytes", cost=4, workers=1)
    assert not await other.match("the same thing", stored)
    assert not bcrypt.checkpw(b"the same thing", stored.encode())


async def test_nothing_matches_a_user_who_does_not_exist(passwords: Passwords) -> None:
    assert not await passwords.match("anything at all", None)
    assert not await passwords.match("", None)


async def test_a_user_who_does_not_exist_costs_a_hash_of_the_same_rounds(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    salts: list[bytes] = []
    real = bcrypt.hashpw
    monkeypatch.setattr(
        bcrypt, "hashpw", lambda text, salt: (salts.append(salt), real(text, salt))[1]
    )
    stored = real(b"x", bcrypt.gensalt(4)).decode()
    await passwords.match("anything at all", stored)
    await passwords.match("anything at all", None)
    assert [salt[:7] for salt in salts] == [b"$2b$04$"] * 2


async def test_a_password_over_the_limit_is_refused_before_it_is_hashed(
    passwords: Passwords,
) -> None:
    with pytest.raises(LotaError) as caught:
        await passwords.hash("ü" * 513)
    assert caught.value.code == "PASSWORD_TOO_LONG"
    assert not await passwords.match("x" * 1025, None)


async def test_a_flood_is_refused_beyond_the_queue_and_those_in_it_are_served() -> None:
    slow = Passwords(PEPPER, cost=8, workers=1)
    stored = await slow.hash("the right one")
    flood = [slow.match("the right one", stored) for _ in range(WAITING_PER_WORKER + 20)]
    answers = await asyncio.gather(*flood, return_exceptions=True)
    served = [answer for answer in answers if answer is True]
    refused = [answer for answer in answers if isinstance(answer, LotaError)]
    assert len(served) + len(refused) == len(answers)
    assert len(served) == WAITING_PER_WORKER + 1
    assert {(error.kind, error.code) for error in refused} == {(Kind.RATE_LIMITED, "LOGIN_BUSY")}
    assert await slow.match("the right one", stored)

"""Delays at log-in: guesses wait, and nobody is locked out by somebody else."""

import asyncio
import io
from collections.abc import Callable
from contextlib import suppress
from uuid import uuid4

import httpx
import pytest
from plugins.process import Tokens, assert_refused, make_process

from lotabots import identity
from lotabots.identity import IdentitySettings
from lotabots.identity.attempts import Attempts
from lotabots.kernel import LotaError, Role
from lotabots.runtime.database import Database
from lotabots.runtime.process import Process
from lotabots.runtime.web import build_app

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"


Strict = Callable[[], Process]


@pytest.fixture
def strict(database: Database, log: io.BytesIO) -> Strict:
    """Makes a process as it comes; each is another one, and all count together."""
    return lambda: make_process(database, log, IdentitySettings(bcrypt_cost=10))


@pytest.fixture
async def name(strict: Strict, tokens: Tokens) -> str:
    """A user who may log in."""
    name = f"u{uuid4().hex}"
    user = {"username": name, "email": f"{name}@b.org", "password": PASSWORD, "role": "viewer"}
    async with coming_from(strict, "192.0.2.1") as client:
        answer = await client.post("/v1/users", json=user, headers=tokens.of(Role.ADMIN))
        assert answer.status_code == 201
    return name


def coming_from(strict: Strict, address: str) -> httpx.AsyncClient:
    process = strict()
    app = build_app([identity.service(process)], process)
    transport = httpx.ASGITransport(app, client=(address, 4711))  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://test")


def fresh_address() -> str:
    return f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}::1"


async def log_in(client: httpx.AsyncClient, name: str, password: str = PASSWORD) -> httpx.Response:
    return await client.post("/v1/login", json={"username": name, "password": password})


async def test_five_tries_are_free_and_the_next_must_wait(strict: Strict, name: str) -> None:
    async with coming_from(strict, fresh_address()) as client:
        for _ in range(5):
            assert_refused(await log_in(client, name, "wrong"), 401, "LOGIN_FAILED")
        refused = await log_in(client, name)
        assert_refused(refused, 429, "LOGIN_DELAYED")
        assert refused.headers["retry-after"] == "1"


async def test_of_many_guesses_at_once_only_the_free_ones_are_looked_at(
    strict: Strict, name: str
) -> None:
    async with coming_from(strict, fresh_address()) as client:
        race = [log_in(client, name, f"wrong {i}") for i in range(30)]
        answers = await asyncio.gather(*race)
    looked_at = [one for one in answers if one.json()["code"] in {"LOGIN_FAILED", "LOGIN_BUSY"}]
    assert len(looked_at) == 5
    assert {one.status_code for one in answers} <= {401, 429}


async def test_a_name_that_belongs_to_nobody_is_delayed_in_the_same_words(
    strict: Strict, name: str
) -> None:
    bodies = set()
    for tried in (name, f"nobody-{uuid4().hex}"):
        async with coming_from(strict, fresh_address()) as client:
            answers = [await log_in(client, tried, "wrong") for _ in range(6)]
        bodies.add(tuple(one.content for one in answers))
    assert len(bodies) == 1


async def test_whoever_tries_many_names_from_one_address_must_wait(
    strict: Strict, name: str
) -> None:
    address = fresh_address()
    neighbour = address.removesuffix("::1") + ":ffff::2"  # the same /64
    async with coming_from(strict, address) as client:
        for _ in range(5):
            await log_in(client, f"nobody-{uuid4().hex}", "wrong")
    async with coming_from(strict, neighbour) as client:
        assert_refused(await log_in(client, name), 429, "LOGIN_DELAYED")
    async with coming_from(strict, fresh_address()) as client:
        assert (await log_in(client, name)).status_code == 200


async def test_a_user_is_not_locked_out_where_they_have_logged_in_before(
    strict: Strict, name: str
) -> None:
    home = fresh_address()
    async with coming_from(strict, home) as client:
        assert (await log_in(client, name)).status_code == 200
    for _ in range(3):
        for _ in range(3):
            with suppress(LotaError):
                await Attempts(strict(), free=5).begin(name, fresh_address())
    async with coming_from(strict, fresh_address()) as client:
        assert_refused(await log_in(client, name), 429, "LOGIN_DELAYED")
    async with coming_from(strict, home) as client:
        assert (await log_in(client, name)).status_code == 200


async def test_a_log_in_forgets_the_failures_of_the_account(strict: Strict, name: str) -> None:
    address = fresh_address()
    async with coming_from(strict, address) as client:
        for _ in range(4):
            await log_in(client, name, "wrong")
        assert (await log_in(client, name)).status_code == 200
        for _ in range(5):
            assert_refused(await log_in(client, name, "wrong"), 401, "LOGIN_FAILED")


async def test_a_try_that_was_not_looked_at_does_not_count(strict: Strict) -> None:
    attempts = Attempts(strict(), free=5)
    name, address = f"nobody-{uuid4().hex}", fresh_address()
    for _ in range(10):
        await attempts.undone(await attempts.begin(name, address))
    for _ in range(5):
        await attempts.begin(name, address)
    with pytest.raises(LotaError) as caught:
        await attempts.begin(name, address)
    assert caught.value.code == "LOGIN_DELAYED"


async def test_the_table_of_tries_names_neither_account_nor_address(
    strict: Strict, database: Database
) -> None:
    attempts = Attempts(strict(), free=5)
    await attempts.begin("somebody-in-particular", "198.51.100.77")
    async with database.transaction(None) as tx:
        rows = str(await tx.fetch("select * from identity.attempts"))
    assert "somebody" not in rows
    assert "198.51.100.77" not in rows

"""Callers who were turned away: counted into the log, their addresses known for a while only."""

import asyncio
import hashlib
import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from plugins.database import DatabaseUrls
from plugins.process import Tokens, calling, make_process

from lotabots import audit
from lotabots.audit import ANONYMOUS, AuditSettings, refusals
from lotabots.audit.refusals import expire_addresses, write_refusals
from lotabots.audit.store import Filter, newest
from lotabots.kernel import OPERATOR_TENANT, LotaError, Principal, Role
from lotabots.runtime.clock import utc_now
from lotabots.runtime.database import Database
from lotabots.runtime.process import Process

pytestmark = pytest.mark.anyio

ADDRESS = "192.0.2.7"


@pytest.fixture
async def process(fresh_database_urls: DatabaseUrls, log: io.BytesIO) -> Any:
    """A process on a database of its own: every test writes into the operator's log."""
    database = await Database.open(fresh_database_urls.app)
    yield make_process(database, log)
    await database.close()


@pytest.fixture
async def client(process: Process) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(process, [audit.service(process)]) as client:
        yield client


@pytest.fixture
def operator(tokens: Tokens) -> Tokens:
    """Tokens of the tenant in whose log strangers stand."""
    return Tokens(tokens.key, OPERATOR_TENANT)


async def shown(client: httpx.AsyncClient, tokens: Tokens, **query: str) -> list[dict[str, Any]]:
    """What an auditor of the tenant is shown."""
    answer = await client.get("/v1/audit/entries", params=query, headers=tokens.of(Role.AUDITOR))
    assert answer.status_code == 200, answer.text
    entries: list[dict[str, Any]] = answer.json()["entries"]
    return entries


def later(process: Process, **after: float) -> Process:
    """The same process on another day."""
    return replace(process, clock=lambda: utc_now() + timedelta(**after))


async def test_refusals_become_one_entry_each_with_their_count(process: Process) -> None:
    for _ in range(5):
        process.telemetry.refusals.stranger(ADDRESS, "LOGIN_FAILED")
    process.telemetry.refusals.stranger("192.0.2.8", "LOGIN_FAILED")
    await write_refusals(process)
    async with process.database.transaction(OPERATOR_TENANT) as tx:
        rows = await newest(tx, Filter(outcome="LOGIN_FAILED"), 10)
    entries = [json.loads(row.body) for row in rows]
    assert sorted(entry["count"] for entry in entries) == [1, 5]
    assert {entry["actor"] for entry in entries} == {ANONYMOUS}
    assert process.telemetry.refusals.take() == {}


async def test_a_strangers_address_is_in_the_log_as_a_commitment_only(process: Process) -> None:
    process.telemetry.refusals.stranger(ADDRESS, "TOKEN_EXPIRED")
    await write_refusals(process)
    async with process.database.transaction(OPERATOR_TENANT) as tx:
        [row] = await newest(tx, Filter(), 10)
    assert b"192.0.2" not in row.body
    kind, _, commitment = json.loads(row.body)["subject"].partition(":")
    assert (kind, len(commitment)) == ("address", 64)


async def test_an_auditor_of_the_operator_is_shown_the_address_and_can_prove_it(
    process: Process, client: httpx.AsyncClient, operator: Tokens
) -> None:
    process.telemetry.refusals.stranger(ADDRESS, "TOKEN_EXPIRED")
    await write_refusals(process)
    [one] = await shown(client, operator, outcome="TOKEN_EXPIRED")
    address = one["disclosed"]["subject"]
    assert address["text"] == ADDRESS
    opened = hashlib.sha256(bytes.fromhex(address["salt"]) + ADDRESS.encode()).hexdigest()
    assert one["entry"]["subject"] == f"address:{opened}"
    assert await shown(client, operator, subject=f"address:{ADDRESS}") == [one]
    assert await shown(client, operator, subject="address:192.0.2.8") == []


async def test_nobody_else_is_shown_it(
    process: Process, client: httpx.AsyncClient, tokens: Tokens, operator: Tokens
) -> None:
    process.telemetry.refusals.stranger(ADDRESS, "TOKEN_EXPIRED")
    await write_refusals(process)
    assert await shown(client, tokens) == []
    for role in (Role.OPERATOR, Role.VIEWER, Role.AGENT):
        answer = await client.get("/v1/audit/entries", headers=operator.of(role))
        assert answer.status_code == 403
        assert ADDRESS not in answer.text


async def test_a_user_who_was_refused_stands_in_the_log_of_their_tenant(
    process: Process, client: httpx.AsyncClient, tokens: Tokens
) -> None:
    caller = Principal(
        user_id=uuid4(), tenant_id=tokens.tenant, role=Role.VIEWER, token_id="t",
        expires_at=utc_now(),
    )  # fmt: skip
    process.telemetry.refusals.user(caller, "node.write", "PERMISSION_DENIED")
    process.telemetry.refusals.stranger(ADDRESS, "TOKEN_EXPIRED")
    await write_refusals(process)
    [one] = await shown(client, tokens)
    assert (one["entry"]["outcome"], one["entry"]["subject"]) == (
        "PERMISSION_DENIED", "permission:node.write",
    )  # fmt: skip
    assert one["disclosed"]["actor"]["text"] == str(caller.user_id)
    assert str(caller.user_id) not in json.dumps(one["entry"])


async def test_refusals_that_could_not_be_written_are_written_later(process: Process) -> None:
    process.telemetry.refusals.stranger(ADDRESS, "TOKEN_EXPIRED")
    await process.database.close()
    with pytest.raises(LotaError):
        await write_refusals(process)
    assert sum(process.telemetry.refusals.take().values()) == 1


async def test_an_address_is_forgotten_when_it_is_older_than_the_settings_say(
    process: Process, client: httpx.AsyncClient, operator: Tokens
) -> None:
    days = AuditSettings().address_days
    process.telemetry.refusals.stranger(ADDRESS, "TOKEN_EXPIRED")
    await write_refusals(process)
    [before] = await shown(client, operator)

    await expire_addresses(later(process, days=days, minutes=-1))
    assert await shown(client, operator) == [before]

    await expire_addresses(later(process, days=days, minutes=1))
    said, after = await shown(client, operator)
    assert (after["entry"], after["disclosed"]) == (before["entry"], {})
    assert await shown(client, operator, subject=f"address:{ADDRESS}") == []
    assert (said["entry"]["actor"], said["entry"]["verb"]) == ("system", "address.expire")
    assert (said["entry"]["subject"], said["entry"]["count"]) == (f"days:{days}", 1)

    await expire_addresses(later(process, days=days, minutes=1))
    assert len(await shown(client, operator)) == 2


async def test_a_stranger_who_comes_again_after_that_is_a_new_one(
    process: Process, client: httpx.AsyncClient, operator: Tokens
) -> None:
    for _ in range(2):
        process.telemetry.refusals.stranger(ADDRESS, "TOKEN_EXPIRED")
        await write_refusals(process)
        await expire_addresses(later(process, days=91))
    process.telemetry.refusals.stranger(ADDRESS, "TOKEN_EXPIRED")
    await write_refusals(process)
    entries = await shown(client, operator, outcome="TOKEN_EXPIRED")
    assert [set(entry["disclosed"]) for entry in entries] == [{"subject"}, set(), set()]
    assert await shown(client, operator, subject=f"address:{ADDRESS}") == [entries[0]]


async def test_users_do_not_expire(
    process: Process, client: httpx.AsyncClient, operator: Tokens
) -> None:
    actor = str(uuid4())
    async with process.database.transaction(OPERATOR_TENANT) as tx:
        await audit.Journal(process.keyring).append(
            tx,
            audit.Entry(actor_ref=actor, verb="session.open", subject_ref="token:t",
                        outcome="done", address=ADDRESS),
        )  # fmt: skip
    await expire_addresses(later(process, days=3650))
    [one] = await shown(client, operator)
    assert (one["disclosed"]["actor"]["text"], one["disclosed"]["address"]["text"]) == (
        actor, ADDRESS,
    )  # fmt: skip


async def test_more_addresses_than_one_transaction_takes_are_all_forgotten(
    process: Process, client: httpx.AsyncClient, operator: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "MOST_EXPIRED", 2)
    for number in range(5):
        process.telemetry.refusals.stranger(f"198.51.100.{number}", "TOKEN_EXPIRED")
    await write_refusals(process)
    await expire_addresses(later(process, days=91))
    assert all(not one["disclosed"] for one in await shown(client, operator))
    said = await shown(client, operator, verb="address.expire")
    assert sorted(one["entry"]["count"] for one in said) == [1, 2, 2]


async def test_processes_that_forget_at_the_same_time_count_each_address_once(
    process: Process, client: httpx.AsyncClient, operator: Tokens
) -> None:
    for number in range(20):
        process.telemetry.refusals.stranger(f"198.51.100.{number}", "TOKEN_EXPIRED")
    await write_refusals(process)
    await asyncio.gather(*(expire_addresses(later(process, days=91)) for _ in range(3)))
    said = await shown(client, operator, verb="address.expire")
    assert sum(one["entry"]["count"] for one in said) == 20


async def test_days_are_what_the_settings_say(
    process: Process, client: httpx.AsyncClient, operator: Tokens
) -> None:
    process.telemetry.refusals.stranger(ADDRESS, "TOKEN_EXPIRED")
    await write_refusals(process)
    short = replace(process, settings=process.settings.with_section(AuditSettings(address_days=1)))
    await expire_addresses(later(short, hours=25))
    assert all(not one["disclosed"] for one in await shown(client, operator))

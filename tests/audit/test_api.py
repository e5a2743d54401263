"""The audit log over HTTP: filters, pages, and leaves that anyone can recompute."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from plugins.process import Tokens, assert_refused, calling

from lotabots import audit
from lotabots.audit import Entry, append
from lotabots.kernel import Role, canonical, format_time
from lotabots.runtime.process import Process
from lotabots.tlog import leaf_hash

pytestmark = pytest.mark.anyio

PATH = "/v1/audit/entries"


@pytest.fixture
async def client(process: Process) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(process, [audit.service(process)]) as client:
        yield client


@pytest.fixture
async def actor(process: Process, tokens: Tokens) -> str:
    """Whoever did the odd ones of nine things, one second apart in the log."""
    actor = str(uuid4())
    for number in range(9):
        async with process.database.transaction(tokens.tenant) as tx:
            await append(
                tx,
                Entry(
                    actor_ref=actor if number % 2 else str(uuid4()),
                    verb="node.register" if number < 5 else "node.remove",
                    subject_ref=f"node:n{number % 3}",
                    outcome="done" if number != 4 else "refused",
                ),
            )
    return actor


async def found(client: httpx.AsyncClient, tokens: Tokens, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get(PATH, params=query, headers=tokens.of(Role.AUDITOR))
    assert answer.status_code == 200, answer.text
    return [one["entry"] for one in answer.json()["entries"]]


async def test_entries_come_newest_first(
    client: httpx.AsyncClient, tokens: Tokens, actor: str
) -> None:
    subjects = [entry["subject"] for entry in await found(client, tokens)]
    assert subjects == [f"node:n{number % 3}" for number in reversed(range(9))]


async def test_each_filter_narrows_and_all_hold_together(
    client: httpx.AsyncClient, tokens: Tokens, actor: str
) -> None:
    assert len(await found(client, tokens, actor=actor)) == 4
    assert len(await found(client, tokens, subject="node:n0")) == 3
    assert len(await found(client, tokens, verb="node.remove")) == 4
    assert len(await found(client, tokens, outcome="refused")) == 1
    assert len(await found(client, tokens, actor=actor, verb="node.remove")) == 2
    assert await found(client, tokens, actor=str(uuid4())) == []


async def test_times_bound_the_entries_with_the_end_left_out(
    client: httpx.AsyncClient, tokens: Tokens, actor: str
) -> None:
    every = await found(client, tokens)
    middle = every[4]["at"]
    assert await found(client, tokens, until=middle) == every[5:]
    assert await found(client, tokens, since=middle) == every[:5]


async def test_pages_join_to_the_whole_without_gap_or_repeat(
    client: httpx.AsyncClient, tokens: Tokens, actor: str
) -> None:
    every, joined, query = await found(client, tokens), [], {"limit": "4"}
    while True:
        page = (await client.get(PATH, params=query, headers=tokens.of())).json()
        joined += [one["entry"] for one in page["entries"]]
        if page["next"] is None:
            break
        query["after"] = page["next"]
    assert joined == every


async def test_anyone_can_recompute_a_leaf_from_the_entry(
    client: httpx.AsyncClient, tokens: Tokens, actor: str
) -> None:
    answer = await client.get(PATH, headers=tokens.of())
    for one in answer.json()["entries"]:
        assert leaf_hash(canonical(one["entry"])).hex() == one["leaf"]
        assert UUID(one["entry"]["tenant"]) == tokens.tenant


async def test_another_tenant_sees_none_of_it_and_cannot_page_into_it(
    client: httpx.AsyncClient, tokens: Tokens, actor: str
) -> None:
    other = Tokens(tokens.key, uuid4())
    mine = (await found(client, tokens))[0]["id"]
    assert await found(client, other) == []
    assert await found(client, other, after=mine) == []


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.VIEWER, Role.AGENT])
async def test_only_those_who_may_read_the_log_get_it(
    client: httpx.AsyncClient, tokens: Tokens, role: Role
) -> None:
    assert_refused(await client.get(PATH, headers=tokens.of(role)), 403, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=0", "REQUEST_PARAMETER"),
        ("limit=201", "REQUEST_PARAMETER"),
        ("limit=x", "REQUEST_PARAMETER"),
        ("after=not-a-uuid", "REQUEST_PARAMETER"),
        ("actor=", "REQUEST_PARAMETER"),
        (f"actor={'a' * 257}", "REQUEST_PARAMETER"),
        ("since=yesterday", "TIME_MALFORMED"),
        ("since=2026-01-01T00:00:00", "TIME_MALFORMED"),
        ("until=0", "TIME_MALFORMED"),
        ("actr=a", "REQUEST_PARAMETER"),
    ],
)
async def test_a_filter_that_cannot_be_read_is_refused(
    client: httpx.AsyncClient, tokens: Tokens, query: str, code: str
) -> None:
    answer = await client.get(f"{PATH}?{query}", headers=tokens.of())
    assert_refused(answer, 400, code)


async def test_times_with_an_offset_are_understood(
    client: httpx.AsyncClient, tokens: Tokens, actor: str, process: Process
) -> None:
    assert len(await found(client, tokens, since="2020-01-01T00:00:00+02:00")) == 9
    assert await found(client, tokens, until=format_time(process.clock().replace(year=2020))) == []

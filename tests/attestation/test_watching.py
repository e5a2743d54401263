"""Silence is a verdict: stale, then rejected, each once, on time by the database's clock."""

import asyncio
import io
import json
import time
from typing import Any
from uuid import UUID, uuid4

import pytest
from plugins.agents import Agent, enrolled
from plugins.api import Api
from plugins.attester import small_node, use_reference
from plugins.process import make_process

from lotabots.appraisal import builtin_policy
from lotabots.attestation.settings import AttestationSettings
from lotabots.attestation.watching import BATCH, Watchdog, sweep
from lotabots.kernel import VerificationKeys
from lotabots.result import read_result, read_status_list
from lotabots.runtime.database import Database
from lotabots.runtime.process import Process
from lotabots.simulator import Fault

pytestmark = pytest.mark.anyio

SECONDS = 20.0
"""How long a watchdog that looks every second may take, on a machine that is busy."""


async def silence(agent: Agent, seconds: int) -> None:
    """Has so many seconds pass since the node was last heard of."""
    async with agent.api.database.transaction(agent.api.tenant) as tx:
        await tx.execute(
            "update attestation.nodes set due_at = due_at - make_interval(secs => $2),"
            " overdue_at = overdue_at - make_interval(secs => $2) where id = $1",
            UUID(agent.id),
            seconds,
        )


async def stored(agent: Agent) -> str:
    """How the node stands in its row: what was written, not what is computed for a reader."""
    async with agent.api.database.transaction(agent.api.tenant) as tx:
        standing = await tx.fetch_value(
            "select standing from attestation.nodes where id = $1", UUID(agent.id), into=str
        )
    return str(standing)


async def look(api: Api) -> None:
    """A watchdog of our own looks once, beside those of the servers."""
    process = make_process(api.database, io.BytesIO(), AttestationSettings())
    await Watchdog(process).watch(process)


async def becomes(agent: Agent, standing: str) -> None:
    end = time.monotonic() + SECONDS
    while (now := await stored(agent)) != standing:
        # Nobody calls: this is the servers' own watchdog.
        assert time.monotonic() < end, f"still {now}"
        await asyncio.sleep(0.05)


async def events(api: Api) -> list[tuple[str, Any, Any]]:
    async with api.database.transaction(api.tenant) as tx:
        rows = await tx.fetch(
            "select kind, data from attestation.events where kind <> 'policy.activated'"
            " order by number"
        )
    return [(r["kind"], r["data"].get("before"), r["data"].get("after")) for r in rows]  # type: ignore[attr-defined]


async def entries(api: Api, verb: str) -> list[str]:
    answer = await api.get(f"/v1/audit/entries?verb={verb}")
    return [entry["entry"]["outcome"] for entry in answer.json()["entries"]]


async def test_a_silent_node_is_stale_then_rejected_each_once_and_comes_back(api: Api) -> None:
    agent = await enrolled(api, small_node())
    assert (await agent.full())["status"] == "accepted"
    await silence(agent, 100)
    await look(api)
    assert await stored(agent) == "accepted"
    await silence(agent, 20)
    await becomes(agent, "stale")
    assert (await agent.shown())["standing"] == "stale"
    await look(api)
    await silence(agent, 180)
    await becomes(agent, "rejected")
    await look(api)
    assert await events(api) == [
        ("node.standing", "unknown", "accepted"),
        ("node.stale", "accepted", "stale"),
        ("node.silent", "stale", "rejected"),
        ("results.revoked", None, None),
    ]
    assert await entries(api, "node.stale") == ["stale"]
    assert await entries(api, "node.silent") == ["rejected"]
    # What silence rejected does not stick: it is judged as any other.
    assert (await agent.light())["status"] == "accepted"
    assert (await agent.shown())["standing"] == "accepted"
    assert (await events(api))[-1] == ("node.standing", "rejected", "accepted")


async def test_a_node_that_keeps_attesting_is_never_stale(api: Api) -> None:
    agent = await enrolled(api, small_node())
    await agent.full(next_challenge=True)
    for _ in range(4):
        await silence(agent, 100)
        await look(api)
        assert (await agent.go_on())["status"] == "accepted"
    assert await events(api) == [("node.standing", "unknown", "accepted")]


async def test_the_living_results_of_a_node_that_is_silent_too_long_are_revoked(api: Api) -> None:
    agent, other = await enrolled(api, small_node()), await enrolled(api, small_node())
    await use_reference(api, agent.node, other.node)
    answers = [await one.full() for one in (agent, other)]
    assert [answer["status"] for answer in answers] == ["accepted", "accepted"]
    keys = VerificationKeys.from_jwks((await api.get("/.well-known/jwks.json", as_=None)).content)
    first, second = (read_result(answer["result"], keys) for answer in answers)
    assert first.status is not None
    assert second.status is not None
    await silence(agent, 301)
    await becomes(agent, "rejected")
    end = time.monotonic() + SECONDS
    while True:
        status = read_status_list((await api.get("/v1/status", as_=None)).text, keys)
        if status.get(first.status.idx) == 1:
            break
        assert time.monotonic() < end
        await asyncio.sleep(0.05)
    assert status.get(second.status.idx) == 0
    assert await events(api) == [
        ("node.standing", "unknown", "accepted"),
        ("node.standing", "unknown", "accepted"),
        ("node.silent", "accepted", "rejected"),
        ("results.revoked", None, None),
    ]


async def test_a_rejection_by_the_nodes_own_evidence_revokes_its_results_and_is_told_once(
    api: Api,
) -> None:
    node = small_node()
    agent = await enrolled(api, node)
    first = await agent.full()
    agent.node = node.with_fault(Fault.FIRMWARE_MODIFIED)
    for _ in range(2):
        assert (await agent.full())["status"] == "rejected"
    async with api.database.transaction(api.tenant) as tx:
        rows = await tx.fetch(
            "select a.id, r.revoked_at is not null as revoked from attestation.results r"
            " join attestation.attestations a on a.id = r.attestation_id"
            " where revoked_at is not null"
        )
        told = await tx.fetch("select data from attestation.events order by number")
    assert [str(row["id"]) for row in rows] == [first["id"]]
    assert await events(api) == [
        ("node.standing", "unknown", "accepted"),
        ("results.revoked", None, None),
        ("node.standing", "accepted", "rejected"),
    ]
    assert told[-1]["data"]["code"] == "NV-MEAS-MISMATCH"  # type: ignore[index]


async def test_a_node_that_is_rejected_already_does_not_become_better_by_silence(api: Api) -> None:
    node = small_node()
    agent = await enrolled(api, node)
    agent.node = node.with_fault(Fault.FIRMWARE_MODIFIED)
    await agent.full()
    for seconds in (121, 200):
        await silence(agent, seconds)
        await look(api)
    assert await stored(agent) == "rejected"
    assert await events(api) == [("node.standing", "unknown", "rejected")]


async def test_intervals_of_the_policy_are_the_deadlines(api: Api) -> None:
    agent = await enrolled(api, small_node())
    async with api.database.transaction(api.tenant) as tx:
        await tx.execute(
            "update attestation.nodes set policy_ref = $2 where id = $1",
            UUID(agent.id),
            await brisk(api),
        )
    assert (await agent.full())["next"] == {"scope": "light", "after_seconds": 1}
    await becomes(agent, "stale")
    await becomes(agent, "rejected")


async def brisk(api: Api) -> str:
    """A policy under which silence is soon a verdict."""
    source = json.loads(builtin_policy("demo").document)
    source["parameters"] |= {"light": "1s", "full": "1m", "stale_after": 1, "reject_after": 2}
    added = await api.post("/v1/policies", {"source": json.dumps(source)})
    return str(added.json()["id"])


# Without servers: several watchdogs at once, and many nodes.


@pytest.fixture
async def watched(database: Database) -> tuple[Process, UUID]:
    """A process without a server, and a tenant with 1,200 nodes of which 1,100 are silent."""
    process, tenant = make_process(database, io.BytesIO(), AttestationSettings()), uuid4()
    async with database.transaction(tenant) as tx:
        await tx.execute(
            "insert into attestation.nodes (id, name, created_at, standing, due_at, overdue_at)"
            " select gen_random_uuid(), 'n' || n, now(), 'accepted',"
            " now() + make_interval(secs => case when n <= 1100 then -1 else 60 end),"
            " now() + make_interval(secs => case when n <= 100 then -1 else 90 end)"
            " from generate_series(1, 1200) n"
        )
    return process, tenant


async def counted(process: Process, tenant: UUID, sql: str) -> dict[str, int]:
    async with process.database.transaction(tenant) as tx:
        rows = await tx.fetch(sql)
    return {str(row["name"]): int(str(row["count"])) for row in rows}


STANDINGS = "select standing as name, count(*) from attestation.nodes group by 1"
EVENTS = "select kind as name, count(*) from attestation.events group by 1"
ENTRIES = "select verb as name, count(*) from audit.entries group by 1"


async def test_of_watchdogs_at_once_each_silent_node_is_marked_by_one(
    watched: tuple[Process, UUID],
) -> None:
    process, tenant = watched
    dogs = [
        Watchdog(make_process(process.database, io.BytesIO(), AttestationSettings()))
        for _ in range(4)
    ]
    await asyncio.gather(*(dog.watch(process) for dog in dogs))
    await dogs[0].watch(process)  # what others had locked was left to them
    assert 2 * BATCH < 1100
    assert await counted(process, tenant, STANDINGS) == {
        "accepted": 100, "stale": 1000, "rejected": 100,
    }  # fmt: skip
    assert await counted(process, tenant, EVENTS) == {"node.stale": 1000, "node.silent": 100}
    assert await counted(process, tenant, ENTRIES) == {"node.stale": 1000, "node.silent": 100}


async def test_a_node_that_is_just_being_judged_is_not_silent(
    watched: tuple[Process, UUID],
) -> None:
    process, tenant = watched
    dog = Watchdog(process)
    async with process.database.transaction(tenant) as tx:
        await tx.execute(
            "update attestation.nodes set due_at = now() + interval '2 minutes',"
            " overdue_at = now() + interval '5 minutes'"
        )
        await asyncio.wait_for(dog.watch(process), 10)
    await dog.watch(process)
    assert await counted(process, tenant, STANDINGS) == {"accepted": 1200}


async def test_old_events_and_renewals_are_removed_and_new_ones_stay(
    watched: tuple[Process, UUID],
) -> None:
    process, tenant = watched
    async with process.database.transaction(tenant) as tx:
        await tx.execute(
            "insert into attestation.events (id, at, kind, data)"
            " select gen_random_uuid(), now() - make_interval(days => n), 'node.stale', '{}'"
            " from generate_series(28, 32) n"
        )
        await tx.execute(
            "insert into attestation.renewals (id, node_id, nonce_sha256, created_at, expires_at)"
            " select gen_random_uuid(), (select id from attestation.nodes limit 1),"
            " sha256('x'), now(), now() - make_interval(mins => n)"
            " from generate_series(30, 120, 30) n"
        )
    await sweep(process)
    assert await counted(process, tenant, EVENTS) == {"node.stale": 2}
    left = "select 'renewals' as name, count(*) from attestation.renewals"
    assert await counted(process, tenant, left) == {"renewals": 1}

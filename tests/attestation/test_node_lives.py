"""A node in an operator's hands: listed, quarantined, released, revoked; its devices."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from plugins.agents import Agent, enrolled
from plugins.api import Api
from plugins.attester import ready, register, small_node
from plugins.enroller import HERE, Joiner, joined, joined_by_tpm, make_token, some_device
from plugins.stage import Interrupted, Stage, staged

from lotabots.kernel import Role
from lotabots.runtime.clock import utc_now
from lotabots.runtime.database import Database
from lotabots.runtime.web import TokenSettings

pytestmark = pytest.mark.anyio

REASON = {"reason": "smoke from rack 7"}


@pytest.fixture
async def stage(database: Database) -> AsyncIterator[Stage]:
    async with staged(database, TokenSettings(public_url=HERE)) as stage:
        yield stage


async def shown(api: Api, node: str) -> dict[str, Any]:
    answer = await api.get(f"/v1/nodes/{node}", as_=Role.VIEWER)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def done(api: Api, node: str, what: str, status: int = 200) -> dict[str, Any]:
    answer = await api.post(f"/v1/nodes/{node}/{what}", REASON, as_=Role.OPERATOR)
    assert answer.status_code == status, answer.text
    return dict(answer.json())


async def told(api: Api) -> list[str]:
    """The kinds of events of the tenant, oldest first."""
    async with api.database.transaction(api.tenant) as tx:
        rows = await tx.fetch("select kind from attestation.events order by number")
    return [str(row["kind"]) for row in rows]


async def in_force(api: Api) -> list[tuple[str, str]]:
    async with api.database.transaction(api.tenant) as tx:
        rows = await tx.fetch(
            "select kind, value from attestation.revocations where lifted_at is null"
        )
    return [(str(row["kind"]), str(row["value"])) for row in rows]


async def accepted_agent(api: Api) -> Agent:
    agent = await enrolled(api, small_node())
    assert (await agent.full())["status"] == "accepted"
    return agent


async def test_a_node_that_enrolled_is_awaited_and_its_enrolment_told(api: Api) -> None:
    agent = await joined(api)
    node = await shown(api, agent.node)
    assert node["due_at"] is not None
    assert node["overdue_at"] > node["due_at"]
    assert await told(api) == ["node.enrolled"]


async def test_silence_from_the_first_moment_reads_stale_then_rejected_with_nobody_watching(
    stage: Stage,
) -> None:
    agent = Joiner(stage.api)
    await agent.join(await make_token(stage.api))
    for seconds, standing, freshness in (
        (119, "unknown", "never"),
        (121, "stale", "stale"),
        (299, "stale", "stale"),
        (301, "rejected", "silent"),
    ):
        stage.now = utc_now() + timedelta(seconds=seconds)
        node = await shown(stage.api, agent.node)
        assert (node["standing"], node["freshness"]) == (standing, freshness), seconds
        page = await stage.api.get(f"/v1/nodes?standing={standing}")
        assert [one["id"] for one in page.json()["items"]] == [agent.node]


async def test_a_node_that_proves_itself_is_fresh_and_shows_its_level(api: Api) -> None:
    agent = await accepted_agent(api)
    node = await agent.shown()
    assert (node["standing"], node["freshness"]) == ("accepted", "fresh")
    assert node["simulated"] is True
    assert node["level"] is not None
    assert node["last_attempt_at"] == node["last_success_at"]


async def test_a_quarantined_node_is_rejected_whatever_it_shows_and_accepted_after_its_release(
    api: Api,
) -> None:
    agent = await accepted_agent(api)
    node = await done(api, agent.id, "quarantine")
    assert (node["lifecycle"], node["lifecycle_reason"]) == ("quarantined", REASON["reason"])
    assert node["standing"] == "rejected"
    assert await in_force(api) == [("quarantine", agent.id)]
    assert (await agent.full())["status"] == "rejected"
    node = await done(api, agent.id, "release")
    assert (node["lifecycle"], node["standing"]) == ("active", "rejected")
    assert await in_force(api) == []
    assert (await agent.full())["status"] == "accepted"
    assert (await agent.shown())["standing"] == "accepted"


async def test_the_results_of_a_node_out_of_service_are_taken_back(api: Api) -> None:
    for what in ("quarantine", "revoke"):
        agent = await accepted_agent(api)
        await done(api, agent.id, what)
        async with api.database.transaction(api.tenant) as tx:
            left = await tx.fetch_value(
                "select count(*) from attestation.results r"
                " join attestation.attestations a on a.id = r.attestation_id"
                " where a.hardware_id = $1 and revoked_at is null",
                agent.id,
            )
        assert left == 0, what


async def test_a_revoked_node_is_over_for_good(api: Api) -> None:
    agent = await joined(api)
    node = await done(api, agent.node, "revoke")
    assert (node["lifecycle"], node["standing"], node["due_at"]) == ("revoked", "rejected", None)
    assert await in_force(api) == [("node", agent.node)]
    for what in ("quarantine", "release"):
        assert (await done(api, agent.node, what, 409))["code"] == "NODE_REVOKED_FOR_GOOD"
    answer = await api.post(f"/v1/nodes/{agent.node}/devices", some_device(), as_=Role.OPERATOR)
    assert answer.json()["code"] == "NODE_REVOKED_FOR_GOOD"


async def test_a_quarantined_node_can_be_revoked(api: Api) -> None:
    agent = await joined(api)
    await done(api, agent.node, "quarantine")
    await done(api, agent.node, "revoke")
    assert await in_force(api) == [("node", agent.node)]


async def test_each_change_is_told_and_recorded_once_however_often_it_is_asked_for(
    api: Api,
) -> None:
    agent = await joined(api)
    steps = ("quarantine", "quarantine", "release", "release", "revoke", "revoke")
    for what in steps:
        await done(api, agent.node, what)
    assert await told(api) == [
        "node.enrolled", "node.quarantined", "node.released", "node.revoked",
    ]  # fmt: skip
    page = await api.get(f"/v1/audit/entries?subject=node:{agent.node}")
    verbs = [one["entry"]["verb"] for one in page.json()["entries"]]
    assert verbs == ["node.revoke", "node.release", "node.quarantine", "node.enroll"]


async def test_of_operators_who_change_a_node_at_once_each_change_counts_once(api: Api) -> None:
    agent = await joined(api)
    await asyncio.gather(*(done(api, agent.node, "quarantine") for _ in range(10)))
    assert await told(api) == ["node.enrolled", "node.quarantined"]


@pytest.mark.parametrize("what", ["quarantine", "release", "revoke"])
async def test_a_change_says_why_and_is_of_a_node_that_is_there(api: Api, what: str) -> None:
    path = f"/v1/nodes/{uuid4()}/{what}"
    for body in ({"reason": ""}, {"reason": " "}, {"reason": "a\nb"}, {"reason": "x" * 501}, {}):
        answer = await api.post(path, body, as_=Role.OPERATOR)
        assert (answer.status_code, answer.json()["code"]) == (400, "REQUEST_BODY_INVALID")
    answer = await api.post(path, REASON, as_=Role.OPERATOR)
    assert (answer.status_code, answer.json()["code"]) == (404, "NODE_NOT_FOUND")


async def test_a_node_of_another_tenant_is_not_there(api: Api) -> None:
    agent, other = await joined(api), api.of_another_tenant()
    for what in ("quarantine", "release", "revoke"):
        answer = await other.post(f"/v1/nodes/{agent.node}/{what}", REASON)
        assert answer.json()["code"] == "NODE_NOT_FOUND"
    device = agent.devices[0]
    path = f"/v1/nodes/{agent.node}/devices/gpu/{device['device_id']}"
    assert (await other.request("DELETE", path)).json()["code"] == "NODE_NOT_FOUND"
    assert (await shown(api, agent.node))["lifecycle"] == "active"


async def test_a_device_comes_to_a_node_and_leaves_it_by_an_operator(api: Api) -> None:
    agent = await joined(api)
    device = some_device()
    answer = await api.post(f"/v1/nodes/{agent.node}/devices", device, as_=Role.OPERATOR)
    assert answer.status_code == 201, answer.text
    assert {one["device_id"] for one in answer.json()["inventory"]} == {
        device["device_id"],
        agent.devices[0]["device_id"],
    }
    again = await api.post(f"/v1/nodes/{agent.node}/devices", device)
    assert (again.status_code, again.json()["code"]) == (409, "NODE_DEVICE_TAKEN")
    path = f"/v1/nodes/{agent.node}/devices/gpu/{device['device_id']}"
    removed = await api.request("DELETE", path, Role.OPERATOR)
    assert [one["device_id"] for one in removed.json()["inventory"]] == [
        agent.devices[0]["device_id"]
    ]
    assert (await api.request("DELETE", path)).json()["code"] == "NODE_DEVICE_NOT_FOUND"
    assert await told(api) == ["node.enrolled", "device.changed", "device.changed"]


async def test_a_freed_device_can_stand_in_another_node(api: Api) -> None:
    first = await joined(api)
    path = f"/v1/nodes/{first.node}/devices/gpu/{first.devices[0]['device_id']}"
    assert (await api.request("DELETE", path)).status_code == 200
    other = api.of_another_tenant()
    await Joiner(other, devices=first.devices).join(await make_token(other))


async def test_a_tpm_is_freed_by_the_end_of_its_node_and_not_before(api: Api) -> None:
    agent = await joined_by_tpm(api)
    path = f"/v1/nodes/{agent.node}/devices/tpm/{agent.tpm.device_id}"
    refused = await api.request("DELETE", path, Role.OPERATOR)
    assert (refused.status_code, refused.json()["code"]) == (400, "NODE_DEVICE_KIND")
    await done(api, agent.node, "revoke")
    assert (await api.request("DELETE", path, Role.OPERATOR)).status_code == 200
    again = type(agent)(api, tpm=agent.tpm)
    await again.join(await make_token(api))
    assert again.node != agent.node


@pytest.mark.parametrize("kind", ["tpm", "host", "model"])
async def test_what_a_node_enrols_with_is_not_added_by_hand(api: Api, kind: str) -> None:
    agent = await joined(api)
    answer = await api.post(f"/v1/nodes/{agent.node}/devices", some_device(kind))
    assert (answer.status_code, answer.json()["code"]) == (400, "NODE_DEVICE_KIND")


async def test_a_node_has_so_many_devices_and_no_more(api: Api) -> None:
    agent = Joiner(api, devices=[some_device() for _ in range(62)])
    await agent.join(await make_token(api))
    path = f"/v1/nodes/{agent.node}/devices"
    answers = [await api.post(path, some_device()) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 400]
    assert answers[-1].json()["code"] == "NODE_DEVICE_LIMIT"


async def test_a_change_of_devices_asks_for_a_full_attestation(api: Api) -> None:
    agent = await accepted_agent(api)
    assert (await agent.challenge(scope="light"))["full_due"] is False
    await api.post(f"/v1/nodes/{agent.id}/devices", some_device("switch"))
    assert (await agent.challenge(scope="light"))["full_due"] is True


@pytest.mark.parametrize("change", ["added", "removed"])
async def test_a_full_challenge_is_over_once_an_operator_changes_the_devices(
    api: Api, change: str
) -> None:
    agent = await enrolled(api, small_node(gpus=2))
    assert (await agent.full(next_challenge=True))["status"] == "accepted"
    challenge = await agent.challenge()
    path = f"/v1/nodes/{agent.id}/devices"
    if change == "added":
        await api.post(path, some_device())
    else:
        await api.request("DELETE", f"{path}/gpu/{challenge['inventory'][0]['device_id']}")
    answer = await agent.submit(challenge, agent.evidence(challenge))
    assert (answer.status_code, answer.json()["code"]) == (409, "CHALLENGE_INVENTORY_CHANGED")
    # What is light asks for no device, and stands on nothing any more.
    light = await agent.light()
    assert (light["status"], light["first_reason"]["code"]) == ("inconclusive", "NODE-FULL-DUE")
    assert (await agent.full())["status"] != "accepted", "it sends what it had before"


async def test_results_that_name_a_removed_device_are_taken_back(api: Api) -> None:
    agent = await accepted_agent(api)
    path = f"/v1/nodes/{agent.id}/devices/gpu/{agent.node.inventory[0].device_id}"
    assert (await api.request("DELETE", path)).status_code == 200
    async with api.database.transaction(api.tenant) as tx:
        living = "select count(*) from attestation.results where revoked_at is null"
        assert await tx.fetch_value(living) == 0


async def test_nodes_are_listed_page_by_page_in_the_order_of_their_names(api: Api) -> None:
    names = [f"n{number:02}" for number in range(7)]
    for name in reversed(names):
        await api.post("/v1/nodes", {"name": name, "inventory": [some_device()]})
    seen, after = [], ""
    for _ in range(4):
        query = f"?limit=2{f'&after={after}' if after else ''}"
        page = (await api.get(f"/v1/nodes{query}", as_=Role.VIEWER)).json()
        seen += [node["name"] for node in page["items"]]
        after = page["next"]
    assert (seen, after) == (names, None)


async def test_nodes_are_found_by_what_they_are(api: Api) -> None:
    tpm = await joined_by_tpm(api, node_class="edge")
    software = await joined(api)
    declared = await register(api, small_node())
    await done(api, software.node, "quarantine")
    for query, node in (
        ("identity=tpm", tpm.node),
        ("node_class=edge", tpm.node),
        ("identity=software", software.node),
        ("lifecycle=quarantined", software.node),
        ("standing=rejected", software.node),
        ("identity=declared", declared.id),
        (f"name={tpm.name}", tpm.node),
    ):
        page = (await api.get(f"/v1/nodes?{query}")).json()
        assert [one["id"] for one in page["items"]] == [node], query
    assert (await api.get("/v1/nodes?standing=stale")).json()["items"] == []


@pytest.mark.parametrize(
    "query", ["standing=good", "lifecycle=dead", "identity=x", "limit=0", "limit=501", "x=1",
              f"after={'n' * 129}"]
)  # fmt: skip
async def test_a_list_that_cannot_be_is_refused(api: Api, query: str) -> None:
    assert (await api.get(f"/v1/nodes?{query}")).status_code == 400


async def test_a_declared_node_can_have_a_class_and_a_policy(api: Api) -> None:
    body = {"name": "n", "inventory": [some_device()], "node_class": "edge", "policy": "demo"}
    node = (await api.post("/v1/nodes", body)).json()
    assert (node["node_class"], node["policy"], node["identity"]) == ("edge", "demo", "declared")
    answer = await api.post("/v1/nodes", body | {"name": "o", "policy": "none-such"})
    assert (answer.status_code, answer.json()["code"]) == (404, "POLICY_NOT_FOUND")


async def test_a_declared_node_can_be_revoked_as_well(api: Api) -> None:
    attester = await ready(api, small_node())
    assert (await attester.attested())["status"] == "accepted"
    await done(api, attester.id, "revoke")
    answer = await api.post(
        "/v1/challenges",
        {"node": attester.id, "session_key": attester.session_key},
        **attester.caller,
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "NODE_REVOKED")


@pytest.mark.parametrize("what", ["quarantine", "revoke"])
async def test_nothing_is_accepted_of_a_node_that_went_out_of_service_while_it_was_judged(
    database: Database, what: str
) -> None:
    blobs = Interrupted.in_memory()
    async with staged(database, blobs=blobs) as stage:
        attester = await ready(stage.api, small_node())
        challenge = await attester.challenge()
        blobs.before = lambda: done(stage.api, attester.id, what)
        answer = await attester.submit(challenge, attester.evidence(challenge))
        assert (answer.status_code, answer.json()["code"]) == (409, "NODE_STATE_CHANGED")
        assert (await shown(stage.api, attester.id))["standing"] == "rejected"
        async with database.transaction(stage.api.tenant) as tx:
            assert await tx.fetch_value("select count(*) from attestation.results") == 0

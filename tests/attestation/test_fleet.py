"""The fleet is counted as it stands now, one node is explained, and a policy is tried on all."""

from uuid import uuid4

import pytest
from plugins.api import Api
from plugins.attester import ready, register, small_node, use_reference

from lotabots.appraisal import POLICY_TEXTS
from lotabots.kernel import Role
from lotabots.simulator import Fault

pytestmark = pytest.mark.anyio

STRICTER = POLICY_TEXTS["demo"].replace("name: demo", "name: two-gpus").replace("min: 1", "min: 2")


async def test_an_empty_fleet_is_counted_as_empty(api: Api) -> None:
    answer = await api.get("/v1/fleet", as_=Role.VIEWER)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["nodes"], answer.json()["standing"]) == (0, {})


async def test_the_fleet_is_counted_with_the_reasons_of_those_that_are_not_accepted(
    api: Api,
) -> None:
    good, bad = small_node("good"), small_node("bad")
    attester = await ready(api, good)
    await use_reference(api, good, bad)
    other = await register(api, bad.with_fault(Fault.FIRMWARE_MODIFIED))
    await register(api, small_node("never"))
    await attester.attested()
    rejected = await other.attested()
    fleet = (await api.get("/v1/fleet", as_=Role.VIEWER)).json()
    assert fleet["nodes"] == 3
    assert fleet["standing"] == {"accepted": 1, "rejected": 1, "unknown": 1}
    assert fleet["identity"] == {"declared": 3}
    [reason] = fleet["reasons"]
    assert (reason["code"], reason["nodes"]) == (rejected["first_reason"]["code"], 1)
    elsewhere = await api.of_another_tenant().get("/v1/fleet", as_=Role.VIEWER)
    assert elsewhere.json()["nodes"] == 0


async def test_a_node_says_why_it_is_rejected_and_what_changed_since_it_was_good(api: Api) -> None:
    node = small_node()
    attester = await ready(api, node)
    good = await attester.attested()
    attester.node = node.with_fault(Fault.FIRMWARE_MODIFIED)
    bad = await attester.attested()
    answer = await api.get(f"/v1/nodes/{attester.id}/why", as_=Role.VIEWER)
    assert answer.status_code == 200, answer.text
    why = answer.json()
    assert (why["newest"], why["last_good"]) == (bad["id"], good["id"])
    assert why["status"] == why["node"]["standing"] == "rejected"
    assert why["reasons"][0]["code"] == bad["first_reason"]["code"]
    assert why["reasons"][0]["expected"] != why["reasons"][0]["measured"]
    assert "measurements.mismatched" in {one["fact"] for one in why["changed"]["facts"]}
    assert why["affected"]["devices"] == [item.device_id for item in node.inventory]


async def test_a_node_that_never_spoke_and_one_that_is_not_there_say_so(api: Api) -> None:
    attester = await ready(api, small_node())
    why = (await api.get(f"/v1/nodes/{attester.id}/why", as_=Role.VIEWER)).json()
    assert (why["newest"], why["reasons"], why["changed"]) == (None, [], None)
    answer = await api.get(f"/v1/nodes/{uuid4()}/why", as_=Role.VIEWER)
    assert (answer.status_code, answer.json()["code"]) == (404, "NODE_NOT_FOUND")
    answer = await api.of_another_tenant().get(f"/v1/nodes/{attester.id}/why", as_=Role.VIEWER)
    assert answer.status_code == 404


async def test_a_policy_is_tried_on_the_newest_evidence_of_every_node(api: Api) -> None:
    nodes = [small_node(f"n{at}") for at in range(27)]
    attester = await ready(api, nodes[0])
    await use_reference(api, *nodes)
    attesters = [attester, *[await register(api, node) for node in nodes[1:]]]
    for one in attesters:
        await one.attested()
    items, after, pages = [], None, 0
    while pages == 0 or after is not None:
        body = {"source": STRICTER} | ({} if after is None else {"after": after})
        answer = await api.post("/v1/fleet/reappraisals", body, as_=Role.VIEWER)
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        after, pages = answer.json()["next"], pages + 1
    assert pages == 2
    assert {one["node"] for one in items} == {one.id for one in attesters}
    assert len(items) == len(attesters)
    assert {(one["before"], one["after"]) for one in items} == {("accepted", "inconclusive")}
    assert {one["findings"][0]["code"] for one in items} == {"POLICY-EVIDENCE-REQUIRED"}
    # Nothing was changed by asking.
    assert (await api.get("/v1/fleet", as_=Role.VIEWER)).json()["standing"] == {"accepted": 27}


async def test_a_policy_that_cannot_be_loaded_is_tried_on_nobody(api: Api) -> None:
    answer = await api.post("/v1/fleet/reappraisals", {"source": "name: x"}, as_=Role.VIEWER)
    assert (answer.status_code, answer.json()["code"]) == (400, "POLICY_MALFORMED")

"""What was attested can be listed, paged and told apart by tenant; policies can be tried on it."""

from typing import Any
from uuid import uuid4

import pytest
from plugins.api import Api
from plugins.attester import ready, register, small_node, use_policy, use_reference

from lotabots.appraisal import POLICY_TEXTS
from lotabots.kernel import Role
from lotabots.simulator import Fault

pytestmark = pytest.mark.anyio

OWN_POLICY = POLICY_TEXTS["demo"].replace("name: demo", "name: own")
TABLES = (
    "attestation.nodes",
    "attestation.inventory",
    "attestation.policies",
    "attestation.active_policies",
    "attestation.challenges",
    "attestation.attestations",
    "attestation.evidence",
    "attestation.devices",
    "attestation.results",
    "reference.bundles",
    "reference.active_bundles",
)


async def pages(api: Api, query: str) -> list[list[dict[str, Any]]]:
    """Every page of the list, followed by its cursor."""
    found, after = [], ""
    while True:
        answer = await api.get(f"/v1/attestations?{query}{after}", as_=Role.VIEWER)
        assert answer.status_code == 200, answer.text
        found.append(answer.json()["items"])
        if answer.json()["next"] is None:
            return found
        after = f"&after={answer.json()['next']}"


async def test_pages_hold_every_attestation_once_newest_first(api: Api) -> None:
    attester = await ready(api, small_node())
    made = [(await attester.attested())["id"] for _ in range(5)]
    paged = await pages(api, "limit=2")
    assert [len(page) for page in paged] == [2, 2, 1]
    assert [item["id"] for page in paged for item in page] == made[::-1]


async def test_the_list_is_filtered_by_hardware_type_and_status(api: Api) -> None:
    good, bad = small_node("good"), small_node("bad")
    attester = await ready(api, good)
    await use_reference(api, good, bad)
    other = await register(api, bad.with_fault(Fault.FIRMWARE_MODIFIED))
    accepted, rejected = await attester.attested(), await other.attested()
    for query, wanted in [
        (f"hardware_id={attester.id}", [accepted["id"]]),
        ("status=rejected", [rejected["id"]]),
        (f"status=accepted&hardware_id={other.id}", []),
        ("attestation_type=node", [rejected["id"], accepted["id"]]),
        ("attestation_type=model", []),
    ]:
        (page,) = await pages(api, query)
        assert [item["id"] for item in page] == wanted, query


async def test_the_list_shows_the_first_reason_without_opening_the_verdict(api: Api) -> None:
    node = small_node()
    attester = await ready(api, node)
    attester.node = node.with_fault(Fault.FIRMWARE_MODIFIED)
    await attester.attested()
    ((item,),) = await pages(api, "limit=1")
    assert item["metadata"]["first_reason"]["code"] in item["metadata"]["codes"]
    assert item["metadata"]["simulated"] is True


@pytest.mark.parametrize("cursor", ["x", "%00", "AAAA", "bm8tdGltZS8tLQ", "_" * 200])
async def test_a_cursor_that_no_page_gave_is_refused(api: Api, cursor: str) -> None:
    answer = await api.get(f"/v1/attestations?after={cursor}")
    assert answer.status_code == 400
    assert answer.json()["code"] in {"CURSOR_MALFORMED", "REQUEST_TEXT_NUL"}


@pytest.mark.parametrize("limit", ["0", "201", "many", "-1"])
async def test_a_limit_out_of_range_is_refused(api: Api, limit: str) -> None:
    answer = await api.get(f"/v1/attestations?limit={limit}")
    assert (answer.status_code, answer.json()["code"]) == (400, "REQUEST_PARAMETER")


async def test_another_tenant_sees_nothing_of_it(api: Api) -> None:
    attester = await ready(api, small_node())
    made = await attester.attested()
    other = api.of_another_tenant()
    for path in ("", "/inputs", "/result"):
        answer = await other.get(f"/v1/attestations/{made['id']}{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "ATTESTATION_NOT_FOUND")
    assert (await other.get("/v1/attestations")).json()["items"] == []
    assert (await other.get("/v1/nodes")).json()["items"] == []
    assert (await other.get("/v1/reference")).json() == []
    assert (await other.get(f"/v1/nodes/{attester.id}")).json()["code"] == "NODE_NOT_FOUND"


async def test_with_no_tenant_no_row_of_any_table_is_seen(api: Api) -> None:
    await api.post("/v1/policies", {"source": OWN_POLICY})
    await (await ready(api, small_node())).attested()
    for table in TABLES:
        async with api.database.transaction(api.tenant) as tx:
            assert await tx.fetch_value(f"select count(*) from {table}") != 0, table
        async with api.database.transaction(None) as tx:
            assert await tx.fetch_value(f"select count(*) from {table}") == 0, table
        async with api.database.transaction(uuid4()) as tx:
            assert await tx.fetch_value(f"select count(*) from {table}") == 0, table


async def test_a_device_stands_in_one_node_over_all_tenants(api: Api) -> None:
    node = small_node()
    await register(api, node)
    inventory = [{"kind": i.kind, "device_id": i.device_id} for i in node.inventory]
    for place in (api, api.of_another_tenant()):
        answer = await place.post("/v1/nodes", {"name": "other", "inventory": inventory})
        assert (answer.status_code, answer.json()["code"]) == (409, "NODE_DEVICE_TAKEN")
        assert answer.json()["details"] == {}
        assert (await place.get("/v1/nodes?name=other")).json()["items"] == []


async def test_a_node_is_registered_under_one_name_with_different_devices(api: Api) -> None:
    item = {"kind": "gpu", "device_id": uuid4().hex}
    twice = await api.post("/v1/nodes", {"name": "n", "inventory": [item, item]})
    assert twice.json()["code"] == "NODE_DEVICE_TWICE"
    first = await api.post("/v1/nodes", {"name": "n", "inventory": [item]})
    assert first.status_code == 201
    again = {"name": "n", "inventory": [item | {"device_id": uuid4().hex}]}
    assert (await api.post("/v1/nodes", again)).json()["code"] == "NODE_NAME_TAKEN"


async def test_standing_follows_the_node_itself_and_not_an_operator(api: Api) -> None:
    node = small_node()
    attester = await ready(api, node, agent=False)
    await attester.attested()
    assert (await api.get(f"/v1/nodes/{attester.id}")).json()["standing"] == "unknown"
    attester.agent = True
    await attester.attested()
    shown = (await api.get(f"/v1/nodes/{attester.id}")).json()
    assert shown["standing"] == "accepted"
    assert [device["standing"] for device in shown["inventory"]] == ["accepted"]
    attester.node = node.with_fault(Fault.FIRMWARE_MODIFIED)
    await attester.attested()
    shown = (await api.get(f"/v1/nodes/{attester.id}")).json()
    assert (shown["standing"], shown["inventory"][0]["standing"]) == ("rejected", "rejected")


@pytest.mark.parametrize(
    "fault", [Fault.TRUNCATED, Fault.SIGNATURE_BIT, Fault.NONCE_CHANGED, Fault.OTHER_NONCE]
)
async def test_what_proves_nothing_about_its_sender_counts_as_silence(
    api: Api, fault: Fault
) -> None:
    node = small_node()
    attester = await ready(api, node)
    await attester.attested()
    attester.node = node.with_fault(fault)
    assert (await attester.attested())["status"] == "rejected"
    shown = (await api.get(f"/v1/nodes/{attester.id}")).json()
    assert (shown["standing"], shown["inventory"][0]["standing"]) == ("accepted", "accepted")


async def test_a_policy_is_stored_under_its_digest_and_put_into_force(api: Api) -> None:
    added = (await api.post("/v1/policies", {"source": OWN_POLICY}, as_=Role.OPERATOR)).json()
    assert added["id"].startswith("urn:lotabots:policy:own@sha256:")
    assert (added["builtin"], added["active"]) == (False, False)
    await use_policy(api, added["id"])
    listed = (await api.get("/v1/policies", as_=Role.VIEWER)).json()
    assert [policy["name"] for policy in listed if policy["active"]] == ["own"]
    assert {policy["name"] for policy in listed if policy["builtin"]} == set(POLICY_TEXTS)
    again = (await api.post("/v1/policies", {"source": OWN_POLICY})).json()
    assert (again["id"], again["active"]) == (added["id"], True)
    other = await api.of_another_tenant().get(f"/v1/policies/{added['id']}")
    assert other.json()["code"] == "POLICY_NOT_FOUND"


@pytest.mark.parametrize("source", ["{", "name: x", "a: &a [*a]", OWN_POLICY + "extra: 1\n"])
async def test_a_policy_that_does_not_load_is_refused(api: Api, source: str) -> None:
    answer = await api.post("/v1/policies", {"source": source})
    assert answer.status_code == 400
    assert answer.json()["code"].startswith(("POLICY_", "JSON_"))


async def test_a_policy_is_tried_on_stored_evidence_and_changes_nothing(api: Api) -> None:
    attester = await ready(api, small_node())
    made = await attester.attested()
    body = {"source": POLICY_TEXTS["default"]}
    (trial,) = (await api.post("/v1/policies/try", body, as_=Role.VIEWER)).json()
    assert (trial["attestation"], trial["hardware_id"]) == (made["id"], attester.id)
    assert (trial["before"], trial["after"]) == ("accepted", "rejected")
    assert trial["findings"][0]["code"] == "POLICY-SIMULATED"
    named = body | {"attestations": [made["id"]]}
    assert len((await api.post("/v1/policies/try", named)).json()) == 1
    missing = body | {"attestations": [str(uuid4())]}
    assert (await api.post("/v1/policies/try", missing)).json()["code"] == "ATTESTATION_NOT_FOUND"
    assert len((await api.get("/v1/attestations")).json()["items"]) == 1

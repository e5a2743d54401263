"""A node enrols with a token of one use; whatever is wrong with it is refused with a code."""

import asyncio
import base64
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from plugins.api import Api
from plugins.enroller import HERE, Joiner, joined, make_token, some_device
from plugins.people import Prover
from plugins.stage import Stage, staged

from lotabots.access import EnrolmentToken, read_enrolment_token
from lotabots.kernel import Role, encode_base64url
from lotabots.runtime.clock import utc_now
from lotabots.runtime.database import Database
from lotabots.runtime.web import TokenSettings

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stage(database: Database) -> AsyncIterator[Stage]:
    async with staged(database, TokenSettings(public_url=HERE)) as stage:
        yield stage


async def entries(api: Api, verb: str) -> list[dict[str, Any]]:
    page = await api.get(f"/v1/audit/entries?verb={verb}")
    return [one["entry"] for one in page.json()["entries"]]


async def verbs(stage: Stage) -> list[tuple[str, str]]:
    async with stage.process.database.transaction(stage.api.tenant) as tx:
        rows = await tx.fetch("select verb, outcome from audit.entries order by position")
    return [(str(row["verb"]), str(row["outcome"])) for row in rows]


async def test_a_node_enrols_with_its_devices_under_the_class_and_policy_of_its_token(
    api: Api,
) -> None:
    agent = Joiner(api)
    given = await agent.join(await make_token(api, node_class="edge", policy="demo"))
    assert (given["tenant"], given["server"]) == (str(api.tenant), "urn:lotabots:attestation")
    shown = (await api.get(f"/v1/nodes/{agent.node}")).json()
    assert (shown["name"], shown["node_class"], shown["policy"]) == (agent.name, "edge", "demo")
    assert (shown["identity"], shown["lifecycle"]) == ("software", "active")
    assert (shown["standing"], shown["freshness"], shown["level"]) == ("unknown", "never", None)
    assert [(d["kind"], d["device_id"]) for d in shown["inventory"]] == [
        ("gpu", agent.devices[0]["device_id"])
    ]
    assert shown["agent"]["key_thumbprint"] == agent.thumbprint
    assert shown["agent"]["expires_at"] == given["expires_at"]


async def test_the_token_is_shown_with_the_address_where_the_operator_met_the_server(
    api: Api,
) -> None:
    made = (await api.post("/v1/enrolment-tokens", {}, as_=Role.OPERATOR)).json()
    text, _, address = made["join"].partition("@")
    assert (text, address) == (made["token"], api.servers.url)
    token = read_enrolment_token(text)
    assert (token.tenant, str(token.id), token.server_ca) == (api.tenant, made["id"], None)


async def test_a_node_has_the_name_that_its_token_gives_it(api: Api) -> None:
    agent = Joiner(api)
    assert (await agent.join(await make_token(api, name="rack-7")))["name"] == "rack-7"


async def test_a_node_may_have_no_device_at_all(api: Api) -> None:
    agent = Joiner(api, devices=[])
    await agent.join(await make_token(api, node_class="host"))
    assert (await api.get(f"/v1/nodes/{agent.node}")).json()["inventory"] == []


async def test_every_step_has_its_audit_entry(stage: Stage) -> None:
    agent = await joined(stage.api)
    await agent.renew()
    assert await verbs(stage) == [
        ("enrolment.allow", "done"),
        ("enrolment.spend", "done"),
        ("enrolment.begin", "done"),
        ("node.enroll", "done"),
        ("node.renew", "done"),
    ]


async def test_of_fifty_that_use_one_token_at_once_one_enrols(api: Api) -> None:
    token = await make_token(api)
    agents = [Joiner(api) for _ in range(50)]
    answers = await asyncio.gather(*(agent.begin(token) for agent in agents))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 401: 49}
    refused = {answer.json()["code"] for answer in answers if answer.status_code == 401}
    assert refused == {"ENROLMENT_TOKEN_SPENT"}


async def test_of_fifty_that_activate_one_enrolment_at_once_one_gets_a_credential(
    api: Api,
) -> None:
    agent = Joiner(api)
    begun = (await agent.begin(await make_token(api))).json()
    answers = await asyncio.gather(*(agent.activate(begun) for _ in range(50)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 404: 49}
    names = [node["name"] for node in (await api.get("/v1/nodes")).json()["items"]]
    assert names == [agent.name]


async def test_a_token_is_over_after_its_minutes(stage: Stage) -> None:
    token = await make_token(stage.api, minutes=10)
    stage.now = utc_now() + timedelta(minutes=10)
    answer = await Joiner(stage.api, clock=stage.process.clock).begin(token)
    assert (answer.status_code, answer.json()["code"]) == (401, "ENROLMENT_TOKEN_EXPIRED")


async def test_who_uses_a_token_again_is_counted_for_its_tenant(stage: Stage) -> None:
    token = await make_token(stage.api)
    for _ in range(3):
        await Joiner(stage.api).begin(token)
    taken = stage.process.telemetry.refusals.take()
    (refusal,) = taken
    assert (refusal.tenant, refusal.code) == (stage.api.tenant, "ENROLMENT_TOKEN_SPENT")
    assert refusal.subject == f"enrolment-token:{read_enrolment_token(token).id}"
    assert taken[refusal] == 2


@pytest.mark.parametrize(
    "change",
    [
        {"secret": bytes(32)},
        {"id": UUID(int=7)},
        {"tenant": UUID(int=7)},
        {"server_ca": bytes(32)},
    ],
    ids=repr,
)
async def test_a_token_in_which_anything_was_changed_is_no_token_of_ours(
    api: Api, change: dict[str, Any]
) -> None:
    token = await make_token(api)
    changed = EnrolmentToken(**(read_enrolment_token(token)._asdict() | change)).text()
    answer = await Joiner(api).begin(changed)
    assert (answer.status_code, answer.json()["code"]) == (401, "ENROLMENT_TOKEN_INVALID")
    assert (await Joiner(api).begin(token)).status_code == 201


@pytest.mark.parametrize("text", ["", "lote_", "x" * 200, "lote_" + "A" * 128, "lota_live_x"])
async def test_a_text_that_is_no_token_is_refused(api: Api, text: str) -> None:
    answer = await Joiner(api).begin(text)
    assert answer.status_code == 401
    assert answer.json()["code"] == "ENROLMENT_TOKEN_INVALID"


async def test_a_token_does_not_cross_into_another_tenant(api: Api) -> None:
    other = api.of_another_tenant()
    agent = Joiner(other)
    given = await agent.join(await make_token(api))
    assert given["tenant"] == str(api.tenant)
    assert (await other.get(f"/v1/nodes/{agent.node}")).status_code == 404
    assert (await api.get(f"/v1/nodes/{agent.node}")).status_code == 200


async def test_without_a_proof_of_the_session_key_nothing_is_spent(api: Api) -> None:
    agent, token = Joiner(api), await make_token(api)
    answer = await api.post("/v1/enrolments", agent.asked(token), as_=None)
    assert (answer.status_code, answer.json()["code"]) == (401, "PROOF_ABSENT")
    assert (await agent.begin(token)).status_code == 201


BAD: dict[str, tuple[dict[str, Any], int, str]] = {
    "a key that was not proven": ({"session_key": Joiner.__name__}, 401, "ENROLMENT_KEY_MISMATCH"),
    "a key that is no point": ({"session_key": "zero"}, 400, "KEY_MALFORMED"),
    "a TPM without keys": ({"identity": "tpm"}, 400, "ENROLMENT_IDENTITY"),
    "a TPM of its own saying": ({"inventory": [some_device("tpm")]}, 400, "ENROLMENT_KIND"),
    "a host of its own saying": ({"inventory": [some_device("host")]}, 400, "ENROLMENT_KIND"),
    "a model of its own saying": ({"inventory": [some_device("model")]}, 400, "ENROLMENT_KIND"),
    "one device twice": (
        {"inventory": [{"kind": "gpu", "device_id": "a"}] * 2},
        400,
        "NODE_DEVICE_TWICE",
    ),
}


@pytest.mark.parametrize("case", BAD)
async def test_what_is_wrong_with_a_request_is_found_after_its_token_is_spent(
    api: Api, case: str
) -> None:
    change, status, code = BAD[case]
    match change.get("session_key"):
        case "Joiner":
            change = {"session_key": Joiner(api).session_key}
        case "zero":
            change = {"session_key": {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}}
    agent, token = Joiner(api), await make_token(api)
    answer = await agent.begin(token, **change)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert [one["outcome"] for one in await entries(api, "enrolment.refuse")] == [code]
    assert (await agent.begin(token)).json()["code"] == "ENROLMENT_TOKEN_SPENT"


@pytest.mark.parametrize(
    "change",
    [
        {"inventory": [some_device() for _ in range(63)]},
        {"name": ""},
        {"name": "a\x00b"},
        {"name": "n" * 129},
        {"identity": "declared"},
        {"identity": "tee"},
        {"token": "x" * 201},
        {"more": 1},
        {"inventory": [{"kind": "GPU", "device_id": "x"}]},
        {"tpm": {"ek_certificates": "x" * 40_000, "ek_public": "AAAA", "ak_public": "AAAA"}},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_a_body_beyond_its_limits_is_refused_before_anything_is_looked_at(
    api: Api, change: dict[str, object]
) -> None:
    agent, token = Joiner(api), await make_token(api)
    answer = await agent.begin(token, **change)
    assert answer.status_code == 400
    assert answer.json()["code"] in {"REQUEST_BODY_INVALID", "REQUEST_TEXT_NUL"}
    assert (await agent.begin(token)).status_code == 201


async def test_a_token_for_tpms_takes_no_software(api: Api) -> None:
    answer = await Joiner(api).begin(await make_token(api, identity="tpm"))
    assert (answer.status_code, answer.json()["code"]) == (403, "ENROLMENT_NEEDS_TPM")


@pytest.mark.parametrize("proof", [bytes(32), b"", b"x" * 33])
async def test_a_wrong_proof_ends_the_enrolment(api: Api, proof: bytes) -> None:
    agent = Joiner(api)
    begun = (await agent.begin(await make_token(api))).json()
    text = base64.b64encode(proof).decode() or "="
    answer = await agent.activate(begun, proof=text)
    assert (answer.status_code, answer.json()["code"]) == (401, "ENROLMENT_PROOF_WRONG")
    assert (await agent.activate(begun)).json()["code"] == "ENROLMENT_NOT_FOUND"
    assert [one["outcome"] for one in await entries(api, "enrolment.refuse")] == [
        "ENROLMENT_PROOF_WRONG"
    ]
    assert (await api.get("/v1/nodes")).json()["items"] == []


async def test_the_proof_of_one_enrolment_is_none_of_another(api: Api) -> None:
    agent = Joiner(api)
    first = (await agent.begin(await make_token(api))).json()
    second = (await agent.begin(await make_token(api))).json()
    mixed = first | {"secret_for_software": second["secret_for_software"]}
    assert (await agent.activate(mixed)).json()["code"] == "ENROLMENT_PROOF_WRONG"


async def test_who_proves_another_key_than_the_one_that_enrols_ends_the_enrolment(
    api: Api,
) -> None:
    agent = Joiner(api)
    begun = (await agent.begin(await make_token(api))).json()
    thief = replace(agent, prover=Prover())
    assert (await thief.activate(begun)).json()["code"] == "ENROLMENT_KEY_MISMATCH"
    assert (await agent.activate(begun)).json()["code"] == "ENROLMENT_NOT_FOUND"


async def test_an_enrolment_is_found_under_its_own_tenant_alone(api: Api) -> None:
    agent = Joiner(api)
    begun = (await agent.begin(await make_token(api))).json()
    answer = await agent.activate(begun, tenant=str(uuid4()))
    assert (answer.status_code, answer.json()["code"]) == (404, "ENROLMENT_NOT_FOUND")
    assert (await agent.activate(begun)).status_code == 201


async def test_an_enrolment_is_over_after_five_minutes(stage: Stage) -> None:
    agent = Joiner(stage.api, clock=stage.process.clock)
    begun = (await agent.begin(await make_token(stage.api))).json()
    stage.now = utc_now() + timedelta(minutes=5)
    assert (await agent.activate(begun)).json()["code"] == "ENROLMENT_OVER"
    assert (await verbs(stage))[-1] == ("enrolment.refuse", "ENROLMENT_OVER")


async def test_a_device_that_is_pinned_anywhere_is_refused_and_not_told_where(api: Api) -> None:
    first = await joined(api)
    for place in (api, api.of_another_tenant()):
        agent = Joiner(place, devices=[some_device(), *first.devices])
        begun = (await agent.begin(await make_token(place))).json()
        answer = await agent.activate(begun)
        assert (answer.status_code, answer.json()["code"]) == (409, "NODE_DEVICE_TAKEN")
        assert answer.json()["details"] == {}
        assert (await place.get(f"/v1/nodes/{begun['id']}")).status_code == 404
        free = Joiner(place, devices=agent.devices[:1])
        await free.join(await make_token(place))


async def test_two_that_bring_the_same_devices_in_any_order_end_without_a_deadlock(
    api: Api,
) -> None:
    devices = [some_device() for _ in range(20)]
    agents = [Joiner(api, devices=devices[:: 1 if one % 2 else -1]) for one in range(10)]
    begun = [(await agent.begin(await make_token(api))).json() for agent in agents]
    pairs = zip(agents, begun, strict=True)
    answers = await asyncio.gather(*(agent.activate(one) for agent, one in pairs))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 9}


async def test_a_name_that_is_taken_is_refused(api: Api) -> None:
    first = await joined(api)
    agent = Joiner(api, name=first.name)
    begun = (await agent.begin(await make_token(api))).json()
    assert (await agent.activate(begun)).json()["code"] == "NODE_NAME_TAKEN"


async def test_a_token_under_a_policy_that_is_not_there_is_not_made(api: Api) -> None:
    answer = await api.post("/v1/enrolment-tokens", {"policy": "none-such"}, as_=Role.OPERATOR)
    assert (answer.status_code, answer.json()["code"]) == (404, "POLICY_NOT_FOUND")


@pytest.mark.parametrize("asked", [{"minutes": 0}, {"minutes": 61}, {"node_class": "No Class"}])
async def test_a_token_beyond_its_limits_is_not_made(api: Api, asked: dict[str, object]) -> None:
    answer = await api.post("/v1/enrolment-tokens", asked, as_=Role.OPERATOR)
    assert (answer.status_code, answer.json()["code"]) == (400, "REQUEST_BODY_INVALID")


async def test_what_is_stored_of_a_token_and_an_enrolment_is_no_secret(stage: Stage) -> None:
    agent, token = Joiner(stage.api), await make_token(stage.api)
    begun = (await agent.begin(token)).json()
    secrets = (read_enrolment_token(token).secret, agent.opened(begun))
    async with stage.process.database.transaction(stage.api.tenant) as tx:
        rows = [
            *await tx.fetch("select * from attestation.enrolment_tokens"),
            *await tx.fetch("select * from attestation.enrolments"),
        ]
    assert len(rows) == 2
    for secret in secrets:
        for text in (secret, encode_base64url(secret).encode(), secret.hex().encode()):
            assert all(text not in bytes(str(row), "utf-8") for row in rows)
            assert all(text not in value for row in rows for value in row.values()
                       if isinstance(value, bytes))  # fmt: skip


async def test_an_agent_that_never_heard_of_its_activation_renews_under_its_enrolments_id(
    api: Api,
) -> None:
    agent = Joiner(api)
    begun = (await agent.begin(await make_token(api))).json()
    lost = await agent.activate(begun)
    assert lost.json()["node"] == begun["id"]
    agent.node = begun["id"]
    await agent.renew()
    assert UUID(agent.node)
    assert (await agent.challenge()).status_code == 201

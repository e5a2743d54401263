"""What is revoked is refused: at once in the status list, and by every verdict from then on."""

import asyncio
import io
from typing import Any
from uuid import uuid4

import pytest
from plugins.agents import enrolled
from plugins.api import Api
from plugins.attester import Attester, ready, register, small_node, use_policy, use_reference
from plugins.process import calling, make_process

from lotabots import attestation
from lotabots.attestation.settings import AttestationSettings
from lotabots.attestation.status import AGE
from lotabots.evidence import Level
from lotabots.kernel import Role, VerificationKeys
from lotabots.reference import ReferenceSettings
from lotabots.result import (
    INVALID,
    VALID,
    Admission,
    Need,
    Required,
    StatusList,
    admit,
    read_result,
    read_status_list,
)
from lotabots.runtime.clock import utc_now
from lotabots.simulator import Fault

pytestmark = pytest.mark.anyio


async def revoke(api: Api, kind: str, value: str, reason: str = "no reason") -> dict[str, Any]:
    body = {"kind": kind, "value": value, "reason": reason}
    answer = await api.post("/v1/revocations", body, as_=Role.OPERATOR)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def keys_of(api: Api) -> VerificationKeys:
    return VerificationKeys.from_jwks((await api.get("/.well-known/jwks.json", as_=None)).content)


async def status_list(api: Api, keys: VerificationKeys) -> StatusList:
    return read_status_list((await api.get("/v1/status", as_=None)).text, keys)


async def door(api: Api, attester: Attester, answer: dict[str, Any]) -> Admission:
    """What a relying party does with the result of this answer at this moment."""
    keys = await keys_of(api)
    need = Need(
        issuer="urn:lotabots:attestation",
        audience="urn:lotabots:relying-parties",
        policies=frozenset({answer["policy"]}),
        required=(Required(kind="gpu", count=1, level=Level.ATTESTED),),
        allow_simulated=True,
    )
    result = read_result(answer["result"], keys)
    return admit(result, attester.id, need, await status_list(api, keys), utc_now())


async def closed(api: Api, attester: Attester, answer: dict[str, Any]) -> list[str]:
    """The codes with which the door is closed, once it is: a list may be a second old."""
    async with asyncio.timeout(30):
        while True:
            admission = await door(api, attester, answer)
            if not admission:
                return [reason.code for reason in admission.reasons]
            await asyncio.sleep(0.05)


async def told(api: Api) -> list[tuple[str, str | None]]:
    """The events of the tenant since it was set up, with the node of each."""
    items = (await api.get("/v1/events", params={"after": "0-0"})).json()["items"]
    return [(item["kind"], item["node"]) for item in items if item["kind"] != "policy.activated"]


def thing(kind: str, answer: dict[str, Any]) -> str:
    """Something of that kind that the device of this answer stands on."""
    facts = answer["devices"][0]["facts"]
    match kind:
        case "device":
            return str(facts["id"])
        case "driver":
            return str(facts["driver"])
        case "reference":
            return str(facts["rim"]["vbios"]["sha256"])
        case "key":
            return str(facts["keys_spki_sha256"][1])
        case "rim key":
            return str(facts["keys_spki_sha256"][-1])
    raise LookupError(kind)


async def evidence_tree(api: Api, answer: dict[str, Any]) -> dict[str, Any]:
    return dict((await api.get(f"/v1/attestations/{answer['id']}")).json())


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("device", "DEVICE-REVOKED"),
        ("driver", "DRIVER-REVOKED"),
        ("reference", "REFERENCE-REVOKED"),
        ("key", "KEY-REVOKED"),
        ("rim key", "KEY-REVOKED"),
    ],
)
async def test_what_stands_on_a_revoked_thing_is_over_at_once_and_refused_from_then_on(
    api: Api, kind: str, code: str
) -> None:
    attester = await ready(api, small_node())
    answer = await attester.attested()
    assert (await door(api, attester, answer)).admitted
    value = thing(kind, await evidence_tree(api, answer))
    made = await revoke(api, kind.rpartition(" ")[2], value, "found to be bad")
    assert (made["affected"], made["results"]) == ([attester.id], 1)
    assert await closed(api, attester, answer) == ["ADMIT_REVOKED"]
    refused = await attester.attested()
    assert refused["status"] == "rejected"
    [finding] = [one for one in refused["findings"] if one["code"] == code]
    assert (finding["cause"], finding["subject"]) == ("misconfigured", "gpu0")
    assert "found to be bad" in finding["measured"]
    assert value in finding["measured"]
    assert finding["fix"]
    path = f"/v1/revocations/{made['revocation']['id']}"
    lifted = await api.request("DELETE", path, as_=Role.OPERATOR)
    assert (lifted.status_code, lifted.json()["value"]) == (200, value)
    again = await attester.attested()
    assert again["status"] == "accepted"
    assert (await door(api, attester, again)).admitted
    assert not await door(api, attester, answer), "what is over stays over"
    assert await told(api) == [
        ("node.standing", attester.id),
        ("revocation.made", None),
        ("results.revoked", attester.id),
        ("node.standing", attester.id),
        ("revocation.lifted", None),
        ("node.standing", attester.id),
    ]


@pytest.mark.parametrize("scope", ["full", "light"])
async def test_a_result_in_force_is_met_though_the_node_has_been_seen_otherwise_since(
    api: Api, scope: str
) -> None:
    agent = await enrolled(api, small_node())
    answer = await agent.full()
    file = thing("reference", await evidence_tree(api, answer))
    if scope == "light":
        answer = await agent.light()
    # Its newest full attestation stands on no file: nothing of the GPU is sent, nothing accepted.
    challenge = await agent.challenge()
    host = [one for one in agent.evidence(challenge) if one.subject == "host0"]
    newer = (await agent.submit(challenge, host)).json()
    assert newer["status"] == "inconclusive"
    made = await revoke(api, "reference", file)
    assert (made["affected"], made["results"]) == ([agent.id], 1 if scope == "full" else 2)


async def test_a_light_result_opens_no_door_that_asks_for_a_gpu(api: Api) -> None:
    agent = await enrolled(api, small_node())
    assert (await door(api, agent, await agent.full())).admitted
    light = await agent.light()
    assert light["status"] == "accepted"
    assert [one.code for one in (await door(api, agent, light)).reasons] == ["ADMIT_DEVICES"]


async def test_who_does_not_have_the_thing_is_not_met(api: Api) -> None:
    await use_policy(api, "demo")
    nodes = [small_node(), small_node()]
    await use_reference(api, *nodes)
    one, other = [await register(api, node) for node in nodes]
    answers = [await one.attested(), await other.attested()]
    device = thing("device", await evidence_tree(api, answers[0]))
    assert (await revoke(api, "device", device))["affected"] == [one.id]
    await closed(api, one, answers[0])
    assert (await door(api, other, answers[1])).admitted
    assert (await other.attested())["status"] == "accepted"


async def test_what_one_tenant_revokes_says_nothing_to_another(api: Api) -> None:
    stranger = api.of_another_tenant()
    attester = await ready(api, small_node())
    answer = await attester.attested()
    driver = thing("driver", await evidence_tree(api, answer))
    made = await revoke(stranger, "driver", driver)
    assert (made["affected"], made["results"]) == ([], 0)
    assert (await attester.attested())["status"] == "accepted"
    assert (await door(api, attester, answer)).admitted
    path = f"/v1/revocations/{made['revocation']['id']}"
    assert (await api.request("DELETE", path)).status_code == 404


async def test_a_rejected_node_has_no_result_left_that_anybody_could_act_upon(api: Api) -> None:
    node = small_node()
    attester = await ready(api, node)
    good = await attester.attested()
    attester.node = node.with_fault(Fault.FIRMWARE_MODIFIED)
    assert (await attester.attested())["status"] == "rejected"
    assert await closed(api, attester, good) == ["ADMIT_REVOKED"]
    assert await told(api) == [
        ("node.standing", attester.id),
        ("results.revoked", attester.id),
        ("node.standing", attester.id),
    ]


async def test_bad_evidence_that_proves_no_device_ends_nothing(api: Api) -> None:
    node = small_node()
    attester = await ready(api, node)
    good = await attester.attested()
    attester.node = node.with_fault(Fault.SIGNATURE_BIT)
    assert (await attester.attested())["status"] == "rejected"
    assert (await door(api, attester, good)).admitted, "anybody could have sent this"


async def test_nobody_ends_results_of_another_node_by_what_they_send(api: Api) -> None:
    await use_policy(api, "demo")
    nodes = [small_node(), small_node()]
    await use_reference(api, *nodes)
    victim, attacker = [await register(api, node) for node in nodes]
    good = await victim.attested()
    before = (await api.get(f"/v1/nodes/{victim.id}")).json()
    # With the victim's devices, well and ill, under its own challenge; as itself for the victim's.
    for node in (victim.node, victim.node.with_fault(Fault.FIRMWARE_MODIFIED)):
        attacker.node = node
        assert (await attacker.attested())["status"] == "rejected"
    challenge = await victim.challenge()
    attacker.caller_node = attacker.id
    ill = victim.node.with_fault(Fault.FIRMWARE_MODIFIED)
    attacker.node, attacker.session_key = ill, victim.session_key
    refused = await attacker.submit(challenge, attacker.evidence(challenge))
    assert refused.status_code >= 400
    # And an operator who submits for the victim what it never sent.
    forged = Attester(api, ill, victim.id, agent=False)
    assert (await forged.attested())["status"] == "rejected"
    assert (await door(api, victim, good)).admitted
    after = (await api.get(f"/v1/nodes/{victim.id}")).json()
    assert (after["standing"], after["inventory"]) == (before["standing"], before["inventory"])
    assert (await api.get("/v1/revocations")).json() == []


async def test_a_node_in_quarantine_is_rejected_until_it_is_released(api: Api) -> None:
    attester = await ready(api, small_node())
    answer = await attester.attested()
    path = f"/v1/nodes/{attester.id}"
    await api.post(f"{path}/quarantine", {"reason": "smells of smoke"})
    assert await closed(api, attester, answer) == ["ADMIT_REVOKED"]
    held = await attester.attested()
    assert held["status"] == "rejected"
    assert "NODE-QUARANTINED" in {one["code"] for one in held["findings"]}
    [row] = (await api.get("/v1/revocations")).json()
    assert (row["kind"], row["value"]) == ("quarantine", attester.id)
    refused = await api.request("DELETE", f"/v1/revocations/{row['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "REVOCATION_OF_NODE")
    await api.post(f"{path}/release", {"reason": "it was the toaster"})
    assert (await attester.attested())["status"] == "accepted"


async def test_a_result_that_commits_after_the_revocation_that_it_missed_is_over_soon(
    api: Api,
) -> None:
    attester = await ready(api, small_node())
    answer = await attester.attested()
    await revoke(api, "device", thing("device", await evidence_tree(api, answer)))
    # As if the submission had been under way: stored as it would have been a moment later.
    async with api.database.transaction(api.tenant) as tx:
        await tx.execute("update attestation.results set revoked_at = null, revoked_because = null")
    assert await closed(api, attester, answer) == ["ADMIT_REVOKED"]


async def test_every_process_says_the_same_of_a_result(api: Api) -> None:
    attester = await ready(api, small_node())
    answer = await attester.attested()
    keys = await keys_of(api)
    status = read_result(answer["result"], keys).status
    assert status is not None
    settings = AttestationSettings(), ReferenceSettings()
    other = make_process(api.database, io.BytesIO(), *settings)
    async with calling(other, [attestation.service(other)]) as client:

        async def seen() -> object:
            return read_status_list((await client.get("/v1/status")).text, keys).get(status.idx)

        assert await seen() == VALID
        await revoke(api, "device", thing("device", await evidence_tree(api, answer)))
        assert await closed(api, attester, answer) == ["ADMIT_REVOKED"]
        await asyncio.sleep(AGE.total_seconds())
        assert await seen() == INVALID


async def test_the_same_thing_is_revoked_once_at_a_time_and_all_is_listed(api: Api) -> None:
    first = await revoke(api, "driver", "1.2.3", "first")
    body = {"kind": "driver", "value": "1.2.3", "reason": "again"}
    twice = await api.post("/v1/revocations", body)
    assert (twice.status_code, twice.json()["code"]) == (409, "REVOCATION_EXISTS")
    path = f"/v1/revocations/{first['revocation']['id']}"
    assert (await api.request("DELETE", path)).status_code == 200
    over = await api.request("DELETE", path)
    assert (over.status_code, over.json()["code"]) == (404, "REVOCATION_NOT_FOUND")
    second = await revoke(api, "driver", "1.2.3", "second")
    in_force = (await api.get("/v1/revocations", as_=Role.VIEWER)).json()
    assert [one["id"] for one in in_force] == [second["revocation"]["id"]]
    everything = (await api.get("/v1/revocations", params={"lifted": "true"})).json()
    assert [one["reason"] for one in everything] == ["second", "first"]
    assert everything[1]["lifted_by"] is not None


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "node", "value": str(uuid4()), "reason": "x"},
        {"kind": "quarantine", "value": str(uuid4()), "reason": "x"},
        {"kind": "device", "value": "", "reason": "x"},
        {"kind": "device", "value": "d" * 129, "reason": "x"},
        {"kind": "device", "value": "d\x1b[2J", "reason": "x"},
        {"kind": "device", "value": "d", "reason": ""},
        {"kind": "device", "value": "d", "reason": "x" * 501},
        {"kind": "device", "value": "d"},
    ],
)
async def test_what_cannot_be_revoked_is_refused(api: Api, body: dict[str, str]) -> None:
    answer = await api.post("/v1/revocations", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "REQUEST_BODY_INVALID")


async def test_revocations_stand_in_the_audit_log(api: Api) -> None:
    made = await revoke(api, "key", "ab" * 32)
    named = f"revocation:{made['revocation']['id']}"
    await api.request("DELETE", f"/v1/revocations/{made['revocation']['id']}")
    entries = (await api.get("/v1/audit/entries")).json()["entries"]
    verbs = [one["entry"]["verb"] for one in entries if one["entry"]["subject"] == named]
    assert verbs == ["revocation.lift", "revocation.make"]

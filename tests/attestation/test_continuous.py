"""A node keeps proving itself: light attestations between full ones, over the API."""

import asyncio
import base64
import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from plugins.agents import Agent, enrolled, with_agent
from plugins.api import Api
from plugins.attester import (
    Attester,
    new_jwk,
    ready,
    register,
    small_node,
    use_policy,
    use_reference,
)
from plugins.people import Prover

from lotabots.appraisal import builtin_policy, replay
from lotabots.attestation.notices import Notice, tell
from lotabots.kernel import Role, VerificationKeys
from lotabots.result import read_result
from lotabots.runtime.appraiser import this_appraiser
from lotabots.runtime.clock import utc_now
from lotabots.simulator import Fault, Measured, SimulatedTpm, TpmFault

pytestmark = pytest.mark.anyio


WEAK = {"NODE-IDENTITY-SOFTWARE", "NODE-BINDING-WEAK"}
"""What is found of good nodes too, and accepted: today's hardware is no better."""


def codes(answer: dict[str, Any]) -> set[str]:
    return {finding["code"] for finding in answer["findings"]} - WEAK


async def row_of(agent: Agent) -> dict[str, Any]:
    async with agent.api.database.transaction(agent.api.tenant) as tx:
        row = await tx.fetch_one(
            "select standing, last_attempt_at, last_success_at, due_at, overdue_at, state"
            " from attestation.nodes where id = $1",
            UUID(agent.id),
        )
    assert row is not None
    return dict(row)


async def age_full(agent: Agent, seconds: int) -> None:
    """Has the node's last full attestation lie further back."""
    async with agent.api.database.transaction(agent.api.tenant) as tx:
        await tx.execute(
            "update attestation.nodes set state = jsonb_set(state, '{full_at}', to_jsonb("
            "((state ->> 'full_at')::timestamptz - make_interval(secs => $2)))) where id = $1",
            UUID(agent.id),
            seconds,
        )


async def use_own_policy(api: Api, **parameters: object) -> str:
    source = json.loads(builtin_policy("demo").document)
    source["parameters"] |= parameters
    added = await api.post("/v1/policies", {"source": json.dumps(source)})
    assert added.status_code == 201, added.text
    await use_policy(api, added.json()["id"])
    return str(added.json()["id"])


async def test_light_attestations_follow_a_full_one_with_one_request_each(api: Api) -> None:
    agent = await enrolled(api, small_node())
    answer = await agent.full(next_challenge=True)
    assert answer["status"] == "accepted", answer["findings"]
    assert answer["next"] == {"scope": "light", "after_seconds": 60}
    assert [item["subject"] for item in answer["challenge"]["inventory"]] == ["host0"]
    for _ in range(3):
        answer = await agent.go_on()
        assert (answer["status"], answer["next"]["scope"]) == ("accepted", "light")
        assert [device["subject"] for device in answer["devices"]] == ["host0"]
    listed = (await api.get("/v1/attestations?attestation_type=light")).json()["items"]
    assert len(listed) == 3
    row = await row_of(agent)
    assert row["standing"] == "accepted"
    assert (row["due_at"] - row["last_success_at"]).total_seconds() == 120
    assert (row["overdue_at"] - row["last_success_at"]).total_seconds() == 300


async def test_a_challenge_says_what_it_asks_for_and_how_often(api: Api) -> None:
    agent = await enrolled(api, small_node())
    light = await agent.challenge(scope="light")
    assert (light["scope"], light["light_seconds"], light["full_seconds"]) == ("light", 60, 300)
    assert light["full_due"]
    await agent.full()
    full = await agent.challenge()
    assert [item["subject"] for item in full["inventory"]] == ["gpu0", "host0"]
    assert (full["scope"], full["full_due"], full["tpm"]) == ("full", False, None)


async def test_a_light_one_before_any_full_one_asks_for_it(api: Api) -> None:
    agent = await enrolled(api, small_node())
    answer = await agent.light(next_challenge=True)
    assert (answer["status"], codes(answer)) == (
        "inconclusive",
        {"NODE-FULL-DUE", "NODE-LAYOUT-CHANGED"},
    )
    assert answer["next"] == {"scope": "full", "after_seconds": 0}
    answer = await agent.go_on()
    assert answer["status"] == "accepted"
    assert (await agent.shown())["standing"] == "accepted"


async def test_a_full_one_that_is_too_old_is_asked_for(api: Api) -> None:
    agent = await enrolled(api, small_node())
    await agent.full()
    await age_full(agent, 601)
    answer = await agent.light()
    assert (answer["status"], codes(answer)) == ("inconclusive", {"NODE-FULL-DUE"})
    assert (await agent.shown())["standing"] == "inconclusive"
    await agent.full()
    await age_full(agent, 241)
    assert (await agent.light())["next"]["scope"] == "full"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"kernel": "6.8.0-patched"}, "kernel"),
        ({"boot_id": "another boot"}, "boot"),
    ],
)
async def test_a_reboot_or_another_driver_or_layout_forces_a_full_one(
    api: Api, change: dict[str, Any], named: str
) -> None:
    agent = await enrolled(api, small_node())
    await agent.full(next_challenge=True)
    agent.host = change
    answer = await agent.go_on()
    assert (answer["status"], codes(answer)) == ("inconclusive", {"NODE-LAYOUT-CHANGED"})
    assert named in answer["first_reason"]["measured"]
    assert answer["next"] == {"scope": "full", "after_seconds": 0}
    agent.host = {}
    assert (await agent.light())["status"] == "inconclusive"
    agent.host = change
    assert (await agent.full())["status"] == "accepted"
    assert (await agent.light())["status"] == "accepted"


async def test_another_policy_forces_a_full_one(api: Api) -> None:
    agent = await enrolled(api, small_node())
    await agent.full()
    await use_own_policy(api, light="30s")
    answer = await agent.light()
    assert (answer["status"], codes(answer)) == ("inconclusive", {"NODE-FULL-DUE"})
    assert (await agent.full())["next"]["after_seconds"] == 30
    assert (await agent.light())["status"] == "accepted"


async def test_a_node_is_judged_by_a_policy_of_its_own(api: Api) -> None:
    agent = await enrolled(api, small_node(), policy="default")
    async with api.database.transaction(api.tenant) as tx:
        await tx.execute(
            "update attestation.nodes set policy_ref = 'demo' where id = $1", UUID(agent.id)
        )
    answer = await agent.full(next_challenge=True)
    assert answer["policy"].startswith("urn:lotabots:policy:demo@")
    assert answer["challenge"]["policy"] == answer["policy"]
    assert answer["status"] == "accepted"
    body = {"node": agent.id, "session_key": agent.session_key, "policy": "default"}
    refused = await agent.post("/v1/challenges", body)
    assert (refused.status_code, refused.json()["code"]) == (403, "POLICY_NOT_YOURS")
    other = await api.post("/v1/challenges", body, as_=Role.OPERATOR)
    assert other.json()["policy"].startswith("urn:lotabots:policy:default@")


async def test_a_rejected_full_one_leaves_light_ones_nothing_to_stand_on(api: Api) -> None:
    node = small_node()
    agent = await enrolled(api, node)
    await agent.full()
    agent.node = node.with_fault(Fault.FIRMWARE_MODIFIED)
    answer = await agent.full()
    assert (answer["status"], answer["next"]["scope"]) == ("rejected", "full")
    assert (await agent.shown())["standing"] == "rejected"
    assert (await agent.light())["status"] == "inconclusive"
    agent.node = node
    assert (await agent.full())["status"] == "accepted"
    assert (await agent.light())["status"] == "accepted"


async def test_a_replay_of_a_light_attestation_gives_identical_bytes(api: Api) -> None:
    agent = await enrolled(api, small_node())
    await agent.full()
    answer = await agent.light()
    stored = (await api.get(f"/v1/attestations/{answer['id']}/inputs", as_=Role.AUDITOR)).json()
    manifest = base64.b64decode(stored["manifest"])
    blobs = {name: base64.b64decode(data) for name, data in stored["blobs"].items()}
    again = replay(manifest, blobs, this_appraiser())
    assert again.canonical() == base64.b64decode(stored["verdict"])
    assert again.digest == answer["appraisal_digest"]
    assert json.loads(manifest)["previous"]["full_outcome"] == "accepted"


async def test_a_result_says_whether_it_is_of_a_light_attestation(api: Api) -> None:
    agent = await enrolled(api, small_node())
    answers = [await agent.full(), await agent.light()]
    keys = VerificationKeys.from_jwks((await api.get("/.well-known/jwks.json", as_=None)).content)
    results = [read_result(answer["result"], keys) for answer in answers]
    assert [result.scope for result in results] == ["full", "light"]
    assert [[part.kind for part in result.parts] for result in results] == [
        ["gpu", "host"],
        ["host"],
    ]


async def test_a_node_acts_as_itself_in_the_audit_log(api: Api) -> None:
    agent = await enrolled(api, small_node())
    await agent.full(next_challenge=True)
    entries = (await api.get("/v1/audit/entries?actor=node")).json()["entries"]
    assert {entry["entry"]["actor"] for entry in entries} == {f"node:{agent.id}"}
    assert {entry["entry"]["verb"] for entry in entries} == {
        "challenge.create", "challenge.spend", "attestation.record",
    }  # fmt: skip
    assert all(entry["disclosed"] == {} for entry in entries)


async def test_what_an_operator_submits_moves_neither_standing_nor_state(api: Api) -> None:
    agent = await enrolled(api, small_node())
    await agent.full()
    before = await row_of(agent)
    body = {"node": agent.id, "session_key": agent.session_key, "scope": "light"}
    challenge = (await api.post("/v1/challenges", body, as_=Role.OPERATOR)).json()
    agent.host = {"kernel": "another"}
    evidence = agent.evidence(challenge)
    answer = await api.post(
        "/v1/attestations",
        {
            "challenge": challenge["id"],
            "nonce": challenge["nonce"],
            "session_key": agent.session_key,
            "evidence": [
                {
                    "subject": item.subject,
                    "scheme": item.scheme,
                    "data": base64.b64encode(item.data).decode(),
                    "certificates": "",
                }
                for item in evidence
            ],
        },
        as_=Role.OPERATOR,
    )
    assert answer.json()["status"] == "inconclusive"
    assert await row_of(agent) == before


async def test_evidence_that_proves_nothing_is_an_attempt_and_else_silence(api: Api) -> None:
    agent = await enrolled(api, small_node())
    await agent.full()
    before = await row_of(agent)
    challenge = await agent.challenge(scope="light")
    other = await agent.challenge(scope="light")
    answer = (await agent.submit(challenge, agent.evidence(other))).json()
    assert answer["status"] == "rejected"
    assert "HOST-NONCE-MISMATCH" in codes(answer)
    after = await row_of(agent)
    assert after.pop("last_attempt_at") > before.pop("last_attempt_at")
    assert after == before


async def test_a_declared_node_without_an_agent_has_no_deadline_and_nothing_light(
    api: Api,
) -> None:
    attester = await ready(api, small_node())
    answer = await attester.attested(next_challenge=True)
    assert answer["next"] == {"scope": "full", "after_seconds": 300}
    async with api.database.transaction(api.tenant) as tx:
        due = await tx.fetch_value("select count(due_at) from attestation.nodes")
    assert due == 0
    body = {"node": attester.id, "session_key": attester.session_key, "scope": "light"}
    refused = await api.post("/v1/challenges", body, as_=Role.OPERATOR)
    assert (refused.status_code, refused.json()["code"]) == (409, "CHALLENGE_LIGHT_EMPTY")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"scope": "most"}, 400, "REQUEST_BODY_INVALID"),
        ({"scope": None}, 400, "REQUEST_BODY_INVALID"),
        ({"scope": "light", "models": ["ab" * 32]}, 400, "CHALLENGE_LIGHT_MODELS"),
    ],
)
async def test_a_scope_that_is_none_is_refused(
    api: Api, body: dict[str, object], status: int, code: str
) -> None:
    agent = await enrolled(api, small_node())
    asked = {"node": agent.id, "session_key": agent.session_key} | body
    answer = await agent.post("/v1/challenges", asked)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_another_key_than_the_agents_gets_no_challenge_and_no_verdict(api: Api) -> None:
    agent = await enrolled(api, small_node())
    challenge = await agent.challenge()
    evidence = agent.evidence(challenge)
    thief = Agent(api, agent.node, agent.id, session_key=agent.session_key, prover=Prover())
    asked = {"node": agent.id, "session_key": agent.session_key}
    answer = await thief.post("/v1/challenges", asked)
    assert (answer.status_code, answer.json()["code"]) == (403, "CREDENTIAL_REPLACED")
    bearer = await api.post("/v1/challenges", asked, as_=Role.AGENT, node=agent.id)
    assert bearer.json()["code"] == "CREDENTIAL_REPLACED"
    answer = await thief.submit(challenge, evidence)
    assert (answer.status_code, answer.json()["code"]) == (403, "CREDENTIAL_REPLACED")
    assert (await agent.shown())["standing"] == "unknown"


@pytest.mark.parametrize("scope", ["light", "full"])
async def test_a_node_that_enrolled_is_challenged_for_its_own_session_key_alone(
    api: Api, scope: str
) -> None:
    # What a host says is signed by nobody: whoever may submit could else say it for the node, and
    # have a result of it bound to a key of their own.
    agent = await enrolled(api, small_node())
    await agent.full()
    asked = {"node": agent.id, "session_key": new_jwk(), "scope": scope}
    for answer in (
        await agent.post("/v1/challenges", asked),
        await api.post("/v1/challenges", asked, as_=Role.OPERATOR),
        await api.post("/v1/challenges", asked, as_=Role.SERVICE),
    ):
        assert (answer.status_code, answer.json()["code"]) == (
            400,
            "CHALLENGE_SESSION_KEY_MISMATCH",
        )


async def test_a_challenge_for_a_session_key_that_was_replaced_is_over(api: Api) -> None:
    agent = await enrolled(api, small_node())
    operator = Attester(api, agent.node, agent.id, agent=False, session_key=agent.session_key)
    challenge = await operator.challenge(scope="light")
    async with api.database.transaction(api.tenant) as tx:
        await tx.execute("update attestation.agents set key_thumbprint = $1", "A" * 43)
    answer = await operator.submit(challenge, agent.evidence(challenge))
    assert (answer.status_code, answer.json()["code"]) == (400, "CHALLENGE_SESSION_KEY_MISMATCH")


async def test_a_revoked_node_gets_no_challenge_and_no_verdict(api: Api) -> None:
    agent = await enrolled(api, small_node())
    await agent.full(next_challenge=True)
    assert agent.newest is not None
    async with api.database.transaction(api.tenant) as tx:
        await tx.execute(
            "update attestation.nodes set lifecycle = 'revoked' where id = $1", UUID(agent.id)
        )
    asked = {"node": agent.id, "session_key": agent.session_key}
    answer = await agent.post("/v1/challenges", asked)
    assert (answer.status_code, answer.json()["code"]) == (403, "NODE_REVOKED")
    answer = await agent.submit(agent.newest, agent.evidence(agent.newest))
    assert (answer.status_code, answer.json()["code"]) == (403, "NODE_REVOKED")
    again = await agent.submit(agent.newest, agent.evidence(agent.newest))
    assert again.json()["code"] == "CHALLENGE_SPENT"


async def test_of_submissions_judged_at_once_from_one_state_one_counts(api: Api) -> None:
    agent = await enrolled(api, small_node())
    challenges = [await agent.challenge() for _ in range(6)]
    answers = await asyncio.gather(
        *(agent.submit(challenge, agent.evidence(challenge)) for challenge in challenges)
    )
    kinds = {answer.status_code: answer.json().get("code") for answer in answers}
    assert kinds.keys() <= {201, 409}
    assert kinds.get(409, "NODE_STATE_CHANGED") == "NODE_STATE_CHANGED"
    async with api.database.transaction(api.tenant) as tx:
        stored = await tx.fetch_value("select count(*) from attestation.attestations")
    assert stored == sum(answer.status_code == 201 for answer in answers) >= 1
    assert (await agent.full())["status"] == "accepted"


async def test_a_gpu_of_another_enrolled_node_is_named(api: Api) -> None:
    mine, other = small_node("mine"), small_node("other")
    await use_policy(api, "demo")
    await use_reference(api, mine, other)
    agents = [await with_agent(api, await register(api, node)) for node in (mine, other)]
    for agent in agents:
        assert (await agent.full())["status"] == "accepted"
    first, second = agents
    # The other node's GPU answers the challenge of the first one, nonce and all.
    challenge = await first.challenge()
    thief = Agent(api, other, first.id, session_key=first.session_key, prover=first.prover)
    answer = (await first.submit(challenge, thief.evidence(challenge))).json()
    assert (answer["status"], answer["first_reason"]["code"]) == ("rejected", "NODE-DEVICE-SWAPPED")
    assert other.inventory[0].device_id in answer["first_reason"]["measured"]
    assert mine.inventory[0].device_id in answer["first_reason"]["expected"]
    assert ((await first.shown())["standing"], (await second.shown())["standing"]) == (
        "rejected", "accepted",
    )  # fmt: skip


LEAVES = [
    (TpmFault.LEAF_REMOVED, "TPM-LEAF-REMOVED"),
    (TpmFault.LEAF_ADDED, "TPM-LEAF-ADDED"),
    (TpmFault.LEAF_REPLACED, "TPM-LEAF-REPLACED"),
    (TpmFault.LEAF_REORDERED, "TPM-LEAF-REORDERED"),
    (TpmFault.LEAF_REPLAYED, "TPM-LEAF-REPLACED"),
    (TpmFault.LEAF_UNCOVERED, "TPM-LEAF-ADDED"),
    (TpmFault.MANIFEST_REPLAYED, "TPM-MANIFEST-REPLAYED"),
    (TpmFault.NONCE_OTHER, "TPM-NONCE-MISMATCH"),
]


@pytest.mark.parametrize(("fault", "code"), LEAVES)
async def test_a_leaf_that_the_quote_does_not_cover_is_refused_with_its_code(
    api: Api, fault: TpmFault, code: str
) -> None:
    node = small_node(gpus=2, tpm=True)
    agent = await enrolled(api, node)
    good = await agent.full()
    assert good["status"] == "accepted", good["findings"]
    agent.node = node.with_fault(fault)
    agent.tpm(lambda tpm: tpm.later(60_000))
    answer = await agent.full()
    assert answer["status"] == "rejected"
    assert code in codes(answer)


async def test_a_node_with_a_tpm_goes_on_by_light_quotes_until_it_reboots(api: Api) -> None:
    agent = await enrolled(api, small_node(tpm=True))
    answer = await agent.full(next_challenge=True)
    assert answer["status"] == "accepted", answer["findings"]
    place = answer["challenge"]["tpm"]
    assert place == {"reset_count": 1, "restart_count": 0, "ima_entries": 6, "event_log": False}
    for entries in (7, 8):
        agent.tpm(lambda tpm: tpm.later(60_000).measure(Measured.of("/usr/bin/bash")))
        answer = await agent.go_on()
        assert (answer["status"], codes(answer)) == ("accepted", set())
        assert {device["subject"] for device in answer["devices"]} == {"host0", "tpm0"}
        assert answer["challenge"]["tpm"]["ima_entries"] == entries
    agent.tpm(SimulatedTpm.reboot)
    answer = await agent.light(next_challenge=True)
    assert answer["status"] != "accepted"
    assert "NODE-REBOOTED" in codes(answer)
    assert answer["next"] == {"scope": "full", "after_seconds": 0}
    agent.tpm(lambda tpm: tpm.later(1000))
    assert (await agent.go_on())["status"] == "accepted"
    agent.tpm(lambda tpm: tpm.later(60_000))
    assert (await agent.light())["status"] == "accepted"


async def test_a_node_of_a_tpm_alone_attests_under_the_policy_for_hosts(api: Api) -> None:
    agent = await enrolled(api, small_node(gpus=0, tpm=True), policy="demo-host")
    answer = await agent.full(next_challenge=True)
    assert (answer["status"], answer["findings"]) == ("accepted", [])
    agent.tpm(lambda tpm: tpm.later(60_000))
    answer = await agent.go_on()
    assert (answer["status"], answer["tier"], answer["findings"]) == ("accepted", 2, [])


async def test_a_tpm_of_another_node_is_not_the_enrolled_one(api: Api) -> None:
    mine, other = small_node("mine", tpm=True), small_node("other", tpm=True)
    await use_policy(api, "demo")
    await use_reference(api, mine, other)
    agent = await with_agent(api, await register(api, mine))
    await with_agent(api, await register(api, other))
    assert (await agent.full())["status"] == "accepted"
    assert other.tpm is not None
    agent.node = mine.with_tpm(other.tpm.later(60_000))
    answer = await agent.full()
    assert answer["status"] == "rejected"
    assert "TPM-SIGNATURE-INVALID" in codes(answer)
    # Nobody signed it who is known: for the node that is silence.
    assert (await agent.shown())["standing"] == "accepted"


async def test_a_revoked_driver_forces_a_full_attestation_that_is_rejected(api: Api) -> None:
    agent = await enrolled(api, small_node())
    full = await agent.full()
    assert (await agent.light())["status"] == "accepted"
    driver = full["devices"][0]["facts"]["driver"]
    body = {"kind": "driver", "value": driver, "reason": "a hole in it"}
    async with api.database.transaction(api.tenant) as tx:
        await tx.execute(
            "insert into attestation.revocations (id, kind, value, reason, made_by, made_at)"
            " values ($1, $2, $3, $4, $5, now())",
            uuid4(),
            *body.values(),
            api.user,
        )
        await tell(tx, Notice.REVOCATION_MADE, None, {}, utc_now())
    await asyncio.sleep(0.5)  # the other processes hear of it
    answer = await agent.light(next_challenge=True)
    assert {"NODE-FULL-DUE", "DRIVER-REVOKED"} <= codes(answer)
    answer = await agent.go_on()
    assert answer["status"] == "rejected"
    assert "DRIVER-REVOKED" in codes(answer)


async def test_a_challenge_far_ahead_is_not_given(api: Api) -> None:
    agent = await enrolled(api, small_node())
    await use_own_policy(api, light="10m", full="1h")
    answer = await agent.full(next_challenge=True)
    assert answer["next"] == {"scope": "light", "after_seconds": 600}
    assert answer["challenge"] is None


async def test_a_challenge_given_ahead_is_good_once_and_for_its_own_node_alone(api: Api) -> None:
    agent = await enrolled(api, small_node())
    await agent.full(next_challenge=True)
    challenge = agent.newest
    assert challenge is not None
    stranger = await api.post(
        "/v1/attestations",
        {
            "challenge": challenge["id"],
            "nonce": challenge["nonce"],
            "session_key": agent.session_key,
            "evidence": [],
        },
        as_=Role.AGENT,
        node=str(uuid4()),
    )
    assert stranger.json()["code"] == "NODE_NOT_YOURS"
    assert (await agent.go_on())["status"] == "accepted"
    again = await agent.submit(challenge, agent.evidence(challenge))
    assert again.json()["code"] == "CHALLENGE_SPENT"

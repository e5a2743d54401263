"""An agent's credential: what it opens, how it is renewed, and what ends it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from plugins.api import Api
from plugins.attester import use_policy
from plugins.enroller import HERE, Joiner, TpmJoiner, joined, joined_by_tpm, make_token
from plugins.people import Prover
from plugins.stage import Stage, staged

from lotabots.access import PERMISSIONS
from lotabots.kernel import Role
from lotabots.runtime.clock import utc_now
from lotabots.runtime.database import Database
from lotabots.runtime.web import TokenSettings

pytestmark = pytest.mark.anyio

ITS_OWN = {"challenge.create", "attestation.submit", "node.report"}


@pytest.fixture
async def stage(database: Database) -> AsyncIterator[Stage]:
    async with staged(database, TokenSettings(public_url=HERE)) as stage:
        yield stage


async def test_a_credential_permits_challenges_submissions_and_reports_alone() -> None:
    assert {str(one) for one in PERMISSIONS[Role.AGENT]} == ITS_OWN


async def test_with_a_credential_no_other_route_does_anything(api: Api) -> None:
    agent = await joined(api)
    page = (await api.client.get(f"{api.servers.url}/openapi.json")).json()
    tried = 0
    for template, item in page["paths"].items():
        for method, operation in item.items():
            asked = set(operation.get("x-permissions", []))
            if not operation["security"] or asked & ITS_OWN:
                continue
            path = "/".join(
                str(uuid4()) if part.startswith("{") else part for part in template.split("/")
            )
            answer = await agent.call(method.upper(), path)
            assert answer.status_code == 403, (method, template, answer.text[:200])
            tried += 1
    assert tried > 80


async def test_a_credential_lives_a_day_and_is_bound_to_the_session_key(api: Api) -> None:
    agent = Joiner(api)
    given = await agent.join(await make_token(api))
    left = datetime.fromisoformat(given["expires_at"]) - utc_now()
    assert timedelta(hours=23, minutes=59) < left <= timedelta(hours=24)
    body = {"node": agent.node, "session_key": agent.session_key}
    headers = {"authorization": f"Bearer {agent.credential}"}
    answer = await api.post("/v1/challenges", body, as_=None, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "PROOF_ABSENT")
    thief = replace(agent, prover=Prover())
    assert (await thief.challenge()).json()["code"] == "PROOF_INVALID"


async def test_a_credential_is_for_its_own_node_alone(api: Api) -> None:
    agent, other = await joined(api), await joined(api)
    agent.node = other.node
    answer = await agent.challenge()
    assert (answer.status_code, answer.json()["code"]) == (403, "NODE_NOT_YOURS")


async def test_a_credential_renews_and_the_one_before_is_refused_everywhere(api: Api) -> None:
    agent = await joined(api)
    old = replace(agent)
    given = await agent.renew()
    assert given["node"] == old.node
    assert (await agent.challenge()).status_code == 201
    for url in api.servers.processes:
        refused = await replace(old, api=api).challenge()
        assert (refused.status_code, refused.json()["code"]) == (401, "TOKEN_REVOKED"), url


@pytest.mark.parametrize("kind", [Joiner, TpmJoiner])
async def test_a_credential_renews_after_its_end(stage: Stage, kind: type[Joiner]) -> None:
    agent = kind(stage.api, clock=stage.process.clock)
    await agent.join(await make_token(stage.api))
    stage.now = utc_now() + timedelta(days=40)
    assert (await agent.challenge()).json()["code"] == "TOKEN_EXPIRED"
    await agent.renew()
    assert (await agent.challenge()).status_code == 201


@pytest.mark.parametrize("standing", ["rejected", "stale", "inconclusive", "accepted"])
async def test_a_credential_renews_whatever_the_verdict(api: Api, standing: str) -> None:
    agent = await joined_by_tpm(api)
    async with api.database.transaction(api.tenant) as tx:
        await tx.execute(
            "update attestation.nodes set standing = $2 where id = $1::uuid", agent.node, standing
        )
    await agent.renew()
    assert (await agent.challenge()).status_code == 201


async def test_a_node_in_quarantine_renews_and_attests(api: Api) -> None:
    agent = await joined(api)
    await api.post(f"/v1/nodes/{agent.node}/quarantine", {"reason": "odd"}, as_=Role.OPERATOR)
    await agent.renew()
    assert (await agent.challenge()).status_code == 201


@pytest.mark.parametrize("kind", [Joiner, TpmJoiner])
async def test_a_revoked_node_neither_calls_nor_renews(api: Api, kind: type[Joiner]) -> None:
    agent = kind(api)
    await agent.join(await make_token(api))
    begun = (await agent.begin_renewal()).json()
    answer = await api.post(
        f"/v1/nodes/{agent.node}/revoke", {"reason": "stolen"}, as_=Role.OPERATOR
    )
    assert answer.status_code == 200, answer.text
    assert (await agent.challenge()).json()["code"] == "TOKEN_REVOKED"
    for renewal in (begun, (await agent.begin_renewal()).json()):
        refused = await agent.complete(renewal)
        assert (refused.status_code, refused.json()["code"]) == (403, "NODE_REVOKED")


async def test_a_renewal_is_good_for_one_proof(api: Api) -> None:
    agent = await joined_by_tpm(api)
    begun = (await agent.begin_renewal()).json()
    answers = await asyncio.gather(*(agent.complete(begun) for _ in range(10)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 404: 9}
    assert {a.json()["code"] for a in answers if a.status_code == 404} == {"RENEWAL_NOT_FOUND"}


async def test_a_renewal_is_over_after_a_minute(stage: Stage) -> None:
    agent = Joiner(stage.api, clock=stage.process.clock)
    await agent.join(await make_token(stage.api))
    begun = (await agent.begin_renewal()).json()
    stage.now = utc_now() + timedelta(seconds=60)
    answer = await agent.complete(begun)
    assert (answer.status_code, answer.json()["code"]) == (409, "RENEWAL_EXPIRED")


@pytest.mark.parametrize(
    ("nonce", "code"),
    [("A" * 43, "RENEWAL_NONCE_MISMATCH"), ("short", "CHALLENGE_NONCE_MALFORMED")],
)
async def test_a_renewal_with_another_nonce_is_spent_and_refused(
    api: Api, nonce: str, code: str
) -> None:
    agent = await joined(api)
    begun = (await agent.begin_renewal()).json()
    answer = await agent.complete(begun, nonce=nonce)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert (await agent.complete(begun)).json()["code"] == "RENEWAL_NOT_FOUND"


async def test_a_node_without_tpm_renews_by_the_key_it_enrolled_with_alone(api: Api) -> None:
    agent = await joined(api)
    thief = replace(agent, prover=Prover())
    refused = await thief.begin_renewal()
    assert (refused.status_code, refused.json()["code"]) == (401, "RENEWAL_REFUSED")
    begun = (await agent.begin_renewal()).json()
    answer = await thief.complete(begun)
    assert (answer.status_code, answer.json()["code"]) == (401, "RENEWAL_REFUSED")


@pytest.mark.parametrize("which", ["tenant", "node"])
async def test_what_is_not_there_renews_nothing(api: Api, which: str) -> None:
    agent = await joined(api)
    answer = await agent.begin_renewal(**{which: str(uuid4())})
    assert (answer.status_code, answer.json()["code"]) == (404, "NODE_NOT_FOUND")


async def test_a_node_that_an_operator_wrote_down_has_nothing_to_renew(api: Api) -> None:
    agent = Joiner(api)
    body = {"name": agent.name, "inventory": agent.devices}
    agent.node = (await api.post("/v1/nodes", body)).json()["id"]
    assert (await agent.begin_renewal()).json()["code"] == "NODE_NOT_FOUND"


async def test_a_renewal_of_another_tenant_is_not_there(api: Api) -> None:
    agent = await joined(api)
    begun = (await agent.begin_renewal()).json()
    answer = await agent.complete(begun, tenant=str(uuid4()))
    assert (answer.status_code, answer.json()["code"]) == (404, "RENEWAL_NOT_FOUND")
    assert (await agent.complete(begun)).status_code == 201


async def test_renewals_that_are_over_do_not_gather(stage: Stage) -> None:
    agent = Joiner(stage.api, clock=stage.process.clock)
    await agent.join(await make_token(stage.api))
    for _ in range(5):
        await agent.begin_renewal()
    stage.now = utc_now() + timedelta(minutes=2)
    await agent.begin_renewal()
    async with stage.process.database.transaction(stage.api.tenant) as tx:
        assert await tx.fetch_value("select count(*) from attestation.renewals") == 1


async def test_nobody_who_was_made_an_agent_speaks_for_a_node_that_enrolled(api: Api) -> None:
    agent = await joined(api)
    await use_policy(api, "demo")
    body = {"node": agent.node, "session_key": agent.session_key}
    answer = await api.post("/v1/challenges", body, as_=Role.AGENT, node=agent.node)
    assert (answer.status_code, answer.json()["code"]) == (403, "CREDENTIAL_REPLACED")

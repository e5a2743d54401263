"""Many nodes attest at one moment: they share commits, and nothing else."""

import asyncio
import base64

import pytest
from plugins.agents import Agent, with_agent
from plugins.api import Api
from plugins.attester import register, small_node, use_policy, use_reference

from lotabots.appraisal import replay
from lotabots.kernel import Role
from lotabots.runtime.appraiser import this_appraiser
from lotabots.simulator import TpmFault

pytestmark = pytest.mark.anyio


async def fleet(api: Api, count: int) -> list[Agent]:
    nodes = [small_node(f"n{number}", gpus=0, tpm=True) for number in range(count)]
    await use_policy(api, "demo-host")
    await use_reference(api, *nodes)
    return [await with_agent(api, await register(api, node)) for node in nodes]


async def test_each_of_them_is_stored_whole_with_an_entry_of_its_own(api: Api) -> None:
    agents = await fleet(api, 5)
    agents[2].node = agents[2].node.with_fault(TpmFault.PCR_EXTENDED)
    answers = await asyncio.gather(*(agent.full(next_challenge=True) for agent in agents))
    wanted = ["accepted"] * 5
    wanted[2] = "rejected"
    assert [answer["status"] for answer in answers] == wanted
    assert len({answer["log"]["entry"] for answer in answers}) == 5
    for agent, answer in zip(agents, answers, strict=True):
        assert answer["challenge"]["node"] == agent.id
        shown = (await api.get(f"/v1/attestations/{answer['id']}", as_=Role.VIEWER)).json()
        assert (shown["hardware_id"], shown["status"]) == (agent.id, answer["status"])
        assert {one["subject"] for one in shown["devices"]} == {"tpm0", "host0"}
        assert (await agent.shown())["standing"] == answer["status"]
    async with api.database.transaction(api.tenant) as tx:
        rows = await tx.fetch(
            "select a.hardware_id, e.subject_ref from attestation.attestations a"
            " join audit.entries e on e.id = a.entry_id"
        )
    assert {row["subject_ref"] for row in rows} == {f"node:{agent.id}" for agent in agents}
    assert all(row["subject_ref"] == f"node:{row['hardware_id']}" for row in rows)


async def test_one_that_cannot_be_stored_takes_no_other_along(api: Api) -> None:
    agents = await fleet(api, 4)
    first = agents[0]
    rivals = [await first.challenge() for _ in range(3)]
    sent = [first.submit(challenge, first.evidence(challenge)) for challenge in rivals]
    answers, others = await asyncio.gather(
        asyncio.gather(*sent), asyncio.gather(*(agent.full() for agent in agents[1:]))
    )
    assert [answer["status"] for answer in others] == ["accepted"] * 3
    assert {answer.status_code for answer in answers} <= {201, 409}
    done = sum(answer.status_code == 201 for answer in answers)
    assert done >= 1
    async with api.database.transaction(api.tenant) as tx:
        stored = await tx.fetch_value("select count(*) from attestation.attestations")
        entries = await tx.fetch_value(
            "select count(*) from audit.entries where verb = 'attestation.record'"
        )
    assert stored == entries == done + 3


async def test_a_challenge_that_is_not_theirs_to_spend_takes_no_other_along(api: Api) -> None:
    first, second, third = await fleet(api, 3)
    foreign = await third.challenge()
    stolen = second.submit(foreign, third.evidence(foreign))
    refused, answer = await asyncio.gather(stolen, first.full())
    assert (refused.status_code, refused.json()["code"]) == (403, "NODE_NOT_YOURS")
    assert answer["status"] == "accepted"
    kept = await third.submit(foreign, third.evidence(foreign))
    assert kept.status_code == 201
    async with api.database.transaction(api.tenant) as tx:
        spent = await tx.fetch(
            "select subject_ref from audit.entries where verb = 'challenge.spend'"
        )
    assert len(spent) == 2


async def test_what_they_were_judged_from_gives_the_same_verdicts_again(api: Api) -> None:
    agents = await fleet(api, 3)
    answers = await asyncio.gather(*(agent.full() for agent in agents))
    for answer in answers:
        path = f"/v1/attestations/{answer['id']}/inputs"
        stored = (await api.get(path, as_=Role.AUDITOR)).json()
        blobs = {name: base64.b64decode(data) for name, data in stored["blobs"].items()}
        again = replay(base64.b64decode(stored["manifest"]), blobs, this_appraiser())
        assert again.canonical() == base64.b64decode(stored["verdict"])
        assert again.digest == answer["appraisal_digest"]

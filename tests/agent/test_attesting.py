"""An enrolled node attests on real servers: full and light, renewing, with a wrong clock."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from agent.enrolled import Node, codes, join, subjects
from plugins.api import Api
from plugins.attester import use_policy
from plugins.process import new_key

from lotabots.agent.attesting import Attesting
from lotabots.agent.machine import Collected
from lotabots.agent.simulated import SimulatedMachine
from lotabots.agent.wire import Attested
from lotabots.evidence import DerivedChallenge
from lotabots.kernel import LotaError, Role
from lotabots.runtime.clock import utc_now

pytestmark = pytest.mark.anyio

IDENTITIES = [pytest.param(False, id="tpm"), pytest.param(True, id="software")]


async def in_session(node: Node, what: Callable[[Attesting], Any], **other: Any) -> Any:
    """What is done with the node's connection open, in a thread."""

    def done() -> Any:
        attesting = node.attesting(**other)
        try:
            return what(attesting)
        finally:
            attesting.client.close()

    return await asyncio.to_thread(done)


@pytest.mark.parametrize("software", IDENTITIES)
async def test_a_node_that_joined_is_accepted_and_seen(
    api: Api, tmp_path: Path, software: bool
) -> None:
    node = await join(api, tmp_path / "n", software=software)
    attested = await node.attest()
    assert (attested.status, attested.simulated) == ("accepted", True), attested.findings
    assert node.failed == []
    shown = (await api.get(f"/v1/nodes/{node.id}")).json()
    assert shown["standing"] == "accepted"
    listed = (await api.get("/v1/attestations", params={"hardware_id": node.id})).json()["items"]
    assert [one["id"] for one in listed] == [str(attested.id)]


async def test_a_software_identity_is_a_warning_that_everyone_sees(
    api: Api, tmp_path: Path
) -> None:
    node = await join(api, tmp_path / "n", software=True)
    attested = await node.attest()
    assert "NODE-IDENTITY-SOFTWARE" in codes(attested)
    assert attested.tier == 32
    assert (await api.get(f"/v1/nodes/{node.id}")).json()["identity"] == "software"


async def test_light_attestations_stand_on_a_full_one_and_bring_the_next_challenge(
    api: Api, tmp_path: Path
) -> None:
    node = await join(api, tmp_path / "n")

    def three(attesting: Attesting) -> list[Attested]:
        first = attesting.attest("full")
        assert first.next.scope == "light"
        second = attesting.attest("light")
        ahead = attesting._ahead
        assert ahead is not None
        assert ahead.scope == "light"
        return [first, second, attesting.attest("light")]

    answers = await in_session(node, three)
    assert [one.status for one in answers] == ["accepted"] * 3
    assert {one.subject for one in answers[2].devices} == {"tpm0", "host0"}
    spent = (await api.get("/v1/attestations", params={"hardware_id": node.id})).json()["items"]
    assert len(spent) == 3


async def test_where_nothing_full_was_accepted_a_full_one_is_made(api: Api, tmp_path: Path) -> None:
    node = await join(api, tmp_path / "n")
    attested = await node.attest(scope="light")
    assert attested.status == "accepted"
    assert "gpu0" in {one.subject for one in attested.devices}


async def test_a_challenge_that_ends_soon_is_not_begun_with(api: Api, tmp_path: Path) -> None:
    node = await join(api, tmp_path / "n", software=True)

    def twice(attesting: Attesting) -> tuple[Attested, object, Attested]:
        first = attesting.attest("full")
        ahead = attesting._ahead
        if ahead is not None:
            attesting._ahead = msgspec.structs.replace(
                ahead, expires_at=utc_now() + timedelta(seconds=3)
            )
        return first, ahead, attesting.attest(first.next.scope)

    _, _, second = await in_session(node, twice)
    assert second.status == "accepted"


@pytest.mark.parametrize("software", IDENTITIES)
async def test_a_credential_is_renewed_in_time_by_whatever_the_node_rests_on(
    api: Api, tmp_path: Path, software: bool
) -> None:
    node = await join(api, tmp_path / "n", software=software)
    hours, now = timedelta(hours=1), utc_now()
    before = msgspec.structs.replace(
        node.state.enrolled(), issued_at=now - 17 * hours, expires_at=now + 7 * hours
    )
    node.state.keep(before)
    assert (await node.attest()).status == "accepted"
    after = node.state.enrolled()
    assert after.credential != before.credential
    assert after.session_key == before.session_key
    assert after.issued_at is not None
    assert after.issued_at >= now


@pytest.mark.parametrize("software", IDENTITIES)
@pytest.mark.parametrize("held", ["an.older.one", "expired"])
async def test_a_credential_that_the_server_refuses_is_renewed_at_once(
    api: Api, tmp_path: Path, software: bool, held: str
) -> None:
    node = await join(api, tmp_path / "n", software=software)
    kept = node.state.enrolled()
    if held == "expired":
        node.state.keep(msgspec.structs.replace(kept, expires_at=utc_now() - timedelta(days=2)))
    else:
        node.state.keep(msgspec.structs.replace(kept, credential=held))
    assert (await node.attest()).status == "accepted"
    assert node.state.enrolled().credential not in (held, kept.credential)


async def test_a_rejected_node_renews_all_the_same(api: Api, tmp_path: Path) -> None:
    node = await join(api, tmp_path / "n", software=True)
    assert (await node.attest("debug_mode@gpu0")).status == "rejected"
    before = node.state.enrolled().credential
    await in_session(node, lambda attesting: attesting.renew())
    assert node.state.enrolled().credential != before
    assert (await node.attest()).status == "accepted"


async def test_a_revoked_node_gets_neither_credential_nor_challenge(
    api: Api, tmp_path: Path
) -> None:
    node = await join(api, tmp_path / "n", software=True)
    answer = await api.post(f"/v1/nodes/{node.id}/revoke", {"reason": "sold"}, as_=Role.ADMIN)
    assert answer.status_code in (200, 201), answer.text
    with pytest.raises(LotaError) as refused:
        await node.attest()
    assert refused.value.code == "NODE_REVOKED"


async def test_another_key_than_the_enrolled_one_gets_nothing(api: Api, tmp_path: Path) -> None:
    node = await join(api, tmp_path / "n", software=True)
    stolen = msgspec.structs.replace(node.state.enrolled(), session_key=new_key().to_pem().decode())
    node.state.keep(stolen)  # the credential was copied, the key was not
    with pytest.raises(LotaError) as refused:
        await node.attest()
    assert refused.value.code in ("PROOF_INVALID", "RENEWAL_REFUSED")


@pytest.mark.parametrize("ahead", [timedelta(minutes=-10), timedelta(hours=2)])
async def test_a_node_with_a_wrong_clock_attests_by_the_server_s(
    api: Api, tmp_path: Path, ahead: timedelta
) -> None:
    node = await join(api, tmp_path / "n", software=True)

    def clock() -> datetime:
        return utc_now() + ahead

    attested = await in_session(node, lambda attesting: attesting.attest("full"), clock=clock)
    assert attested.status == "accepted"


async def test_another_device_in_a_gpu_s_place_is_named_by_the_verdict(
    api: Api, tmp_path: Path
) -> None:
    node = await join(api, tmp_path / "n", gpus=2)
    attested = await node.attest("gpu_swapped@gpu1")
    assert attested.status == "rejected"
    assert "gpu1" in {finding.subject for finding in attested.findings}
    assert "gpu0" not in {finding.subject for finding in attested.findings}


class Without:
    """A machine of which something is lost."""

    def __init__(self, machine: SimulatedMachine, lost: str) -> None:
        self.machine, self.lost = machine, lost
        self.simulated, self.root = True, machine.root

    def inventory(self) -> Any:
        return self.machine.inventory()

    def answer(self, challenge: DerivedChallenge, place: Any) -> Collected:
        inventory = tuple(
            item for item in challenge.inventory if challenge.device_for(self.lost) != item
        )
        rest = msgspec.structs.replace(challenge, inventory=inventory)
        return self.machine.answer(rest, place)


async def test_a_gpu_that_is_lost_is_missing_from_a_verdict_on_all_the_rest(
    api: Api, tmp_path: Path
) -> None:
    node = await join(api, tmp_path / "n", gpus=2)
    lossy: Any = Without(node.machine(), "gpu1")
    attested = await in_session(node, lambda one: one.attest("full"), machine=lossy)
    assert attested.status != "accepted"
    assert "gpu1" in {finding.subject for finding in attested.findings}
    good = {one.subject for one in attested.devices if one.status == "accepted"}
    assert {"gpu0", "tpm0"} <= good
    assert (await node.attest()).status == "accepted"


async def test_the_policy_of_the_operator_decides_about_simulated_machines(
    api: Api, tmp_path: Path
) -> None:
    node = await join(api, tmp_path / "n")
    await use_policy(api, "default")
    attested = await node.attest()
    assert attested.status == "rejected"
    assert subjects(attested, "NODE-SIMULATED") or "simulated" in str(attested.first_reason)

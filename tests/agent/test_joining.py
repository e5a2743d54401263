"""A machine joins a real server: with and without TPM, once, and again after a lost answer."""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from agent.enrolled import Node, join, subjects, token
from click.testing import CliRunner
from plugins.api import Api
from plugins.flaky import flaky

from lotabots.agent import AgentSettings, Simulated, State, Wanted, join_node
from lotabots.cli.root import root
from lotabots.kernel import LotaError, Role

pytestmark = pytest.mark.anyio

IDENTITIES = [pytest.param(False, id="tpm"), pytest.param(True, id="software")]


async def joined(text: str, folder: Path, *, software: bool = False, gpus: int = 1) -> Any:
    settings = AgentSettings(state=str(folder))
    wanted = Wanted(text, folder.name, software, Simulated(gpus))
    return await asyncio.to_thread(join_node, settings, wanted)


async def refused(text: str, folder: Path, **other: Any) -> str:
    with pytest.raises(LotaError) as error:
        await joined(text, folder, **other)
    return error.value.code


@pytest.mark.parametrize("software", IDENTITIES)
async def test_a_machine_joins_and_its_devices_are_pinned_to_it(
    api: Api, tmp_path: Path, software: bool
) -> None:
    node = await join(api, tmp_path / "n", gpus=2, software=software, node_class="gpu")
    shown = (await api.get(f"/v1/nodes/{node.id}")).json()
    assert (shown["name"], shown["lifecycle"], shown["standing"]) == ("n", "active", "unknown")
    assert shown["identity"] == ("software" if software else "tpm")
    kinds = sorted(device["kind"] for device in shown["inventory"])
    assert kinds == ["gpu", "gpu"] + ([] if software else ["tpm"])
    kept = node.state.enrolled()
    assert str(kept.node) == node.id
    assert kept.pin is None  # plain HTTP on this machine


async def test_the_operator_names_the_node_if_they_want_to(api: Api, tmp_path: Path) -> None:
    node = await join(api, tmp_path / "n", software=True, name="rack-7")
    assert node.joined.kept.name == "rack-7"


async def test_a_token_is_good_once(api: Api, tmp_path: Path) -> None:
    text = await token(api)
    await joined(text, tmp_path / "one", software=True)
    assert await refused(text, tmp_path / "two", software=True) == "ENROLMENT_TOKEN_SPENT"
    assert State(tmp_path / "two").read() is None


async def test_of_ten_machines_with_one_token_one_joins(api: Api, tmp_path: Path) -> None:
    text = await token(api)
    tries = [joined(text, tmp_path / str(number), software=True) for number in range(10)]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    lost = [one.code for one in answers if isinstance(one, LotaError)]
    assert lost == ["ENROLMENT_TOKEN_SPENT"] * 9


async def test_a_wrong_token_joins_nothing(api: Api, tmp_path: Path) -> None:
    text = await token(api)
    wrong = text.replace("@", "x@", 1)
    assert await refused(wrong, tmp_path / "n") == "ENROLMENT_TOKEN_INVALID"
    turned = ("A" if text[60] != "A" else "B").join((text[:60], text[61:]))
    assert await refused(turned, tmp_path / "n") == "ENROLMENT_TOKEN_INVALID"


async def test_a_machine_that_has_joined_does_not_join_again(api: Api, tmp_path: Path) -> None:
    node = await join(api, tmp_path / "n", software=True)
    assert await refused(await token(api), node.folder) == "AGENT_ENROLLED"
    assert str(node.state.enrolled().node) == node.id


async def test_two_processes_do_not_join_with_one_folder(api: Api, tmp_path: Path) -> None:
    with State(tmp_path / "n").alone():
        assert await refused(await token(api), tmp_path / "n") == "AGENT_RUNNING"


async def test_a_copied_machine_is_refused_by_its_devices(api: Api, tmp_path: Path) -> None:
    """The same devices in a second node: an operator has to free them first."""
    node = await join(api, tmp_path / "n", software=True)
    (tmp_path / "copy").mkdir()
    copy = State(tmp_path / "copy")
    begun = msgspec.structs.replace(
        node.state.enrolled(), credential="", node=node.joined.kept.tenant
    )
    copy.prepare()
    copy.keep(begun)  # it knows of an enrolment that never was, and of the first one's devices
    code = await refused(await token(api), copy.folder, software=True)
    assert code == "NODE_DEVICE_TAKEN"


@pytest.mark.parametrize("software", IDENTITIES)
@pytest.mark.parametrize("mark", [b'"credential":', b"credential_blob"], ids=["second", "first"])
async def test_a_lost_answer_costs_at_most_the_token(
    api: Api, tmp_path: Path, software: bool, mark: bytes
) -> None:
    """The way breaks behind the answer: of the activation, or of the step before."""
    async with flaky(api.servers.url) as way:
        way.marks.append(mark)
        text = (await token(api)).replace(api.servers.url, way.url)
        # What is lost is lost behind the mark: the answer may still have come whole.
        way.marks[0] = mark
        broken = _cut_before(way, mark)
        assert await refused(text, tmp_path / "n", software=software) == "SERVER_UNREACHABLE"
        assert broken
        if mark == b'"credential":':
            again = await joined(text, tmp_path / "n", software=software)
            nodes = (await api.get("/v1/nodes")).json()
            nodes = nodes["items"] if isinstance(nodes, dict) else nodes
            assert [one["id"] for one in nodes] == [str(again.kept.node)]
        else:
            code = await refused(text, tmp_path / "n", software=software)
            assert code == "ENROLMENT_TOKEN_SPENT"


def _cut_before(way: Any, mark: bytes) -> list[bytes]:
    """Has the way drop the first answer that holds the mark, whole."""
    way.marks.clear()
    dropped: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if mark in data and not dropped:
                dropped.append(data)
                break
            writer.write(data)
            await writer.drain()
        writer.close()

    way.answer = answer
    return dropped


async def test_the_command_joins_attests_and_says_so(api: Api, tmp_path: Path) -> None:
    text = await token(api)
    state = ("--state", str(tmp_path / "n"))

    def run(*words: str) -> Any:
        return CliRunner().invoke(root, ["agent", *words, *state], standalone_mode=False)

    done = await asyncio.to_thread(run, "join", text, "--simulated", "--software", "-o", "json")
    assert done.exception is None, done.output
    said = json.loads(done.stdout)
    assert (said["simulated"], said["identity"], said["left_out"]) == (True, "software", [])
    assert "SIMULATED" in done.stderr
    status = await asyncio.to_thread(run, "status", "-o", "json")
    assert (status.return_value, json.loads(status.stdout)["status"]) == (3, None)
    doctor = await asyncio.to_thread(run, "doctor", "-o", "json")
    checks = {one["name"]: one["state"] for one in json.loads(doctor.stdout)}
    assert checks["server"] == checks["clock"] == checks["credential"] == "pass"
    assert checks["enrolment"] == checks["attestation"] == "warn"
    left = await asyncio.to_thread(run, "leave", "--yes")
    assert left.exception is None
    assert State(tmp_path / "n").read() is None


async def test_a_node_that_lies_about_its_devices_is_told_which(api: Api, tmp_path: Path) -> None:
    """It enrols with a GPU that it does not have; what is there speaks for itself."""
    node = await join(api, tmp_path / "n", software=True, gpus=1)
    other = await join(api, tmp_path / "m", software=True, gpus=1)
    lying = Node(node.folder, other.joined)  # the first node's key, the second one's GPU
    attested = await lying.attest()
    assert attested.status == "rejected"
    assert subjects(attested, "NODE-DEVICE-SWAPPED") == ["gpu0"]


async def test_nobody_but_an_operator_makes_tokens(api: Api) -> None:
    for role in (Role.AGENT, Role.VIEWER, Role.AUDITOR):
        node = {"node": "node-1"} if role is Role.AGENT else {}
        answer = await api.post("/v1/enrolment-tokens", {}, as_=role, **node)
        assert answer.json()["code"] == "PERMISSION_DENIED"

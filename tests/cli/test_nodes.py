"""`lotabots node` and `lotabots why` against servers that run: the life of a node from a shell."""

import asyncio
import json
from typing import Any

import pytest
from plugins.enroller import Joiner, TpmJoiner, make_token, some_device
from plugins.people import People
from plugins.shell import Shell

from lotabots.cli.node import served, watch
from lotabots.cli.output import Exit
from lotabots.kernel import Role

pytestmark = pytest.mark.anyio


@pytest.fixture
async def agent(people: People) -> TpmJoiner:
    """A node with a TPM that has enrolled."""
    agent = TpmJoiner(people.api)
    await agent.join(await make_token(people.api, policy="demo"))
    return agent


async def shown(shell: Shell, *words: str) -> Any:
    """What a command printed as JSON, whatever it says of the node."""
    result = await shell.run("node", *words, "-o", "json")
    assert result.exception is None, result.output
    return json.loads(result.stdout)


async def test_the_line_that_enroll_prints_is_what_a_node_joins_with(
    shell: Shell, people: People
) -> None:
    result = await shell.run("node", "enroll", "--name", "rack-7", "--class", "host")
    line = result.stdout.strip()
    assert line.startswith("lotabots agent join lote_")
    assert "it works once" in result.stderr
    token, _, server = line.removeprefix("lotabots agent join ").partition("@")
    assert server == people.api.servers.url
    agent = Joiner(people.api)
    assert (await agent.join(token))["name"] == "rack-7"
    assert (await shown(shell, "show", "rack-7"))["node_class"] == "host"


async def test_enroll_says_all_it_knows_as_json(shell: Shell) -> None:
    made = json.loads(await shell.done("node", "enroll", "--tpm-only", "-o", "json"))
    assert set(made) == {"id", "token", "join", "expires_at", "command"}
    assert made["command"].endswith(made["join"])


async def test_a_token_for_tpms_alone_takes_no_software(shell: Shell, people: People) -> None:
    made = json.loads(await shell.done("node", "enroll", "--tpm-only", "-o", "json"))
    answer = await Joiner(people.api).begin(made["token"])
    assert answer.json()["code"] == "ENROLMENT_NEEDS_TPM"


async def test_nodes_are_listed_and_found_by_what_they_are(
    shell: Shell, agent: TpmJoiner, people: People
) -> None:
    software = Joiner(people.api)
    await software.join(await make_token(people.api))
    listed = await shell.done("node", "list")
    for one in (agent, software):
        assert one.name in listed
    found = await shell.done("node", "list", "--identity", "tpm")
    assert (agent.name in found, software.name in found) == (True, False)
    page = await shown(shell, "list", "--limit", "1")
    assert page["next"] == page["items"][0]["name"]
    result = await shell.run("node", "list", "--standing", "stale")
    assert "lotabots node enroll" in result.stderr


@pytest.mark.parametrize("name", [True, False])
async def test_a_node_is_shown_by_name_and_by_id(
    shell: Shell, agent: TpmJoiner, name: bool
) -> None:
    result = await shell.run("node", "show", agent.name if name else agent.node)
    assert result.return_value == Exit.INCONCLUSIVE  # it has proven nothing yet
    for part in (agent.name, "unknown", "a TPM", "never", agent.tpm.device_id):
        assert part in result.stdout


async def test_a_node_that_is_not_there_has_a_code(shell: Shell) -> None:
    for words in (
        ("node", "show", "nobody"),
        ("node", "watch", "nobody"),
        ("why", "nobody"),
        ("node", "quarantine", "nobody", "--reason", "x"),
    ):
        assert await shell.refused(*words) == "NODE_NOT_FOUND"


async def test_a_node_goes_out_of_service_comes_back_and_ends(
    shell: Shell, agent: TpmJoiner
) -> None:
    said = await shell.done("node", "quarantine", agent.name, "--reason", "smoke")
    assert "An operator has it quarantined: smoke" in said
    assert "quarantined" in await shell.done("node", "list")
    result = await shell.run("node", "show", agent.name)
    assert result.return_value == Exit.REJECTED
    said = await shell.done("node", "release", agent.name, "--reason", "repaired")
    assert "quarantined" not in said
    result = await shell.run("node", "revoke", agent.name, "--reason", "gone", typed="n\n")
    assert result.exception is not None
    assert (await shown(shell, "show", agent.name))["lifecycle"] == "active"
    await shell.done("node", "revoke", agent.name, "--reason", "gone", "--yes")
    assert (await shown(shell, "show", agent.name))["lifecycle"] == "revoked"
    refused = await shell.refused("node", "release", agent.name, "--reason", "no")
    assert refused == "NODE_REVOKED_FOR_GOOD"


async def test_devices_are_added_and_removed(shell: Shell, agent: TpmJoiner) -> None:
    device = some_device()["device_id"]
    assert device in await shell.done("node", "devices", "add", agent.name, "gpu", device)
    listed = await shell.done("node", "devices", "list", agent.name)
    assert device in listed
    left = await shell.done("node", "devices", "remove", agent.name, "gpu", device, "-o", "json")
    assert device not in left
    words = ("node", "devices", "remove", agent.name, "gpu", device)
    assert await shell.refused(*words) == "NODE_DEVICE_NOT_FOUND"
    words = ("node", "devices", "add", agent.name, "gpu", "a/b")
    assert await shell.refused(*words) == "REQUEST_BODY_INVALID"


async def test_who_watches_a_node_is_told_what_happens_and_gets_its_standing(
    shell: Shell, agent: TpmJoiner, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, loop = asyncio.Event(), asyncio.get_running_loop()

    def print_and_begin(node: served.Node) -> None:
        served.print_node(node)
        loop.call_soon_threadsafe(begun.set)

    monkeypatch.setattr(watch, "print_node", print_and_begin)
    watching = asyncio.create_task(shell.run("node", "watch", agent.name, "--until", "rejected"))
    await begun.wait()
    for what in ("quarantine", "release"):
        path = f"/v1/nodes/{agent.node}/{what}"
        answer = await people.api.post(path, {"reason": "smoke"}, as_=Role.OPERATOR)
        assert answer.status_code == 200
    result = await watching
    assert result.exception is None, result.output
    assert result.return_value == Exit.REJECTED
    first, *_, last = result.stdout.strip().splitlines()
    assert first == f"{agent.name} is unknown"
    assert last.split()[1:] == [
        "node.quarantined", "unknown", "->", "rejected", "smoke", "results", "0"
    ]  # fmt: skip


async def test_why_is_asked_by_name(shell: Shell, agent: TpmJoiner) -> None:
    result = await shell.run("why", agent.name)
    assert result.exception is None, result.output
    assert "never sent any evidence" in result.stdout

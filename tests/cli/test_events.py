"""`lotabots events`, `webhook` and `revocation`: against servers in both modes, and offline."""

import asyncio
import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from plugins.api import Api
from plugins.attester import ready, small_node
from plugins.receiver import receiving
from plugins.shell import Shell

from lotabots.attestation.notices import Notice, tell
from lotabots.cli.output import Exit
from lotabots.kernel import Role, format_time, sign_webhook, webhook_secret_text
from lotabots.runtime.clock import utc_now

pytestmark = pytest.mark.anyio


async def happen(api: Api, reason: str, node: str | None = None) -> None:
    async with api.database.transaction(api.tenant) as tx:
        at = None if node is None else UUID(node)
        await tell(tx, Notice.NODE_QUARANTINED, at, {"reason": reason}, utc_now())


async def test_what_happened_is_listed_and_picked_out(shell: Shell) -> None:
    api = shell.people.api
    attester = await ready(api, small_node())
    await happen(api, "smells of smoke", attester.id)
    await happen(api, "of nobody")
    name = (await api.get(f"/v1/nodes/{attester.id}")).json()["name"]
    lines = (await shell.done("events")).splitlines()
    assert "policy.activated" in lines[0]
    assert lines[-2].split()[1:] == ["node.quarantined", attester.id, "smells", "of", "smoke"]
    assert lines[-1].split()[1:3] == ["node.quarantined", "-"]
    of_node = await shell.done("events", "--node", name, "--kind", "node.quarantined")
    assert of_node.count("\n") == 0
    assert "smoke" in of_node
    page = json.loads(await shell.done("events", "--after", "0-0", "--limit", "1", "-o", "json"))
    assert page["items"][0]["kind"] == "policy.activated"
    behind = await shell.done("events", "--after", page["next"])
    assert behind.splitlines() == lines[1:]
    assert await shell.refused("events", "--kind", "node.invented") == "EVENT_KIND_UNKNOWN"


async def test_what_happens_is_followed(shell: Shell) -> None:
    api = shell.people.api
    await happen(api, "before")
    environ = os.environ | shell.environ | {"LOTABOTS_TOKEN": api.tokens.token(Role.VIEWER)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "lotabots", "events", "--follow", "-o", "json",
        stdout=asyncio.subprocess.PIPE, env=environ,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            for reason in ("before", "after"):
                event = json.loads(await process.stdout.readline())
                assert event["data"]["reason"] == reason
                await happen(api, "after")
    finally:
        process.terminate()
        await process.wait()


async def test_a_thing_is_revoked_listed_and_lifted(shell: Shell) -> None:
    attester = await ready(shell.people.api, small_node())
    await attester.attested()
    node = (await shell.people.api.get(f"/v1/nodes/{attester.id}")).json()
    device = node["inventory"][0]["device_id"]
    added = await shell.run("revocation", "add", "device", device, "--reason", "found in a bin")
    revocation = added.stdout.strip()
    assert "1 nodes stand on it; 1 results ended" in added.stderr
    assert attester.id in added.stderr
    listed = await shell.done("revocation", "list")
    assert "found in a bin" in listed
    assert device in listed
    await shell.done("revocation", "lift", revocation)
    assert "found in a bin" not in await shell.done("revocation", "list")
    assert "lifted" in await shell.done("revocation", "list", "--lifted")
    assert await shell.refused("revocation", "lift", revocation) == "REVOCATION_NOT_FOUND"


async def test_a_webhook_is_added_tested_replayed_looked_at_and_removed(
    shell: Shell, tmp_path: Path
) -> None:
    async with receiving() as receiver:
        made = json.loads(
            await shell.done("webhook", "add", receiver.url, "--kind", "node.stale", "-o", "json")
        )
        webhook = made["webhook"]["id"]
        assert "node.stale" in await shell.done("webhook", "list")
        delivery = await shell.done("webhook", "test", webhook)
        got = await receiver.next()
        await shell.done("webhook", "replay", delivery)
        assert (await receiver.next()).body == got.body
        async with asyncio.timeout(30):
            while True:
                listed = await shell.done("webhook", "deliveries", webhook)
                if listed.count("delivered") == 2:
                    break
        (tmp_path / "body").write_bytes(got.body)
        head = [got.line, *(f"{name.title()}: {value}" for name, value in got.headers.items())]
        (tmp_path / "headers").write_text("\n".join(head))
        verify = ("webhook", "verify", str(tmp_path / "body"), "--headers")
        verified = await shell.run(
            *verify, str(tmp_path / "headers"), LOTABOTS_WEBHOOK_SECRET=made["secret"]
        )
        assert verified.return_value == Exit.OK
        assert got.headers["webhook-id"] in verified.stdout
        await shell.done("webhook", "remove", webhook)
    assert webhook not in await shell.done("webhook", "list")


@pytest.fixture
def kept(tmp_path: Path) -> tuple[str, ...]:
    """The words of the command that verifies a delivery which somebody kept."""
    secret, at = bytes(range(32)), utc_now() - timedelta(days=30)
    headers = sign_webhook(secret, str(uuid4()), at, b"{}")
    (tmp_path / "body").write_bytes(b"{}")
    (tmp_path / "headers").write_text("\n".join(f"{n}: {v}" for n, v in headers.items()))
    (tmp_path / "secret").write_text(webhook_secret_text(secret) + "\n")
    files = {name: str(tmp_path / name) for name in ("body", "headers", "secret")}
    words = ("webhook", "verify", files["body"], "--headers", files["headers"])
    return (*words, "--secret-file", files["secret"], "--at", format_time(at))


async def test_a_delivery_that_was_kept_is_verified_as_of_when_it_came(
    shell: Shell, kept: tuple[str, ...]
) -> None:
    assert "accepted" in await shell.done(*kept)
    stale = await shell.run(*kept[:-2], "-o", "json")
    assert stale.return_value == Exit.REJECTED
    assert json.loads(stale.stdout)["code"] == "WEBHOOK_STALE"


async def test_a_delivery_that_was_changed_is_refused(
    shell: Shell, kept: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "body").write_bytes(b"[]")
    changed = await shell.run(*kept)
    assert changed.return_value == Exit.REJECTED
    assert "WEBHOOK_SIGNATURE" in changed.stdout
    (tmp_path / "secret").write_text("whsec_short")
    assert await shell.refused(*kept) == "WEBHOOK_SECRET_MALFORMED"
    headers = (tmp_path / "headers").read_text()
    (tmp_path / "secret").write_text(webhook_secret_text(bytes(range(32))))
    (tmp_path / "headers").write_text(f"{headers}\n{headers}")
    assert await shell.refused(*kept) == "WEBHOOK_HEADERS"

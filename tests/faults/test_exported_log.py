"""A real server's log, exported, and its results: checked with no server and no network."""

import asyncio
import json
import socket
from dataclasses import dataclass
from pathlib import Path

import pytest
from faults.copies import missed, verified
from faults.copy_reader import entries, leaf
from faults.load import append_some
from faults.log import Log
from faults.lotabots_server import log_keys, lotabots, python, serving
from interop.published import VKEY
from plugins.api import Api
from plugins.attester import ready, small_node

pytestmark = pytest.mark.anyio

ATTESTATIONS = 3
AT_ONCE = 1000
"""Entries of the load in one transaction."""
SIZES = [
    pytest.param(2000, 50, id="2,000 entries, 50 mutations"),
    pytest.param(200_000, 1000, id="200,000 entries, 1,000 mutations", marks=pytest.mark.long),
]


@dataclass(frozen=True)
class Kept:
    """What an auditor keeps of a server: a copy of its log, a result, and the keys of both."""

    copy: Path
    token: Path
    jwks: Path
    status: Path
    log_key: Path
    node: str
    leaf: str
    """Of the attestation that the result is of."""


@pytest.mark.parametrize(("size", "count"), SIZES)
async def test_an_exported_log_and_a_result_are_checked_with_no_server_and_no_network(
    log: Log, tmp_path: Path, size: int, count: int
) -> None:
    async with serving(log, tmp_path / "server") as api:
        kept = await keep(api, log, tmp_path, size)
    ran = lotabots("audit", "verify", kept.copy, "--log-key", kept.log_key, "-o", "json")
    said = json.loads(ran.stdout)
    assert (ran.returncode, said["verdict"], said["keys"]) == (0, "accepted", "given"), ran
    assert said["size"] >= size
    assert (said["findings"], said["unchecked"], said["unsigned"]) == ([], [], [])
    leaves = {leaf(entry) for entry in entries(kept.copy, said["size"])}
    assert log.history.acknowledged | {bytes.fromhex(kept.leaf)} <= leaves
    check_result(kept)
    assert missed(kept.copy, count, seed=size, keys=log_keys()) == []
    assert verified(kept.copy, log_keys()).findings == ()


async def keep(api: Api, log: Log, folder: Path, size: int) -> Kept:
    """Attests, fills the log up to the size, and exports it once all of that is published."""
    attester = await ready(api, small_node())
    for _ in range(ATTESTATIONS):
        await attester.attested()
    for start in range(0, size, AT_ONCE):
        await append_some(log, min(AT_ONCE, size - start))
    attested = await attester.attested()
    token = await result_with_receipt(api, attested["id"])
    await log.caught_up(seconds=300)
    names = ("copy", "token", "jwks", "status", "log.vkey")
    kept = Kept(*(folder / name for name in names), attester.id, attested["log"]["leaf"])
    kept.token.write_text(token)
    kept.jwks.write_bytes((await api.get("/.well-known/jwks.json", as_=None)).content)
    kept.status.write_bytes((await api.get("/v1/status", as_=None)).content)
    kept.log_key.write_text("".join(f"{key.vkey()}\n" for key in log_keys()))
    url = api.servers.url
    ran = lotabots("audit", "export", "--out", kept.copy, "--server", url, network=True)
    assert ran.returncode == 0, ran
    assert (kept.copy / "log.vkey").read_text() == kept.log_key.read_text()
    return kept


async def result_with_receipt(api: Api, attestation: str) -> str:
    """The result of an attestation once a checkpoint holds its entry."""
    async with asyncio.timeout(300):
        while True:
            answer = await api.get(f"/v1/attestations/{attestation}/result?receipt=true")
            if answer.status_code == 200:
                return str(answer.json()["result"])
            assert answer.json()["code"] == "RECEIPT_PENDING", answer.text
            await asyncio.sleep(0.1)


def check_result(kept: Kept) -> None:
    """The result holds with its receipt; not under the keys of another log."""
    arguments = (
        *("verify", "token", kept.token, "--jwks", kept.jwks, "--status", kept.status),
        *("--subject", kept.node),
        *("--issuer", "urn:lotabots:attestation", "--audience", "urn:lotabots:relying-parties"),
    )
    ran = lotabots(*arguments, "--log-key", kept.log_key, "-o", "json")
    said = json.loads(ran.stdout)
    assert (ran.returncode, said["verdict"]) == (0, "accepted"), ran
    assert [check["holds"] for check in said["checks"]] == 7 * [True], said
    ran = lotabots(*arguments, "--log-key", VKEY, "-o", "json")
    said = json.loads(ran.stdout)
    assert (ran.returncode, said["verdict"]) == (1, "rejected"), ran
    assert [check["what"] for check in said["checks"] if not check["holds"]] == ["receipt"]


def test_a_command_without_network_reaches_nobody_not_even_here() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        connect = f"import socket; socket.create_connection(('127.0.0.1', {port}), 5)"
        assert python("-c", connect, network=True).returncode == 0
        refused = python("-c", connect)
        assert refused.returncode != 0
        assert "OSError" in refused.stderr

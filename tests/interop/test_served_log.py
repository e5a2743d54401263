"""The log that a server publishes, audited over its API by `aics-tlog`, and exported by hand."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from interop import by_hand
from plugins.api import Api
from plugins.attester import ready, small_node

from lotabots.tlog import NoteVerifier, read_head

pytestmark = pytest.mark.anyio

PROGRAM = Path(__file__).with_name("aics_audit.py")


async def published(api: Api, beyond: int = 0) -> int:
    """The size of the log that is served, once it is above that."""
    for _ in range(100):
        note = await api.get("/v1/audit/checkpoint", as_=None)
        if note.status_code == 200 and (size := read_head(note.content).size) > beyond:
            return size
        await asyncio.sleep(0.05)
    raise AssertionError(f"nothing beyond {beyond} was published")


async def ed25519(api: Api) -> NoteVerifier:
    keys = (await api.get("/v1/audit/keys", as_=None)).text.splitlines()
    return NoteVerifier.parse(keys[0])


async def run(*command: object, **environ: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run,
        [str(part) for part in command],
        env=os.environ | environ, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


async def test_a_verifier_that_we_did_not_write_accepts_what_a_server_serves(
    api: Api, aics_tlog: Path
) -> None:
    before = await published(api)
    await (await ready(api, small_node())).attested()
    size = await published(api, before)
    url = api.servers.url + "/v1/audit/"
    ran = await run(
        sys.executable, PROGRAM, url, (await ed25519(api)).vkey(), PYTHONPATH=str(aics_tlog)
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["size"] >= size


async def test_an_exported_log_is_accepted_by_the_commands_of_the_page(
    api: Api, tmp_path: Path
) -> None:
    await (await ready(api, small_node())).attested()
    size = await published(api)
    copy, scratch = tmp_path / "copy", tmp_path / "scratch"
    scratch.mkdir()
    lotabots = (sys.executable, "-m", "lotabots", "audit")
    ran = await run(*lotabots, "export", "--out", copy, "--server", api.servers.url)
    assert ran.returncode == 0, ran.stderr
    key = (await ed25519(api)).vkey()
    verified = await run(*lotabots, "verify", copy, "--log-key", copy / "log.vkey", "-o", "json")
    answer = json.loads(verified.stdout)
    assert (answer["verdict"], answer["findings"]) == ("accepted", [])
    assert answer["size"] >= size
    assert by_hand.signature(copy, key, scratch).stdout == "Signature Verified Successfully\n"
    assert by_hand.tree(copy).stdout.startswith(f"{answer['size']} entries are those of ")

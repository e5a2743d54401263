"""The walk-through of docs/attesting.md, followed with its own snippets against real servers."""

import json
import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from plugins.api import Api
from plugins.attester import derived, new_jwk

from lotabots.kernel import Role, encode_base64url

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "attesting.md").read_text()
NAMED = re.compile(r"^```python\n# (\w+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SNIPPETS: dict[str, str] = dict(NAMED.findall(PAGE))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The snippets saved as the page says; the node's devices are this test's own."""
    for name, body in SNIPPETS.items():
        own = body.replace("gpus=2)", f"gpus=2, seed={uuid4().bytes!r})")
        (tmp_path / name).write_text(own)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in SNIPPETS:
        sys.modules.pop(name.removesuffix(".py"), None)


def run(name: str) -> None:
    runpy.run_path(name, run_name="__main__")


def read(name: str) -> Any:
    return json.loads(Path(name).read_text())


@pytest.mark.anyio
async def test_the_walk_through_ends_with_an_admitted_result(
    api: Api, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("node.py")
    registered = await api.post("/v1/nodes", read("node.json"))
    (folder / "registered.json").write_text(registered.text)
    uploaded = await api.post("/v1/reference/files", read("reference.json"))
    assert uploaded.json()["files"] == 12
    await api.post("/v1/policies/demo/activate")
    run("session.py")
    asked = {"node": registered.json()["id"], "session_key": read("session.json")}
    (folder / "challenge.json").write_text((await api.post("/v1/challenges", asked)).text)
    run("answer.py")
    attested = await api.post("/v1/attestations", read("submission.json"))
    assert attested.json()["status"] == "accepted", attested.text
    (folder / "attested.json").write_text(attested.text)
    (folder / "result.jwt").write_text(attested.json()["result"])
    (folder / "jwks.json").write_bytes((await api.get("/.well-known/jwks.json")).content)
    (folder / "status.jwt").write_text((await api.get("/v1/status", as_=None)).text)
    run("door.py")
    assert capsys.readouterr().out == "admitted\n"
    again = await api.post("/v1/attestations", read("submission.json"))
    assert again.text in PAGE


@pytest.mark.anyio
async def test_the_page_knows_what_an_agent_is_not_allowed(api: Api) -> None:
    refused = (await api.get("/v1/attestations", as_=Role.AGENT, node=str(uuid4()))).json()
    assert refused["code"] == "PERMISSION_DENIED"
    assert refused["message"] in PAGE


def test_the_snippet_derives_the_nonces_that_the_server_expects(folder: Path) -> None:
    session_key = new_jwk()
    challenge = {
        "id": str(uuid4()),
        "nonce": encode_base64url(bytes(range(32))),
        "server": "urn:lotabots:attestation",
        "node": str(uuid4()),
        "inventory": [
            {"subject": "gpu0", "kind": "gpu", "index": 0, "device_id": "a"},
            {"subject": "gpu1", "kind": "gpu", "index": 1, "device_id": "b"},
            {"subject": "switch0", "kind": "switch", "index": 0, "device_id": "c"},
        ],
    }
    nonces = runpy.run_path(str(folder / "nonces.py"))["nonces"]
    assert nonces(challenge, session_key) == derived(challenge, session_key).expected()

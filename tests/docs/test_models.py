"""The model and the statement of docs/models.md, made with its own snippets on real servers."""

import json
import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docs.test_attesting import NAMED
from docs.test_attesting import SNIPPETS as ATTESTING
from plugins.api import Api
from plugins.attester import ready, small_node, submission
from plugins.models import SignedModel, approved, in_registry, moved

from lotabots.appraisal.models import load_model_policy

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "models.md").read_text()
SNIPPETS: dict[str, str] = dict(NAMED.findall(PAGE))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The snippets saved as the pages say."""
    for name, body in (ATTESTING | SNIPPETS).items():
        (tmp_path / name).write_text(body)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in ATTESTING | SNIPPETS:
        sys.modules.pop(name.removesuffix(".py"), None)


def run(name: str) -> None:
    runpy.run_path(name, run_name="__main__")


def read(name: str) -> Any:
    return json.loads(Path(name).read_text())


def write(name: str, value: Any) -> None:
    Path(name).write_text(json.dumps(value))


@pytest.mark.anyio
async def test_a_node_states_the_model_of_the_page_with_the_snippets_of_the_page(
    api: Api, folder: Path
) -> None:
    run("model.py")
    files = {path.name: path.read_bytes() for path in (folder / "tiny").iterdir()}
    model = SignedModel(files)
    shown = await in_registry(api, model)
    assert shown["outcome"] == "accepted"
    await approved(api, model.digest)
    assert (await moved(api, model.digest)).status_code == 201
    attester = await ready(api, small_node())
    challenge = await attester.challenge(models=[model.digest])
    write("challenge.json", challenge)
    write("session.json", attester.session_key)
    devices = attester.evidence(challenge)
    write("submission.json", submission(challenge, attester.session_key, devices))
    (folder / "tiny" / "model.sig").write_text("no part of it")
    run("holding.py")
    sent = read("submission.json")
    attested = await api.post("/v1/attestations", sent, **attester.caller)
    assert attested.json()["status"] == "accepted", attested.text


def test_the_trust_policy_of_the_page_loads() -> None:
    [source] = re.findall(r"^```yaml\n(name: acme\n.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert load_model_policy(source.encode()).id.startswith("urn:lotabots:model-policy:acme@")

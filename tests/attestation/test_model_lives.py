"""A model's way from registration to a result that a relying party admits, and each way it ends."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from plugins.api import Api
from plugins.attester import new_jwk, ready, small_node
from plugins.models import (
    SignedModel,
    approved,
    in_registry,
    moved,
    new_key,
    register,
    safetensors,
    somebody_else,
    tiny,
    trust,
    uploaded,
    verified,
)

from lotabots.evidence import Level
from lotabots.kernel import Role, VerificationKeys
from lotabots.result import Need, Required, admit, read_result, read_status_list
from lotabots.runtime.clock import utc_now

pytestmark = pytest.mark.anyio


async def result(api: Api, digest: str) -> httpx.Response:
    return await api.post(
        f"/v1/models/{digest}/result", {"session_key": new_jwk()}, as_=Role.SERVICE
    )


async def admitted(api: Api, token: str, digest: str, policy: str) -> Any:
    """What a relying party that wants this model says of the token."""
    keys = VerificationKeys.from_jwks((await api.get("/.well-known/jwks.json", None)).content)
    now = utc_now()
    status = read_status_list((await api.get("/v1/status", None)).text, keys)
    found = read_result(token, keys)
    need = Need(
        issuer=found.issuer,
        audience=found.audience,
        policies=frozenset({policy}),
        required=(Required(kind="model", count=1, level=Level.CLAIMED),),
    )
    return admit(found, f"model:{digest}", need, status, now)


async def test_a_signed_approved_and_verified_model_has_a_result_that_is_admitted(api: Api) -> None:
    model = SignedModel()
    shown = await in_registry(api, model)
    assert shown["outcome"] == "accepted", json.dumps(shown["verdict"], indent=1)
    await approved(api, model.digest)
    answer = await result(api, model.digest)
    assert answer.status_code == 200, answer.text
    policy = shown["verdict"]["policy_id"]
    admission = await admitted(api, answer.json()["result"], model.digest, policy)
    assert admission.admitted, admission.reasons
    other = await admitted(api, answer.json()["result"], "0" * 64, policy)
    assert [reason.code for reason in other.reasons] == ["ADMIT_SUBJECT"]


async def test_the_result_names_the_model_as_a_submodule(api: Api) -> None:
    model = SignedModel()
    await in_registry(api, model)
    await approved(api, model.digest)
    keys = VerificationKeys.from_jwks((await api.get("/.well-known/jwks.json", None)).content)
    found = read_result((await result(api, model.digest)).json()["result"], keys)
    assert [(part.subject, part.kind, str(part.outcome)) for part in found.parts] == [
        (f"model/{model.digest}", "model", "accepted")
    ]


async def test_what_nobody_else_approved_is_not_admitted(api: Api) -> None:
    model = SignedModel()
    shown = await in_registry(api, model)
    answer = await result(api, model.digest)
    policy = shown["verdict"]["policy_id"]
    admission = await admitted(api, answer.json()["result"], model.digest, policy)
    assert "ADMIT_VERDICT" in {reason.code for reason in admission.reasons}
    assert "MODEL_NOT_APPROVED" in str(admission.reasons)


async def test_without_a_trust_policy_a_verification_fails_and_says_why(api: Api) -> None:
    model = SignedModel()
    await register(api, model)
    ended = await verified(api, model.digest)
    assert (ended["state"], ended["error"]) == ("failed", "MODEL_POLICY_NONE")


async def test_a_model_that_was_not_uploaded_is_inconclusive(api: Api) -> None:
    model = SignedModel()
    await trust(api, model.policy(require=[]))
    await register(api, model)
    ended = await verified(api, model.digest)
    assert ended["outcome"] == "inconclusive"
    shown = (await api.get(f"/v1/models/{model.digest}")).json()
    assert "MODEL-NOT-SCANNED" in {one["code"] for one in shown["verdict"]["findings"]}


async def test_somebody_elses_signature_is_refused(api: Api) -> None:
    model = SignedModel()
    await trust(api, model.policy())
    other = replace(model, key=new_key())
    await register(api, other)
    await uploaded(api, other)
    assert (await verified(api, model.digest))["outcome"] == "rejected"


async def test_a_signature_over_other_files_is_refused_and_the_tensor_named(api: Api) -> None:
    model = SignedModel()
    changed = model.with_files(**{"model.safetensors": safetensors({"a": [1.0, 2.0], "b": [3.5]})})
    await trust(api, model.policy())
    await register(api, changed, bundle=model.bundle(), strong_bundle=model.strong())
    await uploaded(api, changed)
    assert (await verified(api, changed.digest))["outcome"] == "rejected"
    findings = (await api.get(f"/v1/models/{changed.digest}")).json()["verdict"]["findings"]
    assert ("TENSOR-CHANGED", "b") in {(one["code"], one["tensor"]) for one in findings}
    assert "a" not in {one["tensor"] for one in findings}


async def test_a_model_with_code_in_it_is_refused(api: Api) -> None:
    files = tiny() | {"modeling_tiny.py": b"import os\nos.system('echo')\n"}
    shown = await in_registry(api, SignedModel(files))
    assert shown["outcome"] == "rejected"
    answer = await somebody_else(api).post(
        f"/v1/models/{shown['digest']}/approvals", {"stage": "staging"}
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "MODEL_NOT_ACCEPTED")


async def test_a_stage_moves_only_after_an_approval_of_that_very_move(api: Api) -> None:
    model = SignedModel()
    await in_registry(api, model)
    refused = await moved(api, model.digest)
    assert (refused.status_code, refused.json()["code"]) == (409, "MODEL_NOT_APPROVED")
    await approved(api, model.digest, stage="staging")
    assert (await moved(api, model.digest)).status_code == 409
    assert (await moved(api, model.digest, "staging")).status_code == 201
    await approved(api, model.digest)
    assert (await moved(api, model.digest)).status_code == 201
    again = await moved(api, model.digest)
    assert (again.status_code, again.json()["code"]) == (409, "MODEL_THERE_ALREADY")
    shown = (await api.get(f"/v1/models/{model.digest}")).json()
    assert shown["stages"] == ["production", "staging"]


@pytest.mark.parametrize("role", [Role.SERVICE, Role.AGENT, Role.VIEWER, Role.AUDITOR])
async def test_a_program_or_a_reader_does_not_approve(api: Api, role: Role) -> None:
    model = SignedModel()
    await in_registry(api, model)
    answer = await somebody_else(api).post(
        f"/v1/models/{model.digest}/approvals", {"stage": "staging"}, as_=role
    )
    assert answer.status_code == 403


async def test_an_older_version_is_a_rollback_with_an_approval_of_its_own(api: Api) -> None:
    first = SignedModel(version="1.0", counter=1)
    second = SignedModel(version="1.1", counter=2, key=first.key)
    await in_registry(api, first)
    await approved(api, first.digest)
    assert (await moved(api, first.digest)).status_code == 201
    await in_registry(api, second)
    await approved(api, second.digest)
    assert (await moved(api, second.digest)).status_code == 201
    forward = await moved(api, first.digest)
    assert (forward.status_code, forward.json()["code"]) == (409, "MODEL_NOT_NEWER")
    back = await moved(api, first.digest, move="rollback")
    assert (back.status_code, back.json()["code"]) == (409, "MODEL_NOT_APPROVED")
    await approved(api, first.digest, move="rollback")
    assert (await moved(api, first.digest, move="rollback")).status_code == 201
    shown = (await api.get(f"/v1/models/{first.digest}")).json()
    assert [one["move"] for one in shown["moves"]] == ["rollback", "promote", "promote"]
    assert shown["stages"] == ["production"]


async def test_a_stage_is_not_rolled_back_to_what_it_never_had(api: Api) -> None:
    model = SignedModel()
    await in_registry(api, model)
    await approved(api, model.digest, move="rollback")
    answer = await moved(api, model.digest, move="rollback")
    assert (answer.status_code, answer.json()["code"]) == (409, "MODEL_NEVER_THERE")


async def test_every_decision_is_an_audit_entry(api: Api) -> None:
    model = SignedModel()
    await in_registry(api, model)
    await approved(api, model.digest)
    await moved(api, model.digest)
    await result(api, model.digest)
    entries = (await api.get("/v1/audit/entries", params={"limit": 100})).json()["entries"]
    told = {
        one["entry"]["verb"]
        for one in entries
        if one["entry"]["subject"] == f"model:{model.digest}"
    }
    assert told == {
        "model.register",
        "model.verify",
        "model.judge",
        "model.approve.promote",
        "model.promote",
        "model.result",
    }


async def test_a_verification_is_followed_as_events_to_its_end(api: Api) -> None:
    model = SignedModel()
    await trust(api, model.policy())
    await register(api, model)
    await uploaded(api, model)
    asked = (await api.post(f"/v1/models/{model.digest}/verify", as_=Role.OPERATOR)).json()
    place = f"/v1/models/{model.digest}/verifications/{asked['id']}/events"
    answer = await api.get(place, as_=Role.VIEWER)
    assert answer.headers["content-type"].startswith("text/event-stream")
    names = [line for line in answer.text.splitlines() if line.startswith("event:")]
    assert names[-1] == "event: end"
    data = [line[5:].strip() for line in answer.text.splitlines() if line.startswith("data:")]
    assert json.loads(data[-1])["outcome"] == "accepted"


async def test_a_node_that_holds_the_production_model_is_accepted_and_listed(api: Api) -> None:
    model = SignedModel()
    await in_registry(api, model)
    await approved(api, model.digest)
    await moved(api, model.digest)
    attester = await ready(api, small_node())
    answer = await attester.attest_with([model])
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["status"] == "accepted", body["findings"]
    parts = {one["subject"]: one for one in body["devices"]}
    assert (parts["model0"]["device_id"], parts["model0"]["level"]) == (model.digest, "claimed")
    shown = (await api.get(f"/v1/models/{model.digest}")).json()
    assert [(one["node"], one["status"]) for one in shown["running"]] == [(attester.id, "accepted")]


async def test_a_node_with_a_changed_weight_is_refused_with_the_tensors_name(api: Api) -> None:
    model = SignedModel()
    await in_registry(api, model)
    await approved(api, model.digest)
    await moved(api, model.digest)
    changed = model.with_files(**{"model.safetensors": safetensors({"a": [1.0, 2.0], "b": [3.25]})})
    attester = await ready(api, small_node())
    body = (await attester.attest_with([model], held=[changed])).json()
    assert body["status"] == "rejected"
    found = [one for one in body["findings"] if one["code"] == "MODEL-TENSOR-CHANGED"]
    assert [one["expected"].partition(":")[0] for one in found] == ["b"]


async def test_a_node_with_a_model_that_is_not_in_production_is_refused(api: Api) -> None:
    model = SignedModel()
    await in_registry(api, model)
    attester = await ready(api, small_node())
    body = (await attester.attest_with([model])).json()
    assert body["status"] == "rejected"
    assert "model-production" in {one["rule"] for one in body["findings"]}


async def test_a_challenge_names_registered_models_only(api: Api) -> None:
    attester = await ready(api, small_node())
    body = {"node": attester.id, "session_key": attester.session_key, "models": ["0" * 64]}
    answer = await api.post("/v1/challenges", body, **attester.caller)
    assert (answer.status_code, answer.json()["code"]) == (404, "MODEL_NOT_FOUND")


async def test_the_controls_that_the_policy_asks_for_are_shown_in_every_form(api: Api) -> None:
    model = SignedModel()
    await trust(api, model.policy(controls=["core"]))
    await register(api, model)
    await uploaded(api, model)
    ended = await verified(api, model.digest)
    assert ended["outcome"] in {"rejected", "inconclusive"}  # its card says next to nothing
    place = f"/v1/models/{model.digest}/controls"
    said = (await api.get(place)).json()
    assert said["root"] == model.digest
    by_id = {one["id"]: one["status"] for one in said["controls"]["results"]}
    assert (by_id["LB-INT-01"], by_id["LB-LIC-01"]) == ("pass", "unknown")
    for form, kind in (
        ("html", "text/html"),
        ("markdown", "text/markdown"),
        ("oscal", "application/oscal+json"),
        ("vsa", "application/vnd.in-toto+json"),
    ):
        answer = await api.get(place, params={"form": form})
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, kind)
        assert model.digest in answer.text
    unknown = await api.get(place, params={"form": "pdf"})
    assert unknown.status_code == 400


async def test_the_bill_of_materials_lists_every_file_with_its_digest(api: Api) -> None:
    model = SignedModel()
    await in_registry(api, model)
    answer = await api.get(f"/v1/models/{model.digest}/bom")
    assert answer.headers["content-type"].startswith("application/vnd.cyclonedx+json")
    assert answer.json()["specVersion"] == "1.6"
    assert all(one.digest.hex() in answer.text for one in model.entries)


async def test_there_are_no_papers_before_a_verification(api: Api) -> None:
    model = SignedModel()
    await register(api, model)
    for kind in ("controls", "bom"):
        answer = await api.get(f"/v1/models/{model.digest}/{kind}")
        assert (answer.status_code, answer.json()["code"]) == (409, "MODEL_NO_REPORT")


async def test_an_approval_is_of_the_verdict_that_was_seen(api: Api) -> None:
    model = SignedModel()
    newest = (await in_registry(api, model))["verification"]["verdict_digest"]
    path = f"/v1/models/{model.digest}/approvals"
    body = {"stage": "production", "verdict": "0" * 64}
    answer = await somebody_else(api).post(path, body)
    assert (answer.status_code, answer.json()["code"]) == (409, "MODEL_VERDICT_OTHER")
    body = {"stage": "production", "verdict": newest}
    assert (await somebody_else(api).post(path, body)).status_code == 201
    assert (await api.get(f"/v1/models/{model.digest}")).json()["approvals_needed"] == 1


async def test_an_upload_that_was_lost_says_nothing_about_the_model(
    api: Api, api_folder: Path
) -> None:
    model = SignedModel()
    await trust(api, model.policy())
    await register(api, model)
    await uploaded(api, model)
    lost = hashlib.sha256(model.files["README.md"]).hexdigest()
    (api_folder / "models" / str(api.tenant) / lost[:2] / lost).unlink()
    ended = await verified(api, model.digest)
    assert (ended["state"], ended["error"]) == ("failed", "MODEL_STORE_UNAVAILABLE")
    await uploaded(api, model)
    assert (await verified(api, model.digest))["outcome"] == "accepted"


async def test_an_upload_that_was_changed_on_disk_says_nothing_about_the_model(
    api: Api, api_folder: Path
) -> None:
    model = SignedModel()
    await trust(api, model.policy())
    await register(api, model)
    await uploaded(api, model)
    changed = hashlib.sha256(model.files["README.md"]).hexdigest()
    place = api_folder / "models" / str(api.tenant) / changed[:2] / changed
    place.write_bytes(model.files["README.md"].swapcase())
    ended = await verified(api, model.digest)
    assert (ended["state"], ended["error"]) == ("failed", "MODEL_STORE_UNAVAILABLE")


async def test_what_is_in_production_and_refused_today_runs_on_no_node(api: Api) -> None:
    model = SignedModel()
    await in_registry(api, model)
    await approved(api, model.digest)
    await moved(api, model.digest)
    await trust(api, SignedModel().policy())  # of another signer
    assert (await verified(api, model.digest))["outcome"] == "rejected"
    attester = await ready(api, small_node())
    body = (await attester.attest_with([model])).json()
    assert body["status"] == "rejected"
    assert "model-production" in {one["rule"] for one in body["findings"]}

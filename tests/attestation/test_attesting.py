"""A node proves itself through the API, and what was judged can be judged again."""

import asyncio
import base64
import json
from datetime import timedelta

import pytest
from plugins.api import Api
from plugins.attester import ready, register, small_node, use_policy, use_reference

from lotabots.appraisal import builtin_policy, replay
from lotabots.kernel import Role, VerificationKeys, sha256_hex
from lotabots.result import Profile, read_result, read_status_list, verify_result
from lotabots.runtime.appraiser import this_appraiser
from lotabots.runtime.clock import utc_now
from lotabots.simulator import Fault

pytestmark = pytest.mark.anyio


async def test_a_good_node_is_accepted_under_the_demo_policy(api: Api) -> None:
    answer = await (await ready(api, small_node())).attested()
    assert (answer["status"], answer["tier"], answer["simulated"]) == ("accepted", 2, True)
    assert answer["findings"] == []
    assert [(d["subject"], d["level"]) for d in answer["devices"]] == [("gpu0", "attested")]


async def test_a_whole_node_of_eight_gpus_and_four_switches_is_accepted(api: Api) -> None:
    answer = await (await ready(api, small_node(gpus=8, switches=4))).attested()
    assert answer["status"] == "accepted"
    assert len(answer["devices"]) == 12


async def test_simulated_hardware_is_refused_by_the_default_policy(api: Api) -> None:
    node = small_node()
    await use_reference(api, node)
    answer = await (await register(api, node)).attested()
    assert (answer["status"], answer["tier"]) == ("rejected", 97)
    assert answer["policy"].startswith("urn:lotabots:policy:default@")


async def test_a_node_without_reference_values_is_inconclusive(api: Api) -> None:
    await use_policy(api, "demo")
    answer = await (await register(api, small_node())).attested()
    assert answer["status"] == "inconclusive"
    assert {"NV-RIM-MISSING", "NV-REV-MISSING"} <= {f["code"] for f in answer["findings"]}


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault.FIRMWARE_MODIFIED, "NV-MEAS-MISMATCH"),
        (Fault.DEBUG_MODE, "NV-MEAS-MISMATCH"),
        (Fault.FWID_DIFFERS, "NV-FWID-MISMATCH"),
        (Fault.NONCE_CHANGED, "NV-NONCE-MISMATCH"),
        (Fault.OTHER_NONCE, "NV-NONCE-MISMATCH"),
        (Fault.SIGNATURE_BIT, "NV-SIG-INVALID"),
        (Fault.TRUNCATED, "NV-PARSE-TRUNCATED"),
        (Fault.CHAIN_FORGED_ROOT, "NV-CHAIN-ROOT"),
        (Fault.GPU_SWAPPED, "NODE-DEVICE-SWAPPED"),
    ],
)
async def test_each_fault_of_a_device_is_rejected_with_its_code(
    api: Api, fault: Fault, code: str
) -> None:
    node = small_node()
    attester = await ready(api, node)
    attester.node = node.with_fault(fault)
    answer = await attester.attested()
    assert answer["status"] == "rejected"
    assert code in {finding["code"] for finding in answer["findings"]}
    assert all(finding["fix"] for finding in answer["findings"])


async def test_a_device_that_sends_nothing_is_missed(api: Api) -> None:
    attester = await ready(api, small_node(gpus=2))
    challenge = await attester.challenge()
    answer = (await attester.submit(challenge, attester.evidence(challenge)[:1])).json()
    assert answer["status"] == "inconclusive"
    assert "NODE-DEVICE-MISSING" in {finding["code"] for finding in answer["findings"]}
    assert [device["subject"] for device in answer["devices"]] == ["gpu0", "gpu1"]


async def test_the_result_is_admitted_by_a_relying_party_that_trusts_the_published_keys(
    api: Api,
) -> None:
    attester = await ready(api, small_node())
    answer = await attester.attested()
    jwks = await api.get("/.well-known/jwks.json", as_=None)
    keys = VerificationKeys.from_jwks(jwks.content)
    result = read_result(answer["result"], keys)
    assert result.subject == attester.id
    assert result.appraisal == answer["appraisal_digest"]
    assert result.session_key == attester.session_key
    assert result.status is not None
    status = read_status_list((await api.get("/v1/status", as_=None)).text, keys)
    assert status.uri == result.status.uri
    assert status.get(result.status.idx) == 0
    assert utc_now() - status.issued_at <= timedelta(seconds=3)


@pytest.mark.parametrize(
    ("name", "profile"),
    [
        ("veraison", Profile.VERAISON_2023),
        ("trustee", Profile.TRUSTEE_2024),
        ("ietf", Profile.IETF_2026),
        (Profile.IETF_2026.value, Profile.IETF_2026),
        (None, Profile.VERAISON_2023),
    ],
)
async def test_the_client_chooses_the_profile_of_the_result(
    api: Api, name: str | None, profile: Profile
) -> None:
    attester = await ready(api, small_node())
    answer = await attester.attested(**({} if name is None else {"profile": name}))
    keys = VerificationKeys.from_jwks((await api.get("/.well-known/jwks.json", as_=None)).content)
    assert read_result(answer["result"], keys).profile is profile


async def test_the_result_can_be_had_again_in_another_profile_and_never_ends_later(
    api: Api,
) -> None:
    answer = await (await ready(api, small_node())).attested()
    path = f"/v1/attestations/{answer['id']}/result"
    accept = f'application/eat+jwt; eat_profile="{Profile.TRUSTEE_2024.value}"'
    answered = await api.get(path, as_=Role.VIEWER, headers={"accept": accept})
    assert answered.status_code == 200, answered.text
    again = answered.json()
    keys = VerificationKeys.from_jwks((await api.get("/.well-known/jwks.json", as_=None)).content)
    first, second = read_result(answer["result"], keys), read_result(again["result"], keys)
    assert second.profile is Profile.TRUSTEE_2024
    assert second.expires_at == first.expires_at
    assert (second.token_id, second.status) == (first.token_id, first.status)


async def test_an_unknown_profile_is_refused_before_the_challenge_is_spent(api: Api) -> None:
    attester = await ready(api, small_node())
    challenge = await attester.challenge()
    evidence = attester.evidence(challenge)
    refused = await attester.submit(challenge, evidence, profile="unheard-of")
    assert (refused.status_code, refused.json()["code"]) == (400, "RESULT_PROFILE_UNKNOWN")
    assert (await attester.submit(challenge, evidence)).status_code == 201


async def test_a_replay_of_the_stored_inputs_gives_identical_bytes(api: Api) -> None:
    node = small_node()
    attester = await ready(api, node)
    attester.node = node.with_fault(Fault.FIRMWARE_MODIFIED)
    answer = await attester.attested()
    stored = (await api.get(f"/v1/attestations/{answer['id']}/inputs", as_=Role.AUDITOR)).json()
    manifest = base64.b64decode(stored["manifest"])
    blobs = {name: base64.b64decode(data) for name, data in stored["blobs"].items()}
    again = replay(manifest, blobs, this_appraiser())
    assert again.canonical() == base64.b64decode(stored["verdict"])
    assert again.digest == stored["appraisal_digest"] == answer["appraisal_digest"]
    shown = (await api.get(f"/v1/attestations/{answer['id']}")).json()
    assert sha256_hex(manifest) == shown["inputs_sha256"]


async def test_an_attestation_is_shown_with_its_evidence_tree(api: Api) -> None:
    node = small_node()
    attester = await ready(api, node)
    answer = await attester.attested()
    shown = (await api.get(f"/v1/attestations/{answer['id']}", as_=Role.VIEWER)).json()
    assert (shown["hardware_id"], shown["attestation_type"]) == (attester.id, "node")
    assert shown["status"] == "accepted"
    assert shown["metadata"]["level"] == "attested"
    (device,) = shown["devices"]
    assert device["device_id"] == node.inventory[0].device_id
    assert device["facts"]["signature"] == "valid"
    assert len(device["data_sha256"]) == len(device["certificates_sha256"]) == 64


async def test_nodes_of_one_tenant_attest_side_by_side(api: Api) -> None:
    nodes = [small_node(f"n{number}") for number in range(4)]
    await use_policy(api, "demo")
    await use_reference(api, *nodes)
    attesters = [await register(api, node) for node in nodes]
    answers = await asyncio.gather(*(attester.attested() for attester in attesters))
    assert [answer["status"] for answer in answers] == ["accepted"] * 4


async def test_a_result_names_its_issuer_and_audience(api: Api) -> None:
    answer = await (await ready(api, small_node())).attested()
    keys = VerificationKeys.from_jwks((await api.get("/.well-known/jwks.json", as_=None)).content)
    result = verify_result(
        answer["result"],
        keys,
        "urn:lotabots:attestation",
        "urn:lotabots:relying-parties",
        utc_now(),
    )
    assert result.verdict == "accepted"


async def test_a_result_under_a_policy_that_asks_for_a_receipt_says_so_each_time(api: Api) -> None:
    attester = await ready(api, small_node())
    source = json.loads(builtin_policy("demo").document)
    source["parameters"]["require_receipt"] = True
    added = await api.post("/v1/policies", {"source": json.dumps(source)})
    await use_policy(api, added.json()["id"])
    answer = await attester.attested()
    again = await api.get(f"/v1/attestations/{answer['id']}/result", as_=Role.VIEWER)
    keys = VerificationKeys.from_jwks((await api.get("/.well-known/jwks.json", as_=None)).content)
    assert read_result(answer["result"], keys).needs_receipt
    assert read_result(again.json()["result"], keys).needs_receipt

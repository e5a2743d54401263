"""A node enrols by its TPM: the right one gets in, each wrong key or certificate has its code."""

import base64
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from plugins.api import Api
from plugins.attester import upload
from plugins.enroller import HERE, TpmJoiner, joined_by_tpm, make_token
from plugins.stage import staged

from lotabots.attestation import AttestationSettings
from lotabots.evidence import ReferenceFiles
from lotabots.evidence.schemes.tpm import read_public
from lotabots.kernel import Role
from lotabots.runtime.database import Database
from lotabots.runtime.web import TokenSettings
from lotabots.simulator import roots_pem
from lotabots.simulator.authorities import tpm_issuer, tpm_root
from lotabots.simulator.tpm import Algorithm, SimulatedTpm, TpmFault, enrol

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("algorithm", Algorithm)
async def test_a_node_enrols_by_its_tpm_which_is_pinned_and_can_attest(
    api: Api, algorithm: Algorithm
) -> None:
    agent = TpmJoiner(api, tpm=SimulatedTpm(uuid4().bytes * 2, algorithm))
    await agent.join(await make_token(api, node_class="host", identity="tpm"))
    shown = (await api.get(f"/v1/nodes/{agent.node}")).json()
    assert shown["identity"] == "tpm"
    assert ("tpm", agent.tpm.device_id) in {
        (device["kind"], device["device_id"]) for device in shown["inventory"]
    }
    challenge = await agent.challenge()
    assert {"tpm0", "host0", "gpu0"} == {d["subject"] for d in challenge.json()["inventory"]}
    await agent.renew()


async def test_the_audit_log_holds_by_what_a_tpm_was_believed(api: Api) -> None:
    agent = await joined_by_tpm(api)
    page = (await api.get("/v1/audit/entries?verb=node.enroll")).json()
    digests = page["entries"][0]["entry"]["digests"]
    assert (digests["tpm"], digests["simulated"]) == (agent.tpm.device_id, "true")
    assert digests["ak_name"] == agent.tpm.ak.name.hex()


REFUSED: dict[TpmFault, tuple[int, str, str | None]] = {
    TpmFault.EK_WITHOUT_CERTIFICATE: (400, "ENROLMENT_TPM_REFUSED", "TPM-CHAIN-ABSENT"),
    TpmFault.EK_OTHER_PURPOSE: (400, "ENROLMENT_TPM_REFUSED", "TPM-CHAIN-USE"),
    TpmFault.EK_OF_ANOTHER: (400, "ENROLMENT_TPM_REFUSED", "TPM-CHAIN-KEY"),
    TpmFault.EK_FORGED_ROOT: (403, "ENROLMENT_EK_UNKNOWN", None),
    TpmFault.EK_BY_DEVICE_ROOT: (403, "ENROLMENT_EK_UNKNOWN", None),
    TpmFault.AK_UNRESTRICTED: (400, "ENROLMENT_TPM_REFUSED", "TPM-AK-UNFIT"),
}


@pytest.mark.parametrize("fault", REFUSED)
async def test_what_a_tpm_may_not_be_is_refused_with_its_code(api: Api, fault: TpmFault) -> None:
    status, code, finding = REFUSED[fault]
    agent, token = TpmJoiner(api), await make_token(api)
    agent.enrolled = enrol(agent.tpm, fault)
    answer = await agent.begin(token)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.json()["details"].get("finding") == finding
    entries = (await api.get("/v1/audit/entries?verb=enrolment.refuse")).json()["entries"]
    assert [one["entry"]["outcome"] for one in entries] == [code]
    assert (await agent.begin(token)).json()["code"] == "ENROLMENT_TOKEN_SPENT"


async def test_the_secret_opens_for_the_very_attestation_key_that_was_enrolled(api: Api) -> None:
    agent = TpmJoiner(api)
    other = SimulatedTpm(uuid4().bytes * 2)
    agent.enrolled = msgspec.structs.replace(agent.tpm.enrolled, ak_public=other.ak.public)
    begun = (await agent.begin(await make_token(api))).json()
    with pytest.raises(ValueError, match="another key"):
        agent.opened(begun)
    with pytest.raises(ValueError, match="another key"):
        other.activate_credential(base64.b64decode(begun["credential_blob"]))


async def test_a_tpm_that_guesses_its_secret_is_refused(api: Api) -> None:
    agent = TpmJoiner(api)
    begun = (await agent.begin(await make_token(api))).json()
    answer = await agent.activate(begun, proof=base64.b64encode(bytes(32)).decode())
    assert answer.json()["code"] == "ENROLMENT_PROOF_WRONG"
    assert (await agent.activate(begun)).json()["code"] == "ENROLMENT_NOT_FOUND"


async def test_a_tpm_is_in_one_node_over_all_tenants(api: Api) -> None:
    first = await joined_by_tpm(api)
    for place in (api, api.of_another_tenant()):
        agent = TpmJoiner(place, tpm=first.tpm)
        begun = (await agent.begin(await make_token(place))).json()
        answer = await agent.activate(begun)
        assert (answer.status_code, answer.json()["code"]) == (409, "NODE_DEVICE_TAKEN")
        assert answer.json()["details"] == {}


async def test_the_keys_of_a_tpm_come_with_the_identity_of_one(api: Api) -> None:
    agent = TpmJoiner(api)
    answer = await agent.begin(await make_token(api), identity="software")
    assert (answer.status_code, answer.json()["code"]) == (400, "ENROLMENT_IDENTITY")


def _bits(data: bytes) -> list[bytes]:
    """The data with one bit changed, at places all over it."""
    changed = []
    for place in range(0, len(data), max(1, len(data) // 12)):
        copy = bytearray(data)
        copy[place] ^= 1 << place % 8
        changed.append(bytes(copy))
    return changed


def key_of(public: bytes) -> str:
    return read_public(public).device_id


WRONG: dict[str, Callable[[bytes], list[bytes]]] = {
    "bits": _bits,
    "truncated": lambda data: [data[:-1], data[: len(data) // 2], data[:1]],
    "trailing": lambda data: [data + b"\0"],
    "oversize": lambda data: [data * 3],
}


@pytest.mark.parametrize("name", ["ek_public", "ak_public"])
@pytest.mark.parametrize("kind", WRONG)
async def test_any_change_of_a_public_key_is_a_coded_refusal(
    api: Api, name: str, kind: str
) -> None:
    agent = TpmJoiner(api)
    for changed in WRONG[kind](base64.b64decode(agent.keys[name])):
        keys = agent.keys | {name: base64.b64encode(changed).decode()}
        answer = await agent.begin(await make_token(api), tpm=keys)
        if answer.status_code == 201 and name == "ak_public":
            with pytest.raises(ValueError, match="another key"):
                agent.opened(answer.json())
        elif answer.status_code == 201:  # not of the key itself, whose TPM alone opens the secret
            assert key_of(changed) == key_of(agent.tpm.ek.public)
        else:
            codes = {"ENROLMENT_TPM_REFUSED", "ENROLMENT_EK_UNKNOWN", "REQUEST_BODY_INVALID"}
            assert answer.status_code in {400, 403}, answer.text
            assert answer.json()["code"] in codes


@pytest.mark.parametrize("kind", WRONG)
async def test_any_change_of_a_certificate_is_a_coded_refusal(api: Api, kind: str) -> None:
    agent = TpmJoiner(api)
    first, *above = agent.keys["ek_certificates"].split("-----END CERTIFICATE-----\n")
    der = base64.b64decode("".join(first.splitlines()[1:]))
    for changed in WRONG[kind](der):
        text = base64.b64encode(changed).decode()
        leaf = f"-----BEGIN CERTIFICATE-----\n{text}\n"
        pem = "-----END CERTIFICATE-----\n".join([leaf, *above])
        answer = await agent.begin(await make_token(api), tpm=agent.keys | {"ek_certificates": pem})
        assert answer.status_code in {400, 403}, answer.text
        assert answer.json()["code"] in {"ENROLMENT_TPM_REFUSED", "ENROLMENT_EK_UNKNOWN"}


@pytest.mark.parametrize(
    "pem",
    ["", " ", "no pem", "-----BEGIN CERTIFICATE-----", "\u00e9", "x" * 30_000],
    ids=range(6),
)
async def test_text_that_is_no_certificate_is_a_coded_refusal(api: Api, pem: str) -> None:
    agent = TpmJoiner(api)
    answer = await agent.begin(await make_token(api), tpm=agent.keys | {"ek_certificates": pem})
    assert (answer.status_code, answer.json()["code"]) == (400, "ENROLMENT_TPM_REFUSED")


def pem_of(*authorities: Any) -> str:
    return "".join(one.certificate.public_bytes(Encoding.PEM).decode() for one in authorities)


async def test_a_root_that_an_operator_imports_makes_an_unknown_maker_known(api: Api) -> None:
    agent = TpmJoiner(api)
    agent.enrolled = enrol(agent.tpm, TpmFault.EK_FORGED_ROOT)
    assert (await agent.begin(await make_token(api))).json()["code"] == "ENROLMENT_EK_UNKNOWN"
    root = {
        "format": "lotabots/tpm-roots/v1",
        "roots": [pem_of(tpm_root("forged-tpm-root"))],
        "intermediates": [],
    }
    await upload(api, ReferenceFiles.of({"tpm/roots.json": msgspec.json.encode(root)}))
    await agent.join(await make_token(api))
    page = (await api.get("/v1/audit/entries?verb=node.enroll")).json()
    assert page["entries"][0]["entry"]["digests"]["simulated"] == "false"
    elsewhere = replace(agent, api=api.of_another_tenant())
    answer = await elsewhere.begin(await make_token(elsewhere.api))
    assert answer.json()["code"] == "ENROLMENT_EK_UNKNOWN"


async def test_certificates_that_the_instance_has_need_not_be_sent(
    database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "roots.pem"
    file.write_bytes(roots_pem() + pem_of(tpm_issuer()).encode())
    settings = AttestationSettings(simulated_anchors=str(file))
    async with staged(database, settings, TokenSettings(public_url=HERE)) as stage:
        agent = TpmJoiner(stage.api)
        alone = agent.keys["ek_certificates"].partition("-----END CERTIFICATE-----\n")
        sent = alone[0] + alone[1]
        agent.enrolled = msgspec.structs.replace(agent.tpm.enrolled, ek_certificates=sent.encode())
        await agent.join(await make_token(stage.api))
        async with database.transaction(stage.api.tenant) as tx:
            stored = await tx.fetch_value("select ek_certificates from attestation.tpms")
        assert isinstance(stored, bytes)
        assert stored.count(b"BEGIN CERTIFICATE") == 3


async def test_a_renewal_changes_the_session_key_and_the_old_one_is_over(api: Api) -> None:
    agent = await joined_by_tpm(api)
    old = replace(agent)
    agent.prover = TpmJoiner(api).prover
    await agent.renew()
    assert (await agent.challenge()).status_code == 201
    refused = await old.challenge()
    assert (refused.status_code, refused.json()["code"]) == (401, "TOKEN_REVOKED")
    shown = (await api.get(f"/v1/nodes/{agent.node}", as_=Role.VIEWER)).json()
    assert shown["agent"]["key_thumbprint"] == agent.thumbprint


async def refused_renewal(agent: TpmJoiner, **other: object) -> dict[str, Any]:
    begun = await agent.begin_renewal()
    assert begun.status_code == 201, begun.text
    answer = await agent.complete(begun.json(), **other)
    assert answer.status_code == 401, answer.text
    body: dict[str, Any] = answer.json()
    assert body["code"] == "RENEWAL_REFUSED"
    return body


async def test_another_nodes_attestation_key_renews_nothing(api: Api) -> None:
    agent, other = await joined_by_tpm(api), await joined_by_tpm(api)
    thief = replace(agent, tpm=other.tpm)
    body = await refused_renewal(thief)
    assert body["details"]["finding"] == "TPM-SIGNATURE-INVALID"
    assert (await agent.challenge()).status_code == 201


async def test_without_a_quote_the_session_key_alone_renews_nothing(api: Api) -> None:
    agent = await joined_by_tpm(api)
    await refused_renewal(agent, quote=None, signature=None)


async def test_a_quote_for_one_session_key_is_none_for_another(api: Api) -> None:
    agent = await joined_by_tpm(api)
    begun = (await agent.begin_renewal()).json()
    proof = agent.proof_of(begun)
    thief = replace(agent, prover=TpmJoiner(api).prover)
    answer = await thief.send(f"/v1/renewals/{begun['id']}", proof)
    assert answer.json()["details"]["finding"] == "TPM-NONCE-MISMATCH"


async def test_a_quote_of_an_earlier_renewal_renews_nothing(api: Api) -> None:
    agent = await joined_by_tpm(api)
    first = (await agent.begin_renewal()).json()
    proof = agent.proof_of(first)
    second = (await agent.begin_renewal()).json()
    answer = await agent.send(f"/v1/renewals/{second['id']}", proof | {"nonce": second["nonce"]})
    assert answer.json()["details"]["finding"] == "TPM-NONCE-MISMATCH"


@pytest.mark.parametrize("name", ["quote", "signature"])
@pytest.mark.parametrize("kind", WRONG)
async def test_any_change_of_a_quote_is_a_coded_refusal(api: Api, name: str, kind: str) -> None:
    agent = await joined_by_tpm(api)
    begun = (await agent.begin_renewal()).json()
    for changed in WRONG[kind](base64.b64decode(agent.proof_of(begun)[name])):
        text = base64.b64encode(changed).decode()
        begun = (await agent.begin_renewal()).json()
        answer = await agent.complete(begun, **{name: text})
        assert (answer.status_code, answer.json()["code"]) == (401, "RENEWAL_REFUSED")
    for text in ("%%%", "AAA", "AA==" * 2):
        begun = (await agent.begin_renewal()).json()
        answer = await agent.complete(begun, **{name: text})
        assert (answer.status_code, answer.json()["code"]) == (400, "RENEWAL_MALFORMED")

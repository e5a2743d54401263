"""A result with its receipt: what a relying party that trusts the log alone can check offline."""

import asyncio
import json
from typing import Any

import pytest
from plugins.api import Api
from plugins.attester import Attester, ready, small_node
from plugins.process import assert_refused

from lotabots.appraisal import builtin_policy
from lotabots.evidence import Level
from lotabots.kernel import Role, VerificationKeys, canonical
from lotabots.result import (
    Need,
    Required,
    Result,
    admit,
    check_receipt,
    read_result,
    read_status_list,
)
from lotabots.runtime.clock import utc_now
from lotabots.tlog import Policy, leaf_hash, open_checkpoint, verify_receipt

pytestmark = pytest.mark.anyio

PATIENCE = 100
"""Looks of 50 ms for what the sequencer does within a fraction of a second."""


async def log_policy(api: Api) -> Policy:
    """Whom to believe about this log: the keys that it names itself, here."""
    keys = (await api.get("/v1/audit/keys", as_=None)).text.splitlines()
    return Policy.parse("".join(f"log {key}\n" for key in keys).encode() + b"quorum none\n")


async def eventually(api: Api, path: str, **query: Any) -> Any:
    """The answer once it is not 409 any more."""
    for _ in range(PATIENCE):
        answer = await api.get(path, as_=Role.AUDITOR, params=query)
        if answer.status_code != 409:
            assert answer.status_code == 200, answer.text
            return answer
        assert_refused(answer, 409, "RECEIPT_PENDING")
        await asyncio.sleep(0.05)
    raise AssertionError(f"{path}: no receipt came")


async def receipted(api: Api, attested: dict[str, Any], **query: Any) -> Result:
    """The result of an attestation with its receipt."""
    path = f"/v1/attestations/{attested['id']}/result"
    answer = await eventually(api, path, receipt="1", **query)
    keys = VerificationKeys.from_jwks((await api.get("/.well-known/jwks.json", as_=None)).content)
    return read_result(answer.json()["result"], keys)


async def attested_by(api: Api, attester: Attester) -> tuple[dict[str, Any], Result]:
    attested = await attester.attested()
    return attested, await receipted(api, attested)


async def test_the_receipt_of_a_result_proves_its_appraisal_in_the_log(api: Api) -> None:
    attested, result = await attested_by(api, await ready(api, small_node()))
    found = check_receipt(result, await log_policy(api))
    assert result.log is not None
    assert found.index == result.log.index < found.checkpoint.size
    assert result.appraisal == attested["appraisal_digest"]


async def test_the_leaf_in_the_answer_is_the_one_that_the_log_holds(api: Api) -> None:
    attested = await (await ready(api, small_node())).attested()
    answer = await eventually(api, f"/v1/audit/receipts/{attested['log']['entry']}")
    entry = await entry_of(api, attested)
    assert leaf_hash(entry).hex() == attested["log"]["leaf"]
    receipt = verify_receipt(answer.text, entry, await log_policy(api))
    note = (await api.get("/v1/audit/checkpoint", as_=None)).content
    head = open_checkpoint(note, (await log_policy(api)).log_keys())
    assert receipt.checkpoint.size <= head.size


async def entry_of(api: Api, attested: dict[str, Any]) -> bytes:
    """The bytes of the entry, as the list of entries shows it."""
    page = (await api.get("/v1/audit/entries", params={"verb": "attestation.record"})).json()
    [entry] = [one for one in page["entries"] if one["entry"]["id"] == attested["log"]["entry"]]
    return canonical(entry["entry"])


async def test_the_token_with_receipt_has_the_name_and_the_end_of_the_first(api: Api) -> None:
    attester = await ready(api, small_node())
    attested, later = await attested_by(api, attester)
    keys = VerificationKeys.from_jwks((await api.get("/.well-known/jwks.json", as_=None)).content)
    first = read_result(attested["result"], keys)
    assert first.log is None
    assert (later.token_id, later.expires_at) == (first.token_id, first.expires_at)
    assert later.status == first.status


async def test_every_profile_carries_the_receipt(api: Api) -> None:
    attested = await (await ready(api, small_node())).attested()
    for profile in ("veraison", "trustee", "ietf"):
        result = await receipted(api, attested, profile=profile)
        check_receipt(result, await log_policy(api))


async def test_a_policy_that_requires_a_receipt_admits_the_second_token_and_not_the_first(
    api: Api,
) -> None:
    source = json.loads(builtin_policy("demo").document)
    source["parameters"]["require_receipt"] = True
    added = await api.post("/v1/policies", {"source": json.dumps(source)}, as_=Role.OPERATOR)
    assert added.status_code == 201, added.text
    attester = await ready(api, small_node(), policy=added.json()["id"])
    attested, later = await attested_by(api, attester)
    keys = VerificationKeys.from_jwks((await api.get("/.well-known/jwks.json", as_=None)).content)
    first = read_result(attested["result"], keys)
    need = Need(
        issuer=first.issuer,
        audience=first.audience,
        policies=frozenset({first.policy_id}),
        required=(Required(kind="gpu", count=1, level=Level.ATTESTED),),
        allow_simulated=True,
        log=await log_policy(api),
    )
    status = read_status_list((await api.get("/v1/status", as_=None)).text, keys)
    refused = admit(first, attester.id, need, status, utc_now())
    assert [reason.code for reason in refused.reasons] == ["ADMIT_UNLOGGED"]
    assert admit(later, attester.id, need, status, utc_now()).reasons == ()


async def test_a_receipt_of_another_tenant_is_not_to_be_had(api: Api) -> None:
    attested = await (await ready(api, small_node())).attested()
    other = api.of_another_tenant()
    answer = await other.get(f"/v1/audit/receipts/{attested['log']['entry']}", as_=Role.AUDITOR)
    assert_refused(answer, 404, "AUDIT_ENTRY_UNKNOWN")
    answer = await other.get(f"/v1/attestations/{attested['id']}/result", params={"receipt": "1"})
    assert_refused(answer, 404, "ATTESTATION_NOT_FOUND")

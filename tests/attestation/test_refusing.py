"""What is not a proper answer to a challenge is refused with a code, and spends what it used."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from plugins.api import Api
from plugins.attester import Attester, new_jwk, ready, register, small_node

from lotabots.kernel import Role

pytestmark = pytest.mark.anyio

TOO_LONG = "A" * (1400 * 1024 + 1)


async def refused(attester: Attester, **other: object) -> tuple[int, str]:
    """Status and code of a submission that is changed like this."""
    challenge = await attester.challenge()
    answer = await attester.submit(challenge, attester.evidence(challenge), **other)
    return answer.status_code, answer.json()["code"]


async def count(api: Api, table: str) -> object:
    async with api.database.transaction(api.tenant) as tx:
        return await tx.fetch_value(f"select count(*) from attestation.{table}")


async def test_of_fifty_parallel_uses_of_a_nonce_exactly_one_wins(api: Api) -> None:
    attester = await ready(api, small_node())
    challenge = await attester.challenge()
    evidence = attester.evidence(challenge)
    answers = await asyncio.gather(*(attester.submit(challenge, evidence) for _ in range(50)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 49
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"CHALLENGE_SPENT"}
    assert await count(api, "attestations") == 1


async def test_a_nonce_is_good_once_whatever_came_of_it(api: Api) -> None:
    attester = await ready(api, small_node())
    challenge = await attester.challenge()
    evidence = attester.evidence(challenge)
    bad = await attester.submit(challenge, evidence, evidence=[])
    assert bad.json()["status"] == "inconclusive"
    again = await attester.submit(challenge, evidence)
    assert (again.status_code, again.json()["code"]) == (409, "CHALLENGE_SPENT")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"nonce": "A" * 43}, "CHALLENGE_NONCE_MISMATCH"),
        ({"nonce": "short"}, "CHALLENGE_NONCE_MALFORMED"),
        ({"nonce": "=" * 43}, "CHALLENGE_NONCE_MALFORMED"),
        ({"session_key": new_jwk()}, "CHALLENGE_SESSION_KEY_MISMATCH"),
    ],
)
async def test_what_is_not_of_the_challenge_is_refused_and_spends_it(
    api: Api, change: dict[str, object], code: str
) -> None:
    attester = await ready(api, small_node())
    challenge = await attester.challenge()
    evidence = attester.evidence(challenge)
    answer = await attester.submit(challenge, evidence, **change)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    again = await attester.submit(challenge, evidence)
    assert again.json()["code"] == "CHALLENGE_SPENT"
    assert await count(api, "attestations") == 0


async def test_a_refused_submission_is_an_event_in_the_audit_log_and_changes_no_standing(
    api: Api,
) -> None:
    attester = await ready(api, small_node())
    assert (await attester.attested())["status"] == "accepted"
    assert await refused(attester, nonce="A" * 43) == (400, "CHALLENGE_NONCE_MISMATCH")
    entries = (await api.get("/v1/audit/entries?verb=attestation.refuse")).json()["entries"]
    assert [entry["entry"]["outcome"] for entry in entries] == ["CHALLENGE_NONCE_MISMATCH"]
    assert (await api.get(f"/v1/nodes/{attester.id}")).json()["standing"] == "accepted"


@pytest.mark.parametrize(
    "item",
    [
        {"data": "%%%"},
        {"data": "AAA"},
        {"data": "AA=="[::-1]},
        {"certificates": "\u00e9"},
    ],
)
async def test_evidence_that_is_not_text_as_agreed_is_refused_after_the_challenge_is_spent(
    api: Api, item: dict[str, str]
) -> None:
    attester = await ready(api, small_node())
    good = {"subject": "gpu0", "scheme": "nvidia_gpu", "data": "AAAA", "certificates": ""}
    assert await refused(attester, evidence=[good | item]) == (400, "EVIDENCE_BASE64")


async def test_a_subject_with_two_pieces_of_evidence_is_refused(api: Api) -> None:
    attester = await ready(api, small_node())
    item = {"subject": "gpu0", "scheme": "nvidia_gpu", "data": "AAAA", "certificates": ""}
    assert await refused(attester, evidence=[item, item]) == (400, "EVIDENCE_DUPLICATE_SUBJECT")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "JSON_MALFORMED"),
        (b"[" * 100_000, 400, "JSON_TOO_DEEP"),
        (b'{"challenge": 1, "challenge": 2}', 400, "JSON_DUPLICATE_KEY"),
        (b"\xff", 400, "JSON_NOT_UTF8"),
        (b"{}", 400, "REQUEST_BODY_INVALID"),
        (b"", 400, "REQUEST_BODY_EMPTY"),
        (b"[" + b" " * 4_000_000 + b"]", 413, "REQUEST_TOO_LARGE"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused_with_a_code(
    api: Api, body: bytes, status: int, code: str
) -> None:
    headers = {"content-type": "application/json"}
    answer = await api.post("/v1/attestations", as_=Role.OPERATOR, content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"challenge": "not-a-uuid"},
        {"nonce": 5},
        {"session_key": {"kty": "EC"}},
        {"evidence": "text"},
        {"evidence": [{"subject": "GPU0", "scheme": "s", "data": "", "certificates": ""}]},
        {"evidence": [{"subject": "gpu0", "scheme": "s", "data": TOO_LONG, "certificates": ""}]},
        {"profile": ["ietf"]},
    ],
)
async def test_a_body_of_another_shape_is_refused_and_spends_nothing(
    api: Api, change: dict[str, object]
) -> None:
    attester = await ready(api, small_node())
    challenge = await attester.challenge()
    evidence = attester.evidence(challenge)
    answer = await attester.submit(challenge, evidence, **change)
    assert (answer.status_code, answer.json()["code"]) == (400, "REQUEST_BODY_INVALID")
    assert (await attester.submit(challenge, evidence)).status_code == 201


async def test_another_content_type_is_refused(api: Api) -> None:
    headers = {"content-type": "text/plain"}
    answer = await api.post("/v1/attestations", as_=Role.OPERATOR, content=b"{}", headers=headers)
    assert answer.status_code == 415


@pytest.mark.parametrize(
    "key",
    [
        {"x": "A" * 43},
        {"crv": "P-384"},
        {"kty": "oct"},
        {"d": "A" * 43},
    ],
)
async def test_a_session_key_that_is_none_gets_no_challenge(api: Api, key: dict[str, str]) -> None:
    node = await register(api, small_node())
    body = {"node": node.id, "session_key": new_jwk() | key}
    answer = await api.post("/v1/challenges", body, as_=Role.OPERATOR)
    assert answer.status_code == 400
    assert answer.json()["code"] in {"REQUEST_BODY_INVALID", "KEY_MALFORMED"}


async def test_an_agent_of_another_node_is_refused_and_cannot_spend_the_challenge(
    api: Api,
) -> None:
    attester = await ready(api, small_node())
    challenge = await attester.challenge()
    evidence = attester.evidence(challenge)
    stranger = Attester(api, attester.node, attester.id, session_key=attester.session_key)
    stranger.caller_node = str(uuid4())
    answer = await stranger.submit(challenge, evidence)
    assert (answer.status_code, answer.json()["code"]) == (403, "NODE_NOT_YOURS")
    body = {"node": attester.id, "session_key": new_jwk()}
    asked = await api.post("/v1/challenges", body, as_=Role.AGENT, node=str(uuid4()))
    assert (asked.status_code, asked.json()["code"]) == (403, "NODE_NOT_YOURS")
    assert (await attester.submit(challenge, evidence)).status_code == 201


async def test_an_agent_cannot_choose_another_policy_than_the_one_in_force(api: Api) -> None:
    node = await register(api, small_node())
    body: dict[str, Any] = {"node": node.id, "session_key": new_jwk(), "policy": "demo"}
    answer = await api.post("/v1/challenges", body, as_=Role.AGENT, node=node.id)
    assert (answer.status_code, answer.json()["code"]) == (403, "POLICY_NOT_YOURS")
    assert (await api.post("/v1/challenges", body, as_=Role.OPERATOR)).status_code == 201


async def test_a_challenge_of_another_tenant_is_not_there(api: Api) -> None:
    attester = await ready(api, small_node())
    challenge = await attester.challenge()
    other = Attester(api.of_another_tenant(), attester.node, attester.id, agent=False)
    other.session_key = attester.session_key
    answer = await other.submit(challenge, attester.evidence(challenge))
    assert (answer.status_code, answer.json()["code"]) == (404, "CHALLENGE_NOT_FOUND")


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AUDITOR])
async def test_who_may_only_read_gets_no_challenge_and_submits_nothing(
    api: Api, role: Role
) -> None:
    for path in ("/v1/challenges", "/v1/attestations", "/v1/nodes", "/v1/policies"):
        answer = await api.post(path, {}, as_=role)
        assert (answer.status_code, answer.json()["code"]) == (403, "PERMISSION_DENIED")


async def test_a_token_of_another_issuer_is_refused(api: Api) -> None:
    headers = api.tokens.of(Role.ADMIN, issuer="urn:someone:else")
    answer = await api.get("/v1/attestations", as_=None, headers=headers)
    assert answer.status_code == 401


async def test_without_a_token_only_keys_and_status_are_public(api: Api) -> None:
    for path in ("/v1/attestations", "/v1/nodes", "/v1/policies", "/v1/reference"):
        assert (await api.get(path, as_=None)).status_code == 401
    for path in ("/.well-known/jwks.json", "/v1/status"):
        assert (await api.get(path, as_=None)).status_code == 200

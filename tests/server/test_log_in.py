"""A user logs in where identity runs, and is believed wherever the other services run."""

from uuid import uuid4

import asyncpg
import pytest
from plugins.api import Api
from plugins.database import DatabaseUrls
from plugins.process import assert_refused

from lotabots.kernel import Role

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"


@pytest.fixture
async def auditor(api: Api, session_database_urls: DatabaseUrls) -> dict[str, str]:
    """The header of an auditor who has logged in, in the tenant of the test."""
    owner = await asyncpg.connect(session_database_urls.owner)
    await owner.execute(
        "insert into identity.tenants (id, name, created_at) values ($1, $2, now())",
        api.tenant,
        f"t{api.tenant.hex}",
    )
    await owner.close()
    name = f"u{uuid4().hex}"
    user = {"username": name, "password": PASSWORD, "email": f"{name}@b.org", "role": "auditor"}
    assert (await api.post("/v1/users", user)).status_code == 201
    claimed = {"username": name, "password": PASSWORD}
    answer = await api.post("/v1/login", claimed, as_=None)
    return {"authorization": f"Bearer {answer.json()['access_token']}"}


async def test_a_token_opens_what_its_role_may_see_in_every_process(
    api: Api, auditor: dict[str, str]
) -> None:
    for path in ("/v1/me", "/v1/nodes", "/v1/reference", "/v1/audit/entries"):
        answer = await api.get(path, as_=None, headers=auditor)
        assert answer.status_code == 200, (path, answer.text)
    refused = await api.post("/v1/users", {}, as_=None, headers=auditor)
    assert_refused(refused, 403, "PERMISSION_DENIED")


async def test_the_audit_log_has_what_identity_did(api: Api, auditor: dict[str, str]) -> None:
    page = (await api.get("/v1/audit/entries", as_=None, headers=auditor)).json()
    verbs = [one["entry"]["verb"] for one in page["entries"]]
    assert verbs == ["session.open", "user.create"]


async def test_a_wrong_password_is_refused_in_the_same_words_everywhere(api: Api) -> None:
    claimed = {"username": "admin", "password": "not the password"}
    assert_refused(await api.post("/v1/login", claimed, as_=None), 401, "LOGIN_FAILED")


async def test_a_token_of_another_issuer_is_believed_nowhere(api: Api) -> None:
    token = api.tokens.token(Role.ADMIN, issuer="urn:somebody:else")
    for path in ("/v1/me", "/v1/nodes", "/v1/audit/entries"):
        headers = {"authorization": f"Bearer {token}"}
        answer = await api.get(path, as_=None, headers=headers)
        assert_refused(answer, 401, "TOKEN_FOREIGN")

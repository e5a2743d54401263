"""API keys: for programs, with at most what their maker may do, until they end."""

import re
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from plugins.api import Api
from plugins.database import DatabaseUrls
from plugins.people import People
from plugins.process import assert_refused

from lotabots.access import read_api_key, write_api_key
from lotabots.kernel import LotaError, Role, sha256

pytestmark = pytest.mark.anyio

FORM = re.compile(r"lota_live_[a-z2-7]{16}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}")


async def made(people: People, headers: dict[str, str], **fields: Any) -> dict[str, Any]:
    body = {"name": "a key"} | fields
    answer = await people.api.post("/v1/me/keys", body, as_=None, headers=headers)
    assert answer.status_code == 201, answer.text
    key: dict[str, Any] = answer.json()
    return key


def bearer(key: dict[str, Any]) -> dict[str, str]:
    return {"authorization": f"Bearer {key['key']}"}


async def called(api: Api, key: dict[str, Any], path: str = "/v1/nodes") -> Any:
    return await api.get(path, as_=None, headers=bearer(key))


async def test_a_key_acts_for_its_user_in_every_process(people: People) -> None:
    ada = await people.logged_in(Role.OPERATOR)
    key = await made(people, ada.headers)
    assert FORM.fullmatch(key["key"])
    assert (await called(people.api, key)).status_code == 200
    assert (await called(people.api, key, "/v1/me")).json()["id"] == ada.id
    assert_refused(await called(people.api, key, "/v1/users"), 403, "PERMISSION_DENIED")
    page = await people.api.get("/v1/me/keys", as_=None, headers=ada.headers)
    [listed] = page.json()["keys"]
    assert listed["last_used_at"] is not None
    assert "key" not in listed
    verbs = [entry["verb"] for entry in await people.entries(verb="api_key.create")]
    assert verbs == ["api_key.create"]


async def test_a_key_has_no_more_than_it_names(people: People) -> None:
    ada = await people.logged_in(Role.ADMIN)
    narrow = await made(people, ada.headers, permissions=["node.read"])
    viewer = await made(people, ada.headers, role="viewer")
    for key in (narrow, viewer):
        assert (await called(people.api, key)).status_code == 200
        assert_refused(await called(people.api, key, "/v1/users"), 403, "PERMISSION_DENIED")
    refused = await called(people.api, narrow, "/v1/policies")
    assert_refused(refused, 403, "PERMISSION_DENIED")
    assert refused.json()["details"]["reason"] == "This API key does not include policy.read."


@pytest.mark.parametrize(
    "fields", [{"role": "admin"}, {"permissions": ["user.write"]}, {"role": "agent"}]
)
async def test_nobody_makes_a_key_that_may_more_than_they(
    people: People, fields: dict[str, Any]
) -> None:
    ada = await people.logged_in(Role.OPERATOR)
    body = {"name": "x"} | fields
    answer = await people.api.post("/v1/me/keys", body, as_=None, headers=ada.headers)
    assert_refused(answer, 403, "API_KEY_SCOPE")


async def test_a_key_makes_no_keys_and_changes_nothing_of_its_user(people: People) -> None:
    ada = await people.logged_in(Role.ADMIN)
    key = await made(people, ada.headers)
    service = await people.made(Role.SERVICE)
    for method, path in (
        ("GET", "/v1/me/keys"),
        ("POST", "/v1/me/keys"),
        ("POST", "/v1/me/password"),
        ("POST", "/v1/me/logout"),
        ("GET", "/v1/me/sessions"),
        ("DELETE", "/v1/me/sessions"),
        ("POST", f"/v1/users/{service['id']}/keys"),
    ):
        answer = await people.api.request(method, path, None, headers=bearer(key))
        assert_refused(answer, 403, "SESSION_NEEDED")


async def test_an_administrator_makes_keys_for_services_and_agents_and_no_person(
    people: People,
) -> None:
    ada = await people.logged_in(Role.ADMIN)
    for role in (Role.SERVICE, Role.AGENT, Role.VIEWER):
        user = await people.made(role)
        answer = await people.api.post(
            f"/v1/users/{user['id']}/keys", {"name": "x"}, as_=None, headers=ada.headers
        )
        if role is Role.VIEWER:
            assert_refused(answer, 403, "API_KEY_SCOPE")
            continue
        key = answer.json()
        assert key["shown"]["role"] == role
        assert (await called(people.api, key, "/v1/me")).json()["id"] == user["id"]
        path = f"/v1/users/{user['id']}/keys/{key['shown']['id']}"
        gone = await people.api.request("DELETE", path)
        assert gone.status_code == 204
        assert_refused(await people.api.request("DELETE", path), 404, "API_KEY_UNKNOWN")


async def test_a_revoked_key_is_told_to_every_process(people: People) -> None:
    ada = await people.logged_in()
    key = await made(people, ada.headers)
    path = f"/v1/me/keys/{key['shown']['id']}"
    assert (await people.api.request("DELETE", path, None, headers=ada.headers)).status_code == 204
    assert_refused(await called(people.api, key), 401, "API_KEY_INVALID")
    async with people.api.database.transaction(None) as tx:
        told = await tx.fetch_value(
            "select count(*) from runtime.revoked_tokens where token_id = $1", key["shown"]["id"]
        )
    assert told == 1


async def test_the_keys_of_a_disabled_user_are_dead_and_stay_dead(people: People) -> None:
    ada = await people.logged_in()
    key = await made(people, ada.headers)
    await people.api.post(f"/v1/users/{ada.id}/disable")
    assert_refused(await called(people.api, key), 401, "API_KEY_INVALID")
    await people.api.post(f"/v1/users/{ada.id}/enable")
    assert_refused(await called(people.api, key), 401, "API_KEY_INVALID")


async def test_a_key_loses_what_its_user_loses(people: People) -> None:
    ada = await people.logged_in(Role.ADMIN)
    key = await made(people, ada.headers)
    await people.api.post(f"/v1/users/{ada.id}/role", {"role": "viewer"})
    assert_refused(await called(people.api, key, "/v1/users"), 403, "PERMISSION_DENIED")
    assert (await called(people.api, key)).status_code == 200


async def test_an_expired_key_is_refused(
    people: People, session_database_urls: DatabaseUrls
) -> None:
    ada = await people.logged_in()
    key = await made(people, ada.headers, days=1)
    owner = await asyncpg.connect(session_database_urls.owner)
    await owner.execute("alter table identity.api_keys no force row level security")
    await owner.execute(
        "update identity.api_keys set expires_at = expires_at - $2::interval where id = $1",
        key["shown"]["id"],
        timedelta(days=1, seconds=1),
    )
    await owner.execute("alter table identity.api_keys force row level security")
    await owner.close()
    assert_refused(await called(people.api, key), 401, "API_KEY_INVALID")


async def test_a_key_that_is_not_whole_or_not_ours_is_refused(people: People) -> None:
    ada = await people.logged_in()
    key = (await made(people, ada.headers))["key"]
    other = write_api_key("live", key.split("_")[2], bytes(32))
    swapped = key.replace("lota_live", "lota_test")
    for text in (key[:-1], key + "x", "lota" + key[4:].swapcase(), other, swapped,
                 "lota_", "lota_live_" + "'" * 16, key[:30] + "\u2028"):  # fmt: skip
        headers = {"authorization": f"Bearer {text}".encode()}
        answer = await people.api.get("/v1/me", as_=None, headers=headers)  # type: ignore[arg-type]
        assert_refused(answer, 401, "API_KEY_INVALID")


async def test_no_key_stands_in_the_database(people: People) -> None:
    ada = await people.logged_in()
    key = (await made(people, ada.headers))["key"]
    async with people.api.database.transaction(people.api.tenant) as tx:
        rows = str(await tx.fetch("select * from identity.api_keys"))
    assert key.split("_")[3] not in rows


def test_a_key_reads_back_as_its_id_and_digest() -> None:
    text = write_api_key("test", "a" * 16, bytes(range(32)))
    assert read_api_key(text) == ("a" * 16, sha256(text.encode()))
    with pytest.raises(ValueError, match="32 bytes"):
        write_api_key("test", "a" * 16, b"short")
    with pytest.raises(LotaError):
        write_api_key("TEST", "a" * 16, bytes(32))


def test_any_changed_character_of_a_key_is_noticed_without_a_database() -> None:
    text = write_api_key("test", "a" * 16, bytes(range(32)))
    for place in range(len(text)):
        for other in "aZ9_":
            changed = text[:place] + other + text[place + 1 :]
            if changed != text:
                with pytest.raises(LotaError):
                    read_api_key(changed)

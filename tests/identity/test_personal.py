"""Personal data: all of it handed out, consents in a ledger, and a person forgotten."""

from uuid import UUID

import pytest
from plugins.people import PASSWORD, People
from plugins.process import assert_refused

from lotabots.kernel import Role

pytestmark = pytest.mark.anyio

REASON = {"reason": "asked for by letter 7"}


async def test_a_person_gets_all_that_there_is_of_them_and_no_secret(people: People) -> None:
    ada = await people.logged_in(Role.OPERATOR)
    headers = ada.headers
    key = await people.api.post("/v1/me/keys", {"name": "mine"}, as_=None, headers=headers)
    given = {"purpose": "newsletter", "version": "2026-11", "given": True}
    await people.api.post("/v1/me/consents", given, as_=None, headers=headers)
    link = {"issuer": "https://login.example.com", "subject": ada.id}
    await people.api.post(f"/v1/users/{ada.id}/links", link)
    answer = await people.api.get("/v1/me/personal-data", as_=None, headers=headers)
    data = answer.json()
    assert data["user"]["username"] == ada.name
    assert [one["address"] for one in data["sessions"]] == ["127.0.0.1"]
    assert [one["name"] for one in data["keys"]] == ["mine"]
    assert data["links"] == [link]
    assert [one["purpose"] for one in data["consents"]] == ["newsletter"]
    verbs = {one["entry"]["verb"] for one in data["entries"]}
    assert {"user.create", "session.open", "api_key.create", "consent.give"} <= verbs
    assert data["entries_complete"] is True
    for secret in (key.json()["key"], ada.tokens["refresh_token"], "$2b$"):
        assert secret not in answer.text
    for_admin = await people.api.get(f"/v1/users/{ada.id}/personal-data")
    assert for_admin.json()["user"] == data["user"]
    assert (await people.entries(verb="personal.export"))[0]["outcome"] == "done"


async def test_consents_are_a_ledger_and_nothing_in_it_changes(people: People) -> None:
    ada = await people.logged_in()
    for given in (True, False, True):
        body = {"purpose": "statistics", "version": "v1", "given": given}
        answer = await people.api.post("/v1/me/consents", body, as_=None, headers=ada.headers)
        assert answer.status_code == 201
    page = await people.api.get("/v1/me/consents", as_=None, headers=ada.headers)
    assert [one["given"] for one in page.json()["consents"]] == [True, False, True]
    verbs = [entry["verb"] for entry in await people.entries()][:3]
    assert verbs == ["consent.give", "consent.withdraw", "consent.give"]


async def test_of_an_erased_user_nothing_is_left_that_says_who_it_was(people: People) -> None:
    ada = await people.logged_in(Role.OPERATOR)
    await people.api.post("/v1/me/keys", {"name": "mine"}, as_=None, headers=ada.headers)
    path = f"/v1/users/{ada.id}"
    answer = await people.api.post(f"{path}/erasure", REASON)
    assert answer.status_code == 200, answer.text
    assert_refused(await people.refresh(ada.tokens["refresh_token"]), 401, "REFRESH_REFUSED")
    assert_refused(await people.log_in(ada.name), 401, "LOGIN_FAILED")
    assert_refused(await people.api.get(path), 404, "USER_UNKNOWN")
    assert (await people.api.get("/v1/users")).json()["users"] == []
    tables = ("users", "sessions", "api_keys", "refresh_tokens", "consents", "links")
    async with people.api.database.transaction(people.api.tenant) as tx:
        left = "".join([str(await tx.fetch(f"select * from identity.{one}")) for one in tables])
    for text in (ada.name, str(ada.user["email"]), "127.0.0.1"):
        assert text not in left
    page = await people.api.get("/v1/audit/entries", params={"actor": ada.id})
    assert page.json()["entries"] == []
    whole = await people.api.get("/v1/audit/entries")
    assert ada.id not in whole.text
    verbs = [one["entry"]["verb"] for one in whole.json()["entries"]]
    assert verbs[0] == "person.erase"
    assert "session.open" in verbs  # what was hashed stays


async def test_the_name_of_an_erased_user_is_free_again(people: People) -> None:
    ada = await people.made()
    await people.api.post(f"/v1/users/{ada['id']}/erasure", REASON)
    fields = {"username": ada["username"], "email": ada["email"]}
    again = await people.made(**fields)
    assert UUID(again["id"]) != UUID(ada["id"])
    assert (await people.log_in(ada["username"], PASSWORD)).status_code == 200


async def test_nobody_is_erased_twice_or_brought_back(people: People) -> None:
    ada = await people.made()
    path = f"/v1/users/{ada['id']}"
    await people.api.post(f"{path}/erasure", REASON)
    for action, body in (
        ("erasure", REASON),
        ("enable", None),
        ("invitation", None),
        ("role", {"role": "viewer"}),
        ("links", {"issuer": "https://a.example", "subject": "b"}),
    ):
        answer = await people.api.post(f"{path}/{action}", body)
        assert_refused(answer, 404, "USER_UNKNOWN")


async def test_a_user_whom_the_log_has_forgotten_already_is_erased_all_the_same(
    people: People,
) -> None:
    ada = await people.made()
    body = {"person": f"user:{ada['id']}"} | REASON
    assert (await people.api.post("/v1/audit/erasures", body)).status_code == 201
    answer = await people.api.post(f"/v1/users/{ada['id']}/erasure", REASON)
    assert answer.status_code == 200, answer.text
    verbs = [entry["verb"] for entry in await people.entries(verb="person.erase")]
    assert verbs == ["person.erase", "person.erase"]


async def test_who_may_not_be_disabled_may_not_be_erased(people: People) -> None:
    ada = await people.logged_in(Role.ADMIN)
    owner = await people.made(Role.OWNER)
    own = f"/v1/users/{ada.id}/erasure"
    answer = await people.api.post(own, REASON, as_=None, headers=ada.headers)
    assert_refused(answer, 409, "USER_SELF")
    path = f"/v1/users/{owner['id']}"
    assert_refused(await people.api.post(f"{path}/erasure", REASON), 403, "ROLE_DENIED")
    assert_refused(await people.api.get(f"{path}/personal-data"), 403, "ROLE_DENIED")
    last = await people.api.post(f"{path}/erasure", REASON, as_=Role.OWNER)
    assert_refused(last, 409, "OWNER_LAST")


async def test_another_tenant_neither_reads_nor_erases_a_person(people: People) -> None:
    ada = await people.made()
    stranger = people.api.of_another_tenant()
    path = f"/v1/users/{ada['id']}"
    assert_refused(await stranger.get(f"{path}/personal-data"), 404, "USER_UNKNOWN")
    assert_refused(await stranger.post(f"{path}/erasure", REASON), 404, "USER_UNKNOWN")
    assert (await people.api.get(path)).status_code == 200

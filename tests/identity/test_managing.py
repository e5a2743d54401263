"""Users managed: invited, given another role, disabled; and what nobody may do to whom."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from plugins.api import Api
from plugins.people import PASSWORD, People
from plugins.process import assert_refused

from lotabots.kernel import Role

pytestmark = pytest.mark.anyio

NEW = "staple otter window lamp"


def invitee(role: Role = Role.VIEWER, **other: Any) -> dict[str, Any]:
    name = f"u{uuid4().hex}"
    return {"username": name, "email": f"{name}@b.org", "role": role} | other


async def accept(api: Api, token: str, password: str = NEW) -> Any:
    body = {"token": token, "password": password}
    return await api.post("/v1/login/invitation", body, as_=None)


async def test_an_invited_user_chooses_a_password_once_and_logs_in(people: People) -> None:
    asked = invitee(Role.OPERATOR)
    invitation = (await people.api.post("/v1/users/invitations", asked)).json()
    assert_refused(await people.log_in(asked["username"], ""), 401, "LOGIN_FAILED")
    answer = await accept(people.api, invitation["token"])
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await people.log_in(asked["username"], NEW)).status_code == 200
    assert_refused(await accept(people.api, invitation["token"]), 401, "INVITATION_REFUSED")
    verbs = [entry["verb"] for entry in await people.entries()]
    assert verbs == ["session.open", "user.password", "user.invite", "user.create"]


async def test_a_new_invitation_takes_the_place_of_the_old_one_and_ends_sessions(
    people: People,
) -> None:
    ada = await people.logged_in()
    path = f"/v1/users/{ada.id}/invitation"
    first, second = [(await people.api.post(path)).json()["token"] for _ in range(2)]
    assert (await people.refresh(ada.tokens["refresh_token"])).status_code == 200
    assert_refused(await accept(people.api, first), 401, "INVITATION_REFUSED")
    assert (await accept(people.api, second)).status_code == 204
    assert_refused(await people.refresh(ada.tokens["refresh_token"]), 401, "REFRESH_REFUSED")
    assert_refused(await people.log_in(ada.name), 401, "LOGIN_FAILED")
    assert (await people.log_in(ada.name, NEW)).status_code == 200


async def test_of_many_who_accept_an_invitation_at_once_one_does(people: People) -> None:
    asked = invitee()
    token = (await people.api.post("/v1/users/invitations", asked)).json()["token"]
    race = [accept(people.api, token, f"{NEW} {i}") for i in range(4)]
    statuses = sorted(answer.status_code for answer in await asyncio.gather(*race))
    assert statuses[0] == 204
    assert set(statuses[1:]) <= {401, 429}


async def test_an_invitation_that_is_none_is_refused(people: People) -> None:
    for token in ("", "x", "A" * 64, "ü" * 64):
        assert_refused(await accept(people.api, token), 401, "INVITATION_REFUSED")


@pytest.mark.parametrize(
    "password", ["password12345!", "qwertyuiop123", "aaaaaaaaaaaa", "1qaz2wsx3edc"]
)
async def test_a_guessable_password_is_refused_wherever_one_is_set(
    people: People, password: str
) -> None:
    user = invitee(password=password)
    assert_refused(await people.api.post("/v1/users", user), 400, "PASSWORD_GUESSABLE")
    token = (await people.api.post("/v1/users/invitations", invitee())).json()["token"]
    assert_refused(await accept(people.api, token, password), 400, "PASSWORD_GUESSABLE")
    assert (await accept(people.api, token)).status_code == 204  # the invitation was not used up
    ada = await people.logged_in()
    change = {"current": PASSWORD, "new": password}
    answer = await people.api.post("/v1/me/password", change, as_=None, headers=ada.headers)
    assert_refused(answer, 400, "PASSWORD_GUESSABLE")


async def test_the_own_name_is_no_password(people: People) -> None:
    name = f"u{uuid4().hex}"
    user = {"username": name, "email": "a@b.org", "role": "viewer", "password": f"{name}123"}
    assert_refused(await people.api.post("/v1/users", user), 400, "PASSWORD_GUESSABLE")


async def test_whoever_changes_their_password_is_logged_out_everywhere(people: People) -> None:
    ada = await people.logged_in()
    change = {"current": PASSWORD, "new": NEW}
    answer = await people.api.post("/v1/me/password", change, as_=None, headers=ada.headers)
    assert answer.status_code == 204
    assert_refused(await people.refresh(ada.tokens["refresh_token"]), 401, "REFRESH_REFUSED")
    assert_refused(await people.log_in(ada.name), 401, "LOGIN_FAILED")
    assert (await people.log_in(ada.name, NEW)).status_code == 200


async def test_a_password_is_changed_by_whoever_knows_it_alone(people: People) -> None:
    ada = await people.logged_in()
    change = {"current": "not the password", "new": NEW}
    answer = await people.api.post("/v1/me/password", change, as_=None, headers=ada.headers)
    assert_refused(answer, 401, "LOGIN_FAILED")
    assert (await people.log_in(ada.name)).status_code == 200


async def test_a_disabled_user_is_out_at_once_and_in_again_when_enabled(people: People) -> None:
    ada = await people.logged_in()
    path = f"/v1/users/{ada.id}"
    disabled = (await people.api.post(f"{path}/disable")).json()
    assert disabled["disabled_at"] is not None
    assert_refused(await people.refresh(ada.tokens["refresh_token"]), 401, "REFRESH_REFUSED")
    wrong, right = await people.log_in(ada.name, "wrong"), await people.log_in(ada.name)
    assert_refused(right, 401, "LOGIN_FAILED")
    assert wrong.content == right.content
    listed = (await people.api.get("/v1/users?disabled=true")).json()["users"]
    assert [one["id"] for one in listed] == [ada.id]
    assert_refused(await people.api.post(f"{path}/invitation"), 409, "USER_DISABLED")
    assert (await people.api.post(f"{path}/enable")).json()["disabled_at"] is None
    assert (await people.log_in(ada.name)).status_code == 200


async def test_a_change_of_role_ends_the_sessions_of_the_user(people: People) -> None:
    ada = await people.logged_in(Role.ADMIN)
    answer = await people.api.post(f"/v1/users/{ada.id}/role", {"role": "viewer"})
    assert (answer.status_code, answer.json()["role"]) == (200, "viewer")
    assert_refused(await people.refresh(ada.tokens["refresh_token"]), 401, "REFRESH_REFUSED")
    again = (await people.log_in(ada.name)).json()
    headers = {"authorization": f"Bearer {again['access_token']}"}
    assert (await people.api.get("/v1/me", as_=None, headers=headers)).json()["role"] == "viewer"
    entry = (await people.entries(verb="user.role"))[0]
    assert entry["digests"] == {"role": "viewer", "before": "admin"}


async def test_an_administrator_neither_makes_nor_changes_an_owner(people: People) -> None:
    owner, ada = await people.made(Role.OWNER), await people.made(Role.VIEWER)
    asked = [
        ("/v1/users", invitee(Role.OWNER, password=NEW)),
        ("/v1/users/invitations", invitee(Role.OWNER)),
        (f"/v1/users/{ada['id']}/role", {"role": "owner"}),
        (f"/v1/users/{owner['id']}/role", {"role": "viewer"}),
        (f"/v1/users/{owner['id']}/disable", None),
        (f"/v1/users/{owner['id']}/enable", None),
        (f"/v1/users/{owner['id']}/invitation", None),
    ]
    for path, body in asked:
        assert_refused(await people.api.post(path, body), 403, "ROLE_DENIED")
    for path, body in asked[:4]:
        answer = await people.api.post(path, body, as_=Role.OWNER)
        assert answer.status_code in {200, 201}, (path, answer.text)


async def test_the_last_owner_who_can_log_in_stays(people: People) -> None:
    first, second = await people.made(Role.OWNER), await people.made(Role.OWNER)
    one, two = (f"/v1/users/{owner['id']}" for owner in (first, second))
    race = [people.api.post(f"{path}/disable", as_=Role.OWNER) for path in (one, two)]
    answers = await asyncio.gather(*race)
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    left = one if answers[0].status_code == 409 else two
    for path, body in ((f"{left}/disable", None), (f"{left}/role", {"role": "admin"})):
        assert_refused(await people.api.post(path, body, as_=Role.OWNER), 409, "OWNER_LAST")


async def test_nobody_disables_or_promotes_themselves(people: People) -> None:
    ada = await people.logged_in(Role.ADMIN)
    for path, body in (("disable", None), ("role", {"role": "admin"})):
        answer = await people.api.post(
            f"/v1/users/{ada.id}/{path}", body, as_=None, headers=ada.headers
        )
        assert_refused(answer, 409, "USER_SELF")


async def test_another_tenant_manages_none_of_the_users(people: People) -> None:
    ada = await people.logged_in()
    stranger = people.api.of_another_tenant()
    for path, body in (
        ("disable", None),
        ("enable", None),
        ("invitation", None),
        ("role", {"role": "admin"}),
        ("keys", {"name": "x"}),
    ):
        answer = await stranger.post(f"/v1/users/{ada.id}/{path}", body, as_=Role.OWNER)
        assert_refused(answer, 404, "USER_UNKNOWN")
    assert (await people.refresh(ada.tokens["refresh_token"])).status_code == 200


async def test_users_are_listed_by_role_with_when_they_were_last_seen(people: People) -> None:
    ada, bob = await people.logged_in(Role.AUDITOR), await people.made(Role.VIEWER)
    listed = (await people.api.get("/v1/users")).json()["users"]
    seen = {one["id"]: one["last_used_at"] is not None for one in listed}
    assert seen == {ada.id: True, bob["id"]: False}
    listed = (await people.api.get("/v1/users?role=auditor")).json()["users"]
    assert [one["id"] for one in listed] == [ada.id]


@pytest.mark.parametrize("field", ["tenant_id", "disabled_at", "id", "password_hash", "created_at"])
async def test_no_request_sets_what_it_does_not_name(people: People, field: str) -> None:
    ada = await people.made()
    for path, body in (
        ("/v1/users", invitee(password=NEW)),
        ("/v1/users/invitations", invitee()),
        (f"/v1/users/{ada['id']}/role", {"role": "viewer"}),
    ):
        answer = await people.api.post(path, body | {field: "x"})
        assert_refused(answer, 400, "REQUEST_BODY_INVALID")

"""Tenants made, disabled and enabled by whoever runs the installation; and what that ends."""
# ruff: noqa: PT012 - what raises is the block that a transaction closes

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from plugins.api import Api
from plugins.people import PASSWORD, People, Person
from plugins.process import MASTER_KEY, assert_refused

from lotabots.identity import NewUser, Tenants, store, tenant_store
from lotabots.kernel import OPERATOR_TENANT, LotaError, Role
from lotabots.runtime.keyring import Keyring

pytestmark = pytest.mark.anyio


@pytest.fixture
def tenants(api: Api) -> Tenants:
    return Tenants(api.database, Keyring(api.database, MASTER_KEY), timedelta(hours=72))


def fresh() -> tuple[str, str, str]:
    """A tenant's name, and name and address of its owner."""
    name = f"t{uuid4().hex}"
    return name, f"o{name}", f"{name}@example.org"


async def name_of(tenants: Tenants, tenant: UUID) -> str:
    return next(one.name for one in await tenants.listed() if one.id == tenant)


async def still_in(api: Api, person: Person, **headers: str) -> bool:
    answer = await api.get("/v1/me", as_=None, headers=headers or person.headers)
    return answer.status_code == 200


async def eventually_out(api: Api, person: Person, **headers: str) -> None:
    """A process hears of it within a second."""
    for _ in range(100):
        if not await still_in(api, person, **headers):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("still let in after a second")


async def test_the_first_owner_of_a_new_tenant_comes_in_by_invitation_and_sees_it_alone(
    people: People, tenants: Tenants
) -> None:
    name, owner, email = fresh()
    made = await tenants.create(name, owner, email)
    body = {"token": made.owner.token, "password": PASSWORD}
    assert (await people.api.post("/v1/login/invitation", body, as_=None)).status_code == 204
    tokens = (await people.log_in(owner)).json()
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    page = (await people.api.get("/v1/users", as_=None, headers=headers)).json()
    assert [(one["username"], one["role"]) for one in page["users"]] == [(owner, "owner")]
    page = (await people.api.get("/v1/audit/entries", as_=None, headers=headers)).json()
    entries = [(one["entry"]["verb"], one["entry"]["actor"]) for one in page["entries"]]
    made_by_system = {("tenant.create", "system"), ("user.create", "system")}
    assert {*made_by_system, ("user.invite", "system")} <= set(entries)
    listed = {one.name: one for one in await tenants.listed()}
    assert listed[name] == made.tenant
    assert listed["operator"].id == OPERATOR_TENANT


async def test_a_tenant_that_cannot_be_made_leaves_nothing_behind(tenants: Tenants) -> None:
    name, owner, email = fresh()
    await tenants.create(name, owner, email)
    before = await tenants.listed()
    for given, code in (
        ((name, *fresh()[1:]), "TENANT_EXISTS"),
        ((fresh()[0], owner, "other@example.org"), "USER_EXISTS"),
        (("Upper", *fresh()[1:]), "TENANT_NAME"),
        (("", *fresh()[1:]), "TENANT_NAME"),
        (("-a", *fresh()[1:]), "TENANT_NAME"),
        (("a" * 64, *fresh()[1:]), "TENANT_NAME"),
        ((fresh()[0], "No Name", email), "TENANT_OWNER"),
        ((fresh()[0], fresh()[1], "nowhere"), "TENANT_OWNER"),
    ):
        with pytest.raises(LotaError) as caught:
            await tenants.create(*given)
        assert caught.value.code == code
    assert await tenants.listed() == before


async def test_a_disabled_tenant_lets_nobody_in_by_any_way_and_others_feel_nothing(
    people: People, tenants: Tenants
) -> None:
    api = people.api
    ada, bob = await people.logged_in(Role.OWNER), await people.logged_in(Role.SERVICE)
    made = (await api.post("/v1/me/keys", {"name": "x"}, as_=None, headers=bob.headers)).json()
    key = {"authorization": f"Bearer {made['key']}"}
    invitee = {"username": f"u{uuid4().hex}", "email": f"{uuid4().hex}@b.org", "role": "viewer"}
    token = (await api.post("/v1/users/invitations", invitee)).json()["token"]
    assert await still_in(api, bob, **key)
    name = await name_of(tenants, api.tenant)
    other_name, other_owner, other_email = fresh()
    other = await tenants.create(other_name, other_owner, other_email)

    assert await tenants.disable(name) == 3
    assert await tenants.disable(name) == 0
    await eventually_out(api, ada)
    await eventually_out(api, bob, **key)
    assert_refused(await people.log_in(ada.name), 401, "LOGIN_FAILED")
    assert_refused(await people.refresh(ada.tokens["refresh_token"]), 401, "REFRESH_REFUSED")
    accepted = {"token": token, "password": PASSWORD}
    answer = await api.post("/v1/login/invitation", accepted, as_=None)
    assert_refused(answer, 401, "INVITATION_REFUSED")
    accepted["token"] = other.owner.token
    assert (await api.post("/v1/login/invitation", accepted, as_=None)).status_code == 204


async def test_an_enabled_tenant_has_back_whom_it_had_and_nobody_who_was_out_before(
    people: People, tenants: Tenants
) -> None:
    api = people.api
    ada, bob = await people.logged_in(Role.OWNER), await people.logged_in()
    await api.post(f"/v1/users/{bob.id}/disable")
    made = (await api.post("/v1/me/keys", {"name": "x"}, as_=None, headers=ada.headers)).json()
    name = await name_of(tenants, api.tenant)
    assert await tenants.enable(name) == 0  # it was not disabled
    await tenants.disable(name)
    assert await tenants.enable(name) == 1
    assert (await people.log_in(ada.name)).status_code == 200
    assert_refused(await people.log_in(bob.name), 401, "LOGIN_FAILED")
    assert not await still_in(api, ada)
    assert not await still_in(api, ada, authorization=f"Bearer {made['key']}")
    verbs = [entry["verb"] for entry in await people.entries()]
    assert [verb for verb in verbs if verb.startswith("tenant.")] == [
        "tenant.enable",
        "tenant.disable",
    ]


async def test_a_request_that_was_under_way_lets_nobody_into_a_disabled_tenant(
    people: People, tenants: Tenants
) -> None:
    api = people.api
    ada, bob = await people.made(), await people.made()
    await api.post(f"/v1/users/{bob['id']}/disable")
    async with api.database.transaction(api.tenant) as tx:
        assert await tenant_store.locked(tx)
        new = NewUser(username=f"u{uuid4().hex}", email="u@b.org", role=Role.VIEWER)
        adding = asyncio.create_task(added(api, new))
        # What came through the guard before waits for this commit, and then sees it.
        enabling = asyncio.create_task(api.post(f"/v1/users/{bob['id']}/enable"))
        await asyncio.sleep(0.2)
        assert not adding.done()
        assert not enabling.done()
        await tenant_store.disable(tx)
    with pytest.raises(LotaError) as caught:
        await adding
    assert caught.value.code == "TENANT_DISABLED"
    assert_refused(await enabling, 409, "TENANT_DISABLED")
    invitee: dict[str, Any] = {"username": f"u{uuid4().hex}", "email": "v@b.org", "role": "viewer"}
    answer = await api.post("/v1/users/invitations", invitee)
    assert_refused(answer, 409, "TENANT_DISABLED")
    assert_refused(await people.log_in(ada["username"]), 401, "LOGIN_FAILED")


async def added(api: Api, new: NewUser) -> None:
    async with api.database.transaction(api.tenant) as tx:
        await store.add(tx, uuid4(), new, None)


async def test_the_operators_own_tenant_is_never_disabled_and_an_unknown_one_is_none(
    tenants: Tenants,
) -> None:
    for name, code in (("operator", "TENANT_OPERATOR"), ("nobody-has-this", "TENANT_UNKNOWN")):
        with pytest.raises(LotaError) as caught:
            await tenants.disable(name)
        assert caught.value.code == code


async def test_a_transaction_reaches_no_tenant_but_its_own(
    people: People, tenants: Tenants
) -> None:
    api = people.api
    async with api.database.transaction(api.tenant) as tx:
        assert await tx.fetch_value("select count(*) from identity.tenants", into=int) == 1
        changed = await tx.execute(
            "update identity.tenants set disabled_at = now() where id <> $1", api.tenant
        )
        assert changed == 0
    with pytest.raises(LotaError):
        async with api.database.transaction(api.tenant) as tx:
            await tx.execute(
                "insert into identity.tenants (id, name, created_at) values ($1, $2, now())",
                uuid4(), fresh()[0],
            )  # fmt: skip
    with pytest.raises(LotaError):  # the list is to be read only
        async with api.database.transaction(None, login=tenant_store.LISTING) as tx:
            assert await tx.execute("update identity.tenants set disabled_at = now()") == 0
            await tx.execute("delete from identity.tenants")

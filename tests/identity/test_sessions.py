"""Sessions: refresh tokens of one use each, families that end, and clients that prove a key."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from plugins.api import Api
from plugins.database import DatabaseUrls
from plugins.people import People, Person, Prover
from plugins.process import assert_refused

from lotabots.identity.tickets import new_ticket
from lotabots.kernel import Role

pytestmark = pytest.mark.anyio


async def refreshed(people: People, token: str, prover: Prover | None = None) -> Any:
    headers = {}
    if prover is not None:
        url = f"{people.api.servers.url}/v1/login/refresh"
        headers["dpop"] = prover.proof("POST", url)
    return await people.refresh(token, **headers)


async def bound_session(people: People, prover: Prover) -> dict[str, Any]:
    user = await people.made()
    url = f"{people.api.servers.url}/v1/login"
    answer = await people.log_in(user["username"], headers={"dpop": prover.proof("POST", url)})
    assert answer.status_code == 200, answer.text
    tokens: dict[str, Any] = answer.json()
    return tokens


async def revoked(api: Api, person: Person) -> bool:
    async with api.database.transaction(api.tenant) as tx:
        return bool(
            await tx.fetch_value(
                "select bool_and(r.token_id is not null) from identity.refresh_tokens t"
                " join identity.sessions s on s.id = t.session_id"
                " left join runtime.revoked_tokens r on r.token_id = t.token_id"
                " where s.user_id = $1",
                person.id,
            )
        )


async def aged(urls: DatabaseUrls, session: str, **columns: str) -> None:
    """The session made older, as an administrator of the database could."""
    owner = await asyncpg.connect(urls.owner)
    await owner.execute("alter table identity.sessions no force row level security")
    for column, value in columns.items():
        sql = f"update identity.sessions set {column} = now() {value} where id = $1"
        assert await owner.execute(sql, session) == "UPDATE 1"
    await owner.execute("alter table identity.sessions force row level security")
    await owner.close()


async def test_a_refresh_gives_the_next_tokens_of_the_same_session(people: People) -> None:
    ada = await people.logged_in(Role.OPERATOR)
    answer = await refreshed(people, ada.tokens["refresh_token"])
    tokens = answer.json()
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert tokens["session_id"] == ada.tokens["session_id"]
    assert tokens["session_expires_at"] == ada.tokens["session_expires_at"]
    assert tokens["refresh_token"] != ada.tokens["refresh_token"]
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 600)
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    assert (await people.api.get("/v1/me", as_=None, headers=headers)).json()["id"] == ada.id


async def test_a_refresh_token_that_is_used_again_ends_its_family(people: People) -> None:
    ada = await people.logged_in()
    child = (await refreshed(people, ada.tokens["refresh_token"])).json()["refresh_token"]
    assert_refused(await refreshed(people, ada.tokens["refresh_token"]), 401, "REFRESH_REFUSED")
    assert_refused(await refreshed(people, child), 401, "REFRESH_REFUSED")
    assert await revoked(people.api, ada)
    [entry] = await people.entries(verb="session.end")
    assert (entry["actor"], entry["outcome"]) == ("anonymous", "REFRESH_REUSED")
    assert entry["subject"] == f"session:{ada.tokens['session_id']}"


async def test_of_fifty_uses_at_once_one_gets_a_child_and_then_the_family_ends(
    people: People,
) -> None:
    ada = await people.logged_in()
    race = [refreshed(people, ada.tokens["refresh_token"]) for _ in range(50)]
    answers = await asyncio.gather(*race)
    won = [answer for answer in answers if answer.status_code == 200]
    assert len(won) == 1
    assert {answer.status_code for answer in answers} == {200, 401}
    child = won[0].json()["refresh_token"]
    assert_refused(await refreshed(people, child), 401, "REFRESH_REFUSED")


async def test_of_fifty_uses_at_once_by_a_client_with_a_key_all_get_the_same_child(
    people: People,
) -> None:
    prover = Prover()
    tokens = await bound_session(people, prover)
    race = [refreshed(people, tokens["refresh_token"], prover) for _ in range(50)]
    answers = await asyncio.gather(*race)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    child = answers[0].json()["refresh_token"]
    assert (await refreshed(people, child, prover)).status_code == 200


async def test_a_client_with_a_key_that_asks_again_too_late_ends_its_family(
    people: People, session_database_urls: DatabaseUrls
) -> None:
    prover = Prover()
    tokens = await bound_session(people, prover)
    child = (await refreshed(people, tokens["refresh_token"], prover)).json()["refresh_token"]
    async with people.api.database.transaction(people.api.tenant) as tx:
        await tx.execute(
            "update identity.refresh_tokens set used_at = used_at - $2::interval"
            " where session_id = $1 and used_at is not null",
            tokens["session_id"],
            timedelta(seconds=6),
        )
    for token in (tokens["refresh_token"], child):
        assert_refused(await refreshed(people, token, prover), 401, "REFRESH_REFUSED")


async def test_a_bound_session_is_refreshed_with_its_own_key_alone(people: People) -> None:
    prover = Prover()
    tokens = await bound_session(people, prover)
    assert tokens["token_type"] == "DPoP"
    for other in (None, Prover()):
        answer = await refreshed(people, tokens["refresh_token"], other)
        assert_refused(answer, 401, "REFRESH_REFUSED")
    # Whoever lacks the key cannot even use the token up.
    assert (await refreshed(people, tokens["refresh_token"], prover)).status_code == 200


async def test_a_session_without_a_key_is_not_refreshed_with_one(people: People) -> None:
    ada = await people.logged_in()
    answer = await refreshed(people, ada.tokens["refresh_token"], Prover())
    assert_refused(answer, 401, "REFRESH_REFUSED")
    assert (await refreshed(people, ada.tokens["refresh_token"])).status_code == 200


async def test_what_is_no_refresh_token_is_refused_in_the_same_words(people: People) -> None:
    ada = await people.logged_in()
    answers = [
        await refreshed(people, text)
        for text in ("", "x", "ü" * 64, "A" * 64, new_ticket(people.api.tenant).text,
                     new_ticket(uuid4()).text, ada.tokens["access_token"][:256])
    ]  # fmt: skip
    for answer in answers:
        assert_refused(answer, 401, "REFRESH_REFUSED")
        assert answer.content == answers[0].content


@pytest.mark.parametrize(
    "columns", [{"expires_at": "- interval '1 s'"}, {"last_used_at": "- interval '25 hours'"}]
)
async def test_a_session_ends_by_age_and_by_idleness(
    people: People, session_database_urls: DatabaseUrls, columns: dict[str, str]
) -> None:
    ada = await people.logged_in()
    await aged(session_database_urls, ada.tokens["session_id"], **columns)
    assert_refused(await refreshed(people, ada.tokens["refresh_token"]), 401, "REFRESH_REFUSED")
    listed = await people.api.get("/v1/me/sessions", as_=None, headers=ada.headers)
    assert listed.json()["sessions"] == []


async def test_logging_out_ends_this_session_and_no_other(people: People) -> None:
    ada = await people.logged_in()
    other = (await people.log_in(ada.name)).json()
    answer = await people.api.post("/v1/me/logout", as_=None, headers=ada.headers)
    assert answer.status_code == 204
    assert_refused(await refreshed(people, ada.tokens["refresh_token"]), 401, "REFRESH_REFUSED")
    assert (await refreshed(people, other["refresh_token"])).status_code == 200
    async with people.api.database.transaction(people.api.tenant) as tx:
        ended = await tx.fetch_value(
            "select count(*) from identity.sessions where ended_at is not null"
        )
    assert ended == 1


async def test_logging_out_everywhere_ends_every_session(people: People) -> None:
    ada = await people.logged_in()
    other = (await people.log_in(ada.name)).json()
    answer = await people.api.request("DELETE", "/v1/me/sessions", None, headers=ada.headers)
    assert answer.status_code == 204
    for token in (ada.tokens["refresh_token"], other["refresh_token"]):
        assert_refused(await refreshed(people, token), 401, "REFRESH_REFUSED")
    assert await revoked(people.api, ada)


async def test_a_user_sees_their_sessions_and_which_one_this_is(people: People) -> None:
    ada = await people.logged_in()
    other = (await people.log_in(ada.name)).json()
    page = await people.api.get("/v1/me/sessions", as_=None, headers=ada.headers)
    listed = page.json()["sessions"]
    assert {one["id"]: one["current"] for one in listed} == {
        ada.tokens["session_id"]: True,
        other["session_id"]: False,
    }
    assert {(one["method"], one["address"], one["bound"]) for one in listed} == {
        ("password", "127.0.0.1", False)
    }
    path = f"/v1/me/sessions/{other['session_id']}"
    assert (await people.api.request("DELETE", path, None, headers=ada.headers)).status_code == 204
    again = await people.api.request("DELETE", path, None, headers=ada.headers)
    assert_refused(again, 404, "SESSION_UNKNOWN")


async def test_nobody_ends_the_session_of_another(people: People) -> None:
    ada, eve = await people.logged_in(), await people.logged_in()
    path = f"/v1/me/sessions/{ada.tokens['session_id']}"
    answer = await people.api.request("DELETE", path, None, headers=eve.headers)
    assert_refused(answer, 404, "SESSION_UNKNOWN")
    assert (await refreshed(people, ada.tokens["refresh_token"])).status_code == 200


async def test_an_administrator_sees_and_ends_the_sessions_of_a_user(people: People) -> None:
    ada = await people.logged_in()
    path = f"/v1/users/{ada.id}/sessions"
    [listed] = (await people.api.get(path)).json()["sessions"]
    assert (listed["id"], listed["current"]) == (ada.tokens["session_id"], False)
    assert (await people.api.request("DELETE", path)).status_code == 204
    assert_refused(await refreshed(people, ada.tokens["refresh_token"]), 401, "REFRESH_REFUSED")
    stranger = people.api.of_another_tenant()
    assert_refused(await stranger.get(path), 404, "USER_UNKNOWN")
    assert_refused(await stranger.request("DELETE", path), 404, "USER_UNKNOWN")


async def test_no_refresh_token_stands_in_the_database(people: People) -> None:
    prover = Prover()
    tokens = await bound_session(people, prover)
    child = (await refreshed(people, tokens["refresh_token"], prover)).json()["refresh_token"]
    async with people.api.database.transaction(people.api.tenant) as tx:
        rows = str(await tx.fetch("select * from identity.refresh_tokens"))
    assert child not in rows
    assert tokens["refresh_token"] not in rows


async def test_a_bound_token_is_believed_with_its_proof_in_every_process(people: People) -> None:
    prover = Prover()
    tokens = await bound_session(people, prover)
    token, servers = tokens["access_token"], people.api.servers
    past_the_gateway = servers.services.get("attestation", servers.url)
    for url in (f"{servers.url}/v1/me", f"{servers.url}/v1/nodes", f"{past_the_gateway}/v1/nodes"):
        headers = {"authorization": f"DPoP {token}", "dpop": prover.proof("GET", url, token)}
        assert (await people.api.client.get(url, headers=headers)).status_code == 200
        headers = {"authorization": f"Bearer {token}"}
        assert_refused(await people.api.client.get(url, headers=headers), 401, "PROOF_ABSENT")


async def test_who_logs_in_many_times_at_once_gets_a_session_each_time(people: People) -> None:
    ada = await people.made()
    answers = await asyncio.gather(*(people.log_in(ada["username"]) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {200}, [a.text for a in answers]
    assert len({answer.json()["session_id"] for answer in answers}) == 4


async def test_no_session_outlives_a_user_who_is_disabled_while_it_is_refreshed(
    people: People,
) -> None:
    for _ in range(5):
        ada = await people.logged_in()

        async def refresh_on(token: str) -> list[int]:
            statuses = []
            while not statuses or statuses[-1] == 200:
                answer = await refreshed(people, token)
                statuses.append(answer.status_code)
                token = answer.json().get("refresh_token", "")
            return statuses

        logging_in = people.log_in(ada.name)
        disabling = people.api.post(f"/v1/users/{ada.id}/disable")
        statuses, again, disabled = await asyncio.gather(
            refresh_on(ada.tokens["refresh_token"]), logging_in, disabling
        )
        assert disabled.status_code == 200, disabled.text
        assert statuses[-1] == 401
        if again.status_code == 200:  # it came first, and was ended
            token = again.json()["refresh_token"]
            assert_refused(await refreshed(people, token), 401, "REFRESH_REFUSED")
        async with people.api.database.transaction(people.api.tenant) as tx:
            alive = await tx.fetch_value(
                "select count(*) from identity.sessions where ended_at is null and user_id = $1",
                ada.id,
            )
        assert alive == 0

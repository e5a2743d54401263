"""Webhooks over the API: what happens arrives, signed; tested, looked at, replayed, removed."""

import asyncio
import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from plugins.api import Api
from plugins.receiver import Got, receiving

from lotabots.attestation.notices import Notice, tell
from lotabots.attestation.webhooks.managing import MOST
from lotabots.kernel import Role
from lotabots.runtime.clock import utc_now

pytestmark = pytest.mark.anyio


async def add(api: Api, url: str, *kinds: str) -> tuple[dict[str, Any], str]:
    """The webhook and its secret."""
    answer = await api.post("/v1/webhooks", {"url": url, "kinds": kinds})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    return made["webhook"], made["secret"]


async def happen(api: Api, text: str, kind: Notice = Notice.NODE_STALE) -> None:
    async with api.database.transaction(api.tenant) as tx:
        await tell(tx, kind, uuid4(), {"text": text}, utc_now())


async def deliveries(api: Api, webhook: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await api.get(f"/v1/webhooks/{webhook['id']}/deliveries", as_=Role.AUDITOR)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def ended(api: Api, webhook: dict[str, Any], count: int = 1) -> list[dict[str, Any]]:
    """The deliveries once there are so many and none of them waits."""
    async with asyncio.timeout(30):
        while True:
            found = await deliveries(api, webhook)
            if len(found) >= count and all(one["state"] != "queued" for one in found):
                return found
            await asyncio.sleep(0.02)


def signed_with(secret: str, got: Got) -> bool:
    """Whether somebody with the secret signed it: written here anew, from the specification."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    named = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode()
    digest = hmac.new(key, named + got.body, hashlib.sha256).digest()
    return got.headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()


async def test_an_event_arrives_signed_and_says_what_happened(api: Api) -> None:
    async with receiving() as receiver:
        webhook, secret = await add(api, receiver.url)
        await happen(api, "it did")
        got = await receiver.next()
        [delivery] = await ended(api, webhook)
    assert got.line == "POST /hook?from=lotabots HTTP/1.1"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["host"] == receiver.url.split("/")[2]
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert signed_with(secret, got)
    body = json.loads(got.body)
    assert (body["type"], body["data"]["text"]) == ("node.stale", "it did")
    assert abs(datetime.fromisoformat(body["timestamp"]) - utc_now()) < timedelta(minutes=1)
    event = (await api.get("/v1/events")).json()["items"][-1]
    assert body["data"]["event"] == event["id"] == got.headers["webhook-id"] == delivery["event"]
    assert body["data"]["node"] == event["node"]
    assert (delivery["state"], delivery["attempts"], delivery["last_status"]) == (
        "delivered",
        1,
        200,
    )
    assert (delivery["kind"], delivery["next_at"]) == ("node.stale", None)


async def test_only_the_kinds_that_were_asked_for_arrive(api: Api) -> None:
    async with receiving() as receiver, receiving() as everything:
        webhook, _ = await add(api, receiver.url, "node.silent", "node.revoked")
        all_, _ = await add(api, everything.url)
        await happen(api, "not wanted")
        await happen(api, "wanted", Notice.NODE_SILENT)
        assert json.loads((await receiver.next()).body)["data"]["text"] == "wanted"
        assert len(await ended(api, webhook)) == 1
        assert len(await ended(api, all_, 2)) == 2


async def test_a_test_goes_to_the_webhook_that_is_tested_alone(api: Api) -> None:
    async with receiving() as receiver, receiving() as other:
        webhook, secret = await add(api, receiver.url, "node.stale")
        bystander, _ = await add(api, other.url)
        answer = await api.post(f"/v1/webhooks/{webhook['id']}/test")
        assert (answer.status_code, answer.json()["state"]) == (202, "queued")
        got = await receiver.next()
        assert signed_with(secret, got)
        assert json.loads(got.body)["type"] == "webhook.test"
        assert await deliveries(api, bystander) == []


async def test_a_replay_is_the_same_message_in_a_delivery_of_its_own(api: Api) -> None:
    async with receiving() as receiver:
        webhook, secret = await add(api, receiver.url)
        await happen(api, "once")
        first = await receiver.next()
        [delivery] = await ended(api, webhook)
        answer = await api.post(f"/v1/deliveries/{delivery['id']}/replay")
        assert answer.status_code == 202, answer.text
        again = await receiver.next()
        both = await ended(api, webhook)
    assert (again.body, again.headers["webhook-id"]) == (first.body, first.headers["webhook-id"])
    assert signed_with(secret, again)
    assert [one["id"] for one in both] == [answer.json()["id"], delivery["id"]]


async def test_a_webhook_that_was_removed_gets_nothing_and_is_not_shown(api: Api) -> None:
    async with receiving() as receiver, receiving() as other:
        webhook, _ = await add(api, receiver.url)
        await happen(api, "before")
        await receiver.next()
        [delivery] = await ended(api, webhook)
        kept, _ = await add(api, other.url)
        assert (await api.request("DELETE", f"/v1/webhooks/{webhook['id']}")).status_code == 204
        await happen(api, "after")
        await other.next()
        assert receiver.got.empty()
    assert [one["id"] for one in (await api.get("/v1/webhooks")).json()] == [kept["id"]]
    for method, path, code in (
        ("DELETE", f"/v1/webhooks/{webhook['id']}", "WEBHOOK_NOT_FOUND"),
        ("POST", f"/v1/webhooks/{webhook['id']}/test", "WEBHOOK_NOT_FOUND"),
        ("GET", f"/v1/webhooks/{webhook['id']}/deliveries", "WEBHOOK_NOT_FOUND"),
        ("POST", f"/v1/deliveries/{delivery['id']}/replay", "WEBHOOK_NOT_FOUND"),
        ("POST", f"/v1/deliveries/{uuid4()}/replay", "DELIVERY_NOT_FOUND"),
    ):
        answer = await api.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (404, code), path


async def test_the_secret_is_shown_once_and_rests_sealed(api: Api) -> None:
    async with receiving() as receiver:
        webhook, secret = await add(api, receiver.url)
        assert "secret" not in (await api.get("/v1/webhooks")).text
        async with api.database.transaction(api.tenant) as tx:
            rests = await tx.fetch_value(
                "select secret from attestation.webhooks where id = $1",
                webhook["id"],
                into=bytes,
            )
    assert rests is not None
    assert base64.b64decode(secret.removeprefix("whsec_")) not in rests


async def test_deliveries_are_listed_page_by_page(api: Api) -> None:
    async with receiving() as receiver:
        webhook, _ = await add(api, receiver.url)
        for number in range(5):
            await happen(api, str(number))
            await receiver.next()
        path, seen, after = f"/v1/webhooks/{webhook['id']}/deliveries", [], {}
        while True:
            page = (await api.get(path, params={"limit": "2"} | after)).json()
            seen += [one["id"] for one in page["items"]]
            if page["next"] is None:
                break
            after = {"after": page["next"]}
    assert len(seen) == len(set(seen)) == 5


async def test_a_tenant_has_so_many_webhooks(api: Api) -> None:
    for number in range(MOST):
        await add(api, f"https://receiver.example/{number}")
    answer = await api.post("/v1/webhooks", {"url": "https://receiver.example/more"})
    assert (answer.status_code, answer.json()["code"]) == (409, "WEBHOOKS_TOO_MANY")


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("ftp://receiver.example/", "WEBHOOK_URL"),
        ("https://user:password@receiver.example/", "WEBHOOK_URL"),
        ("https://receiver.example:22/", "WEBHOOK_URL"),
        ("https://receiver.example/#fragment", "WEBHOOK_URL"),
        ("https://10.0.0.1/", "WEBHOOK_ADDRESS_FORBIDDEN"),
        ("https://[fd00:ec2::254]/", "WEBHOOK_ADDRESS_FORBIDDEN"),
        ("https://receiver.example/ü", "REQUEST_BODY_INVALID"),
    ],
)
async def test_an_url_that_is_not_called_is_refused_when_it_is_given(
    api: Api, url: str, code: str
) -> None:
    answer = await api.post("/v1/webhooks", {"url": url})
    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_what_is_done_with_webhooks_stands_in_the_audit_log(api: Api) -> None:
    async with receiving() as receiver:
        webhook, _ = await add(api, receiver.url)
        await api.post(f"/v1/webhooks/{webhook['id']}/test")
        [delivery] = await ended(api, webhook)
        await api.post(f"/v1/deliveries/{delivery['id']}/replay")
        await api.request("DELETE", f"/v1/webhooks/{webhook['id']}")
    entries = (await api.get("/v1/audit/entries")).json()["entries"]
    own = [one["entry"] for one in entries if one["entry"]["subject"].endswith(webhook["id"])]
    verbs = [entry["verb"] for entry in own]
    assert verbs == ["webhook.remove", "delivery.replay", "webhook.test", "webhook.add"]


async def test_nobody_reaches_a_webhook_of_another_tenant(api: Api) -> None:
    other = api.of_another_tenant()
    async with receiving() as receiver:
        webhook, _ = await add(api, receiver.url)
        await happen(other, "theirs")
        answer = await other.post(f"/v1/webhooks/{webhook['id']}/test")
        assert answer.status_code == 404
        assert receiver.connections == 0

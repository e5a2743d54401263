"""Deliveries made by a process of one's own: tried again, claimed once, given up, held apart."""

import asyncio
import io
import json
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from plugins.process import make_process
from plugins.receiver import hang_up, receiving, say_nothing, status

from lotabots.attestation.notices import Notice, Told, tell, tell_all
from lotabots.attestation.settings import AttestationSettings
from lotabots.attestation.webhooks import delivering, sending, store
from lotabots.attestation.webhooks.delivering import PAUSES, SPREAD, Deliverer, pause_after
from lotabots.attestation.webhooks.managing import Webhooks
from lotabots.attestation.webhooks.types import Delivery, WebhookRequest
from lotabots.audit import Journal
from lotabots.kernel import Principal, Role
from lotabots.runtime.clock import utc_now
from lotabots.runtime.database import Database
from lotabots.runtime.process import Process

pytestmark = pytest.mark.anyio


class Place:
    """A tenant with a process that delivers for it, whose clock stands where it is set."""

    def __init__(self, database: Database, tenant: UUID | None = None) -> None:
        self.now = utc_now()
        self.log = io.BytesIO()
        made = make_process(database, self.log, AttestationSettings(webhook_insecure=True))
        self.process: Process = replace(made, clock=lambda: self.now)
        self.tenant = tenant or uuid4()
        self.webhooks = Webhooks(self.process, Journal(self.process.keyring))
        self.deliverer = Deliverer(self.process)
        self.principal = Principal(
            user_id=uuid4(),
            tenant_id=self.tenant,
            role=Role.ADMIN,
            token_id="t",
            expires_at=self.now + timedelta(hours=1),
        )

    def beside(self) -> "Place":
        """Another process for the same tenant."""
        place = Place(self.process.database, self.tenant)
        place.now = self.now
        return place

    async def add(self, url: str) -> UUID:
        async with self.process.database.transaction(self.tenant) as tx:
            made = await self.webhooks.add(tx, self.principal, WebhookRequest(url=url), self.now)
        return made.webhook.id

    async def happen(self, count: int = 1) -> None:
        told = [Told(Notice.NODE_STALE, None, {"number": one}) for one in range(count)]
        async with self.process.database.transaction(self.tenant) as tx:
            await tell_all(tx, told, self.now)

    async def deliver(self) -> None:
        """Everything that is due is tried once, whoever else delivers."""
        await self.deliverer.deliver(self.process)
        await self.deliverer.finish(self.process)

    async def deliveries(self, webhook: UUID) -> list[Delivery]:
        async with self.process.database.transaction(self.tenant) as tx:
            return list((await self.webhooks.deliveries(tx, webhook, None, 200)).items)

    async def only(self, webhook: UUID) -> Delivery:
        [delivery] = await self.deliveries(webhook)
        return delivery

    async def events(self) -> list[str]:
        async with self.process.database.transaction(self.tenant) as tx:
            rows = await tx.fetch("select kind from attestation.events order by number")
        return [str(row["kind"]) for row in rows]


@pytest.fixture
def place(database: Database, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(delivering, "LOOK_SECONDS", 0.05)
    return Place(database)


async def test_a_receiver_that_fails_is_tried_again_later_and_later(place: Place) -> None:
    async with receiving() as receiver:
        receiver.answers.extend([status(500), hang_up, status(301), status(404)])
        webhook = await place.add(receiver.url)
        await place.happen()
        seen = []
        for attempts in range(1, 5):
            await place.deliver()
            delivery = await place.only(webhook)
            assert (delivery.state, delivery.attempts) == ("queued", attempts)
            assert delivery.next_at is not None
            pause = (delivery.next_at - place.now) / PAUSES[attempts - 1]
            assert 1 - SPREAD <= pause <= 1 + SPREAD
            seen.append((delivery.last_status, delivery.last_error))
            place.now = delivery.next_at - timedelta(milliseconds=1)
            await place.deliver()
            assert (await place.only(webhook)).attempts == attempts, "not before its time"
            place.now = delivery.next_at
        await place.deliver()
        delivery = await place.only(webhook)
    assert seen == [
        (500, "WEBHOOK_REFUSED"),
        (None, "WEBHOOK_ANSWER"),
        (301, "WEBHOOK_REFUSED"),
        (404, "WEBHOOK_REFUSED"),
    ]
    assert (delivery.state, delivery.attempts, delivery.last_error) == ("delivered", 5, None)
    ids = {receiver.got.get_nowait().headers["webhook-id"] for _ in range(5)}
    assert ids == {str(delivery.event)}, "each attempt is the same message"


async def test_each_attempt_is_signed_anew_with_its_own_time(place: Place) -> None:
    async with receiving() as receiver:
        receiver.answers.append(status(503))
        await place.add(receiver.url)
        await place.happen()
        await place.deliver()
        place.now += timedelta(minutes=1)
        await place.deliver()
        first, second = await receiver.next(), await receiver.next()
    times = [int(one.headers["webhook-timestamp"]) for one in (first, second)]
    assert times[1] == times[0] + 60
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


async def test_after_about_a_day_a_delivery_is_given_up_and_can_be_replayed(place: Place) -> None:
    async with receiving() as receiver:
        receiver.always = status(500)
        webhook = await place.add(receiver.url)
        await place.happen()
        began = place.now
        for _ in range(len(PAUSES) + 1):
            await place.deliver()
            delivery = await place.only(webhook)
            place.now = delivery.next_at or place.now
        assert (delivery.state, delivery.attempts) == ("failed", len(PAUSES) + 1)
        assert timedelta(hours=16) < place.now - began < timedelta(hours=26)
        await place.deliver()
        receiver.always = status(204)
        async with place.process.database.transaction(place.tenant) as tx:
            await place.webhooks.replay(tx, place.principal, delivery.id, place.now)
        await place.deliver()
        again, first = await place.deliveries(webhook)
    assert (again.state, again.attempts, again.event) == ("delivered", 1, first.event)
    assert first.state == "failed"


async def test_of_several_processes_one_makes_each_delivery(place: Place) -> None:
    places = [place, *(place.beside() for _ in range(3))]
    async with receiving() as receiver:
        webhook = await place.add(receiver.url)
        await place.happen(100)
        while any(one.state == "queued" for one in await place.deliveries(webhook)):
            await asyncio.gather(*(one.deliver() for one in places))
        got = [receiver.got.get_nowait() for _ in range(receiver.got.qsize())]
    numbers = Counter(json.loads(one.body)["data"]["number"] for one in got)
    assert numbers == dict.fromkeys(range(100), 1)
    assert {one.attempts for one in await place.deliveries(webhook)} == {1}


async def test_a_delivery_of_a_process_that_died_is_made_by_another_once_its_claim_ends(
    place: Place,
) -> None:
    async with receiving() as receiver:
        webhook = await place.add(receiver.url)
        await place.happen()
        [due] = [one for one in await store.due(place.process.database, place.now, 8)
                 if one.webhook_id == webhook]  # fmt: skip
        async with place.process.database.transaction(place.tenant) as tx:
            assert len(await store.claim(tx, [due.id], place.now)) == 1
        other = place.beside()
        await other.deliver()
        assert receiver.got.empty(), "whoever has it may still be at it"
        other.now += store.CLAIM + timedelta(seconds=1)
        await other.deliver()
        delivery = await place.only(webhook)
    assert (delivery.state, delivery.attempts) == ("delivered", 2)


async def test_a_receiver_that_says_nothing_holds_up_no_other(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "SECONDS", 20.0)
    async with receiving() as silent, receiving() as receiver:
        silent.always = say_nothing
        stuck = await place.add(silent.url)
        await place.happen(delivering.OF_WEBHOOK * 3)
        fine = await place.add(receiver.url)
        await place.happen(delivering.OF_WEBHOOK * 3)
        async with asyncio.timeout(15):
            while any(one.state == "queued" for one in await place.deliveries(fine)):
                await place.deliverer.deliver(place.process)
        assert silent.connections == delivering.OF_WEBHOOK
        assert {one.state for one in await place.deliveries(stuck)} == {"queued"}
        for task in list(place.deliverer._attempts):
            task.cancel()
        await place.deliverer.finish(place.process)


async def test_who_is_gone_for_good_gets_nothing_more_and_it_is_told(place: Place) -> None:
    async with receiving() as receiver:
        receiver.answers.append(status(410))
        webhook = await place.add(receiver.url)
        await place.happen()
        await place.deliver()
        assert (await place.only(webhook)).state == "failed"
        await place.happen()
        await place.deliver()
        assert receiver.got.qsize() == 1
    assert await place.events() == ["node.stale", "webhook.disabled", "node.stale"]


async def test_a_webhook_that_falls_behind_too_far_is_disabled_and_what_waits_given_up(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "MOST_QUEUED", 5)
    async with receiving() as receiver:
        behind = await place.add(receiver.url)
        await place.happen(6)
        beside = await place.add(f"{receiver.url}&other")
        await place.happen(1)
        await place.deliverer.tidy(place.process)
        states = Counter((one.state, one.last_error) for one in await place.deliveries(behind))
        assert states == {("failed", "WEBHOOK_DISABLED"): 7}
        # The other is told of it, too: it is an event as any other.
        told = {one.kind for one in await place.deliveries(beside)}
        assert told == {"node.stale", "webhook.disabled"}
        assert {one.state for one in await place.deliveries(beside)} == {"queued"}
        await place.deliver()
        assert {json.loads(receiver.got.get_nowait().body)["type"] for _ in range(2)} == {
            "node.stale",
            "webhook.disabled",
        }
        assert receiver.got.empty()


async def test_what_is_rolled_back_is_not_delivered(place: Place) -> None:
    async with receiving() as receiver:
        webhook = await place.add(receiver.url)
        with suppress(ZeroDivisionError):
            async with place.process.database.transaction(place.tenant) as tx:
                await tell(tx, Notice.NODE_STALE, None, {}, place.now)
                raise ZeroDivisionError
        assert await place.deliveries(webhook) == []


async def test_while_the_process_stops_what_was_begun_may_end(place: Place) -> None:
    async def slowly(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.2)
        await status(200)(writer)

    async with receiving() as receiver:
        receiver.always = slowly
        webhook = await place.add(receiver.url)
        await place.happen()
        await place.deliverer.deliver(place.process)
        finish = next(loop for loop in place.deliverer.loops if loop.at_stop)
        await finish.run(place.process)
        assert (await place.only(webhook)).state == "delivered"


def test_a_pause_is_spread_by_a_fifth_and_each_is_longer_than_the_one_before() -> None:
    assert [pause_after(1, chance) / PAUSES[0] for chance in (0.0, 0.5)] == [1 - SPREAD, 1]
    assert list(PAUSES) == sorted(set(PAUSES))
    assert sum(PAUSES, timedelta()) < timedelta(days=1)

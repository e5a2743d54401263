"""Webhooks of a tenant: added with a secret that is shown once, tested, looked at, removed."""

import secrets
from datetime import datetime
from uuid import UUID, uuid4

from lotabots.attestation.cursor import Cursor
from lotabots.attestation.notices import Notice, Told, body_of, tell
from lotabots.attestation.settings import AttestationSettings
from lotabots.attestation.webhooks import store
from lotabots.attestation.webhooks.destination import read_destination
from lotabots.attestation.webhooks.types import (
    Delivery,
    DeliveryPage,
    MadeWebhook,
    Webhook,
    WebhookRequest,
)
from lotabots.audit import Entry, Journal
from lotabots.kernel import Kind, LotaError, Principal, sha256_hex, webhook_secret_text
from lotabots.runtime.database import Transaction
from lotabots.runtime.events import Topic, publish
from lotabots.runtime.keyring import Keyring
from lotabots.runtime.process import Process
from lotabots.runtime.sealing import Seal

MOST = 20
"""Webhooks of one tenant."""
SECRET_BYTES = 32


def webhook_seal(keyring: Keyring) -> Seal:
    """What the secrets of webhooks are sealed with, each bound to its webhook."""
    return Seal(keyring, "attestation-webhooks")


class Webhooks:
    """The webhooks of every tenant."""

    def __init__(self, process: Process, journal: Journal) -> None:
        self._seal = webhook_seal(process.keyring)
        self._insecure = process.settings.section(AttestationSettings).webhook_insecure
        self._journal = journal

    async def add(
        self, tx: Transaction, principal: Principal, request: WebhookRequest, now: datetime
    ) -> MadeWebhook:
        """The webhook and its secret.

        Raises `WEBHOOK_URL`, `WEBHOOK_ADDRESS_FORBIDDEN`, `WEBHOOKS_TOO_MANY`.
        """
        read_destination(request.url, insecure=self._insecure)
        if len(await store.listed(tx)) >= MOST:
            detail = f"There are {MOST} webhooks; remove one that is of no use any more."
            raise LotaError(Kind.CONFLICT, "WEBHOOKS_TOO_MANY", detail)
        webhook_id, secret = uuid4(), secrets.token_bytes(SECRET_BYTES)
        sealed = self._seal.sealed(secret, webhook_id.bytes)
        kinds = {str(kind) for kind in request.kinds}
        webhook = await store.add(
            tx, webhook_id, request.url, kinds, sealed, principal.user_id, now
        )
        await self._record(tx, principal, "webhook.add", webhook)
        return MadeWebhook(webhook=webhook, secret=webhook_secret_text(secret))

    async def listed(self, tx: Transaction) -> list[Webhook]:
        """Every webhook, oldest first."""
        return await store.listed(tx)

    async def remove(
        self, tx: Transaction, principal: Principal, webhook_id: UUID, now: datetime
    ) -> None:
        """Removes a webhook; what waits for it is given up. Raises `WEBHOOK_NOT_FOUND`."""
        webhook = await _found(tx, webhook_id)
        await store.remove(tx, webhook_id, now)
        await store.give_up_disabled(tx, webhook_id, "WEBHOOK_REMOVED", now)
        await self._record(tx, principal, "webhook.remove", webhook)

    async def test(
        self, tx: Transaction, principal: Principal, webhook_id: UUID, now: datetime
    ) -> Delivery:
        """A delivery that says nothing, on its way. Raises `WEBHOOK_NOT_FOUND`, `_DISABLED`."""
        webhook = await _found(tx, webhook_id)
        _require_in_use(webhook)
        told = Told(Notice.TEST, None, {"webhook": str(webhook_id)})
        event = await tell(tx, told.kind, told.node_id, told.data, now)
        await self._record(tx, principal, "webhook.test", webhook)
        return await store.queue(tx, webhook_id, event, body_of(event, told, now), now)

    async def deliveries(
        self, tx: Transaction, webhook_id: UUID, after: str | None, limit: int
    ) -> DeliveryPage:
        """Deliveries, newest first. Raises `WEBHOOK_NOT_FOUND`, `CURSOR_MALFORMED`."""
        await _found(tx, webhook_id)
        before = None if after is None else Cursor.read(after).place
        rows = await store.deliveries(tx, webhook_id, before, limit + 1)
        shown = rows[:limit]
        more = len(rows) > limit
        return DeliveryPage(
            items=tuple(shown),
            next=Cursor(shown[-1].created_at, shown[-1].id).text() if more else None,
        )

    async def replay(
        self, tx: Transaction, principal: Principal, delivery_id: UUID, now: datetime
    ) -> Delivery:
        """The same once more, under the same id, as a delivery of its own.

        Raises `DELIVERY_NOT_FOUND`, `WEBHOOK_NOT_FOUND`, `WEBHOOK_DISABLED`.
        """
        content = await store.content(tx, delivery_id)
        if content is None:
            detail = "There is no such delivery, or it is so old that it is not kept."
            raise LotaError(Kind.NOT_FOUND, "DELIVERY_NOT_FOUND", detail)
        webhook = await _found(tx, content.webhook_id)
        _require_in_use(webhook)
        await self._record(tx, principal, "delivery.replay", webhook)
        made = await store.queue(tx, content.webhook_id, content.event_id, content.body, now)
        await publish(tx, Topic.NOTICES, str(tx.tenant))
        return made

    async def _record(
        self, tx: Transaction, principal: Principal, verb: str, webhook: Webhook
    ) -> None:
        entry = Entry(
            actor_ref=str(principal.user_id),
            verb=verb,
            subject_ref=f"webhook:{webhook.id}",
            outcome="done",
            digests={"url": sha256_hex(webhook.url.encode())},
        )
        await self._journal.append(tx, entry)


async def _found(tx: Transaction, webhook_id: UUID) -> Webhook:
    webhook = await store.one(tx, webhook_id)
    if webhook is None:
        raise LotaError(Kind.NOT_FOUND, "WEBHOOK_NOT_FOUND", "There is no such webhook.")
    return webhook


def _require_in_use(webhook: Webhook) -> None:
    if webhook.disabled_at is not None:
        detail = "Nothing is delivered to this webhook any more; add it anew."
        raise LotaError(Kind.CONFLICT, "WEBHOOK_DISABLED", detail)

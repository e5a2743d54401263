"""HTTP of webhooks: added, listed, removed, tested; their deliveries, and one of them once more."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import delete, get, post
from litestar.params import Parameter

from lotabots.access import Permission
from lotabots.attestation.webhooks.managing import Webhooks
from lotabots.attestation.webhooks.types import (
    Delivery,
    DeliveryPage,
    MadeWebhook,
    Webhook,
    WebhookRequest,
)
from lotabots.kernel import Principal
from lotabots.runtime.database import Transaction
from lotabots.runtime.web import requires

READ = [requires(Permission.WEBHOOK_READ)]
WRITE = [requires(Permission.WEBHOOK_WRITE)]

Text = Annotated[str | None, Parameter(max_length=256)]
Limit = Annotated[int, Parameter(ge=1, le=200)]


@post("/v1/webhooks", guards=WRITE)
async def add_webhook(
    data: WebhookRequest,
    tx: Transaction,
    webhooks: Webhooks,
    principal: Principal,
    now: datetime,
) -> MadeWebhook:
    """Has events delivered to an URL from now on. The secret of its signatures is shown once."""
    return await webhooks.add(tx, principal, data, now)


@get("/v1/webhooks", guards=READ)
async def list_webhooks(tx: Transaction, webhooks: Webhooks) -> list[Webhook]:
    """The webhooks, oldest first, without their secrets."""
    return await webhooks.listed(tx)


@delete("/v1/webhooks/{webhook_id:uuid}", guards=WRITE)
async def remove_webhook(
    tx: Transaction, webhooks: Webhooks, principal: Principal, now: datetime, webhook_id: UUID
) -> None:
    """Removes a webhook. What waits for it is given up."""
    await webhooks.remove(tx, principal, webhook_id, now)


@post("/v1/webhooks/{webhook_id:uuid}/test", guards=WRITE, status_code=202)
async def try_webhook(
    tx: Transaction, webhooks: Webhooks, principal: Principal, now: datetime, webhook_id: UUID
) -> Delivery:
    """Has an event delivered that says nothing, to see whether it arrives."""
    return await webhooks.test(tx, principal, webhook_id, now)


@get("/v1/webhooks/{webhook_id:uuid}/deliveries", guards=READ)
async def list_deliveries(
    tx: Transaction, webhooks: Webhooks, webhook_id: UUID, after: Text = None, limit: Limit = 50
) -> DeliveryPage:
    """What was delivered, what waits, and what was given up: newest first."""
    return await webhooks.deliveries(tx, webhook_id, after, limit)


@post("/v1/deliveries/{delivery_id:uuid}/replay", guards=WRITE, status_code=202)
async def replay_delivery(
    tx: Transaction, webhooks: Webhooks, principal: Principal, now: datetime, delivery_id: UUID
) -> Delivery:
    """Delivers the same once more, whatever became of it, under the same id."""
    return await webhooks.replay(tx, principal, delivery_id, now)


HANDLERS = (
    add_webhook,
    list_webhooks,
    remove_webhook,
    try_webhook,
    list_deliveries,
    replay_delivery,
)

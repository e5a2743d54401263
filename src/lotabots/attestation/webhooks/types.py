"""What the API of webhooks takes and gives, as frozen values with their limits."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from lotabots.attestation.notices import Notice
from lotabots.attestation.types import Request, Response
from lotabots.attestation.webhooks.destination import MAX_URL

Url = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_URL, pattern=r"^[!-~]+\Z")]


class WebhookRequest(Request, frozen=True, kw_only=True):
    """Where to deliver, and which kinds of events; none named: all."""

    url: Url
    kinds: Annotated[tuple[Notice, ...], msgspec.Meta(max_length=32)] = ()


class Webhook(Response, frozen=True, kw_only=True):
    """A webhook, without its secret."""

    id: UUID
    url: str
    kinds: tuple[str, ...]
    created_by: UUID
    created_at: datetime
    disabled_at: datetime | None
    """Since when nothing is delivered any more."""


class MadeWebhook(Response, frozen=True, kw_only=True):
    """A new webhook, and the secret that its deliveries are signed with, shown this once."""

    webhook: Webhook
    secret: str


class Delivery(Response, frozen=True, kw_only=True):
    """One event on its way to one webhook, or there."""

    id: UUID
    webhook: UUID
    event: UUID
    kind: str
    state: str
    """`queued`, `delivered`, or `failed`: given up."""
    attempts: int
    next_at: datetime | None
    """When it is tried again, if it is queued."""
    last_status: int | None
    """What the receiver answered last."""
    last_error: str | None
    """The code of what went wrong last."""
    created_at: datetime
    ended_at: datetime | None


class DeliveryPage(Response, frozen=True, kw_only=True):
    """One page, newest first. `next` is the cursor of the page after it."""

    items: tuple[Delivery, ...]
    next: str | None

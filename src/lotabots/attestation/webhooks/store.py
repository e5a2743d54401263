"""SQL of webhooks and of deliveries: queued, claimed by one process at a time, ended once."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import msgspec

from lotabots.attestation.webhooks.types import Delivery, Webhook
from lotabots.runtime.database import Database, Transaction

CLAIM = timedelta(seconds=60)
"""How long a delivery is another process's; longer than any attempt takes."""
REMOVED = b""
"""In place of the secret of a webhook that was removed: its deliveries still name it."""
ENDED = 5000
"""Deliveries that are given up in one statement."""

_WEBHOOK = "id, url, kinds, created_by, created_at, disabled_at"
_DELIVERY = (
    "id, webhook_id as webhook, event_id as event, convert_from(body, 'UTF8')::jsonb ->> 'type'"
    " as kind, state, attempts, case when state = 'queued' then next_at end as next_at,"
    " last_status, last_error, created_at, ended_at"
)


class Due(msgspec.Struct, frozen=True):
    """A delivery whose time has come, and whose it is."""

    id: UUID
    tenant_id: UUID
    webhook_id: UUID


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that this process is to try, and all that it needs for it."""

    id: UUID
    webhook_id: UUID
    event_id: UUID
    body: bytes
    attempts: int
    """This one included."""
    url: str
    secret: bytes


async def add(
    tx: Transaction,
    webhook: UUID,
    url: str,
    kinds: Collection[str],
    secret: bytes,
    by: UUID,
    now: datetime,
) -> Webhook:
    """The webhook, new."""
    await tx.execute(
        "insert into attestation.webhooks (id, url, kinds, secret, created_by, created_at)"
        " values ($1, $2, $3, $4, $5, $6)",
        webhook,
        url,
        sorted(kinds),
        secret,
        by,
        now,
    )
    found = await one(tx, webhook)
    if found is None:
        raise LookupError(webhook)
    return found


async def listed(tx: Transaction) -> list[Webhook]:
    """Every webhook that was not removed, oldest first."""
    return await tx.fetch(
        f"select {_WEBHOOK} from attestation.webhooks where secret <> $1"  # noqa: S608 - constants
        " order by created_at, id",
        REMOVED,
        into=Webhook,
    )


async def one(tx: Transaction, webhook: UUID) -> Webhook | None:
    """The webhook, unless it was removed."""
    return await tx.fetch_one(
        f"select {_WEBHOOK} from attestation.webhooks where id = $1 and secret <> $2",  # noqa: S608 - constants
        webhook,
        REMOVED,
        into=Webhook,
    )


async def disable(tx: Transaction, webhook: UUID, now: datetime) -> bool:
    """Whether it was in use until now."""
    changed = await tx.execute(
        "update attestation.webhooks set disabled_at = $2 where id = $1 and disabled_at is null",
        webhook,
        now,
    )
    return changed == 1


async def remove(tx: Transaction, webhook: UUID, now: datetime) -> bool:
    """Whether there was one; its secret is gone."""
    changed = await tx.execute(
        "update attestation.webhooks set secret = $2, disabled_at = coalesce(disabled_at, $3)"
        " where id = $1 and secret <> $2",
        webhook,
        REMOVED,
        now,
    )
    return changed == 1


async def give_up_disabled(tx: Transaction, webhook: UUID, why: str, now: datetime) -> int:
    """How many deliveries to a webhook that is disabled are not tried any more."""
    return await tx.execute(
        "update attestation.deliveries set state = 'failed', ended_at = $2, last_error = $3"
        " where id in (select d.id from attestation.deliveries d"
        "   join attestation.webhooks w on w.id = d.webhook_id and w.disabled_at is not null"
        "   where d.webhook_id = $1 and d.state = 'queued' limit $4)",
        webhook,
        now,
        why,
        ENDED,
    )


async def queue(
    tx: Transaction, webhook: UUID, event: UUID, body: bytes, now: datetime
) -> Delivery:
    """A delivery of this event to this webhook, to be tried at once."""
    found = await tx.fetch_one(
        "insert into attestation.deliveries (id, webhook_id, event_id, body, next_at, created_at)"  # noqa: S608 - constants
        f" values ($1, $2, $3, $4, $5, $5) returning {_DELIVERY}",
        uuid4(),
        webhook,
        event,
        body,
        now,
        into=Delivery,
    )
    if found is None:
        raise LookupError(webhook)
    return found


class Content(msgspec.Struct, frozen=True):
    """What was delivered, and to which webhook."""

    webhook_id: UUID
    event_id: UUID
    body: bytes


async def content(tx: Transaction, delivery: UUID) -> Content | None:
    """What this delivery delivers."""
    return await tx.fetch_one(
        "select webhook_id, event_id, body from attestation.deliveries where id = $1",
        delivery,
        into=Content,
    )


async def deliveries(
    tx: Transaction, webhook: UUID, before: tuple[datetime, UUID] | None, most: int
) -> list[Delivery]:
    """Deliveries to a webhook, newest first."""
    return await tx.fetch(
        _LISTED, tx.tenant, webhook, *(before or (None, None)), most, into=Delivery
    )


# Of the tenant that is seen anyway: said again, they are found by the index.
_LISTED = (
    f"select {_DELIVERY} from attestation.deliveries where tenant_id = $1 and webhook_id = $2"  # noqa: S608 - constants
    " and ($3::timestamptz is null or (created_at, id) < ($3, $4))"
    " order by created_at desc, id desc limit $5"
)


# From one webhook that has something queued to the next, along the index of queues.
_QUEUES = """
with recursive queues as (
    (select webhook_id, tenant_id from attestation.deliveries
     where state = 'queued' order by webhook_id limit 1)
    union all
    select following.* from queues cross join lateral (
        select webhook_id, tenant_id from attestation.deliveries d
        where d.state = 'queued' and d.webhook_id > queues.webhook_id
        order by d.webhook_id limit 1
    ) following
)
"""
_DUE = f"""
{_QUEUES}
select found.id, queues.tenant_id, queues.webhook_id from queues cross join lateral (
    select id, next_at from attestation.deliveries d
    where d.state = 'queued' and d.webhook_id = queues.webhook_id and d.next_at <= $1
        and (d.claimed_until is null or d.claimed_until < $1)
    order by d.next_at limit $2
) found order by found.next_at
"""  # noqa: S608 - constants
_FULL = f"""
{_QUEUES}
select queues.webhook_id as id, queues.tenant_id, queues.webhook_id from queues where $1::bigint < (
    select count(*) from (
        select from attestation.deliveries d
        where d.state = 'queued' and d.webhook_id = queues.webhook_id limit $1::bigint + 1
    ) counted
)
"""  # noqa: S608 - constants


async def due(database: Database, now: datetime, each: int) -> list[Due]:
    """Deliveries of all tenants whose time has come: at most `each` of a webhook."""
    async with database.transaction(None, login="deliver:") as tx:
        return await tx.fetch(_DUE, now, each, into=Due)


async def queues(database: Database) -> list[Due]:
    """Every webhook with anything queued; the ids are the webhooks'."""
    async with database.transaction(None, login="deliver:") as tx:
        return await tx.fetch(_FULL, 0, into=Due)


async def full(database: Database, most: int) -> list[Due]:
    """The webhooks that have more than so much queued; the ids are theirs."""
    async with database.transaction(None, login="deliver:") as tx:
        return await tx.fetch(_FULL, most, into=Due)


async def claim(tx: Transaction, wanted: Sequence[UUID], now: datetime) -> list[Claimed]:
    """Those of these deliveries that nobody else has, for `CLAIM`, with one attempt counted."""
    return await tx.fetch(
        "with mine as ("
        "  select id from attestation.deliveries where id = any($1) and state = 'queued'"
        "  and (claimed_until is null or claimed_until < $2) for update skip locked"
        ") update attestation.deliveries d set claimed_until = $3, attempts = d.attempts + 1"
        " from mine, attestation.webhooks w"
        " where d.id = mine.id and w.id = d.webhook_id and w.disabled_at is null"
        " returning d.id, d.webhook_id, d.event_id, d.body, d.attempts, w.url, w.secret",
        list(wanted),
        now,
        now + CLAIM,
        into=Claimed,
    )


async def end(
    tx: Transaction,
    claimed: Claimed,
    state: str,
    status: int | None,
    error: str | None,
    now: datetime,
) -> None:
    """The delivery is over: `delivered` or `failed`."""
    await tx.execute(
        "update attestation.deliveries set state = $3, last_status = $4, last_error = $5,"
        " ended_at = $6, claimed_until = null where id = $1 and attempts = $2 and state = 'queued'",
        claimed.id,
        claimed.attempts,
        state,
        status,
        error,
        now,
    )


async def put_off(
    tx: Transaction, claimed: Claimed, status: int | None, error: str | None, until: datetime
) -> None:
    """The delivery is tried again then."""
    await tx.execute(
        "update attestation.deliveries set last_status = $3, last_error = $4, next_at = $5,"
        " claimed_until = null where id = $1 and attempts = $2 and state = 'queued'",
        claimed.id,
        claimed.attempts,
        status,
        error,
        until,
    )

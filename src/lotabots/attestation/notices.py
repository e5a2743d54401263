"""What happened to a node, told in the transaction of the change itself: for streams and webhooks.

An event is written for what changes, never for what stays as it was: an attestation that says what
the one before said writes none. Whatever is to be delivered of it is queued in the same statement.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

import msgspec

from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database import Transaction
from lotabots.runtime.events import Topic, publish


class Notice(StrEnum):
    """The kinds of events. Public: never renamed."""

    NODE_ENROLLED = "node.enrolled"
    NODE_STANDING = "node.standing"
    """Its own evidence changed how it stands: `before`, `after`, `attestation`, `code`."""
    NODE_STALE = "node.stale"
    NODE_SILENT = "node.silent"
    """Silent so long that it counts as rejected."""
    NODE_QUARANTINED = "node.quarantined"
    NODE_RELEASED = "node.released"
    NODE_REVOKED = "node.revoked"
    DEVICE_CHANGED = "device.changed"
    """An operator gave a node another inventory: `added`, `removed`."""
    REVOCATION_MADE = "revocation.made"
    REVOCATION_LIFTED = "revocation.lifted"
    RESULTS_REVOKED = "results.revoked"
    """Results that were in force are not any more: `results`, `because`."""
    POLICY_ACTIVATED = "policy.activated"
    WEBHOOK_DISABLED = "webhook.disabled"
    """Nothing is delivered to it any more: `webhook`, `because`."""
    TEST = "webhook.test"
    """Somebody asked for it, and it is delivered to that webhook alone: `webhook`."""


Data = Mapping[str, str | int | None]


class Told(msgspec.Struct, frozen=True):
    """Something that happened, and to which node, if to one."""

    kind: Notice
    node_id: UUID | None
    data: Data


MAX_TEXT = 500
_TEXT = re.compile(r"[^\x00-\x1f\x7f]*")

# In the order in which they are told: `number` counts the rows as they come.
_TELL = """
with told as (
    select * from unnest($1::uuid[], $2::text[], $3::uuid[], $4::jsonb[], $5::bytea[])
        with ordinality as one (id, kind, node_id, data, body, place)
), written as (
    insert into attestation.events (id, at, kind, node_id, data)
    select id, $6, kind, node_id, data from told order by place
)
insert into attestation.deliveries (id, webhook_id, event_id, body, next_at, created_at)
select gen_random_uuid(), w.id, told.id, told.body, $6, $6
from told join attestation.webhooks w
    on w.disabled_at is null and (w.kinds = '{}' or told.kind = any (w.kinds))
where told.kind <> 'webhook.test'
"""


async def tell(
    tx: Transaction, kind: Notice, node_id: UUID | None, data: Data, now: datetime
) -> UUID:
    """The id of the event, which is told to whoever listens once the transaction commits.

    Raises `EVENT_INVALID` for a text that is too long or moves a terminal: events travel far.
    """
    return (await tell_all(tx, [Told(kind, node_id, data)], now))[0]


async def tell_all(tx: Transaction, told: Sequence[Told], now: datetime) -> list[UUID]:
    """The ids of the events, in their order: one statement, however many. As `tell`."""
    if not told:
        return []
    for one in told:
        _check(one)
    ids = [uuid4() for _ in told]
    await tx.execute(
        _TELL,
        ids,
        [str(one.kind) for one in told],
        [one.node_id for one in told],
        [dict(one.data) for one in told],
        [body_of(*pair, now) for pair in zip(ids, told, strict=True)],
        now,
    )
    await publish(tx, Topic.NOTICES, str(tx.tenant))
    return ids


def body_of(event_id: UUID, told: Told, now: datetime) -> bytes:
    """What is delivered of an event (Standard Webhooks 1.0, "Payload structure")."""
    data = {"event": event_id, "node": told.node_id, **told.data}
    return msgspec.json.encode({"type": told.kind, "timestamp": now, "data": data})


def _check(told: Told) -> None:
    for name, value in told.data.items():
        if isinstance(value, str) and (len(value) > MAX_TEXT or not _TEXT.fullmatch(value)):
            detail = "A text of an event has at most 500 characters, and no control characters."
            raise LotaError(Kind.INTERNAL, "EVENT_INVALID", detail, topic=told.kind, field=name)

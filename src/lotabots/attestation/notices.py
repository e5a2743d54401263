"""What happened to a node, told in the transaction of the change itself: for streams and webhooks.

An event is written for what changes, never for what stays as it was: an attestation that says what
the one before said writes none.
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
    TEST = "webhook.test"


MAX_TEXT = 500
_TEXT = re.compile(r"[^\x00-\x1f\x7f]*")


class Told(msgspec.Struct, frozen=True):
    """One event: its kind, of which node, and what there is to say."""

    kind: Notice
    node_id: UUID | None
    data: Mapping[str, str | int | None]


async def tell(
    tx: Transaction,
    kind: Notice,
    node_id: UUID | None,
    data: Mapping[str, str | int | None],
    now: datetime,
) -> UUID:
    """The id of the event, which is told to whoever listens once the transaction commits.

    Raises `EVENT_INVALID` for a text that is too long or moves a terminal: events travel far.
    """
    [event_id] = await tell_all(tx, [Told(kind, node_id, data)], now)
    return event_id


async def tell_all(tx: Transaction, events: Sequence[Told], now: datetime) -> list[UUID]:
    """The same for several, in their order and in one round trip."""
    for event in events:
        for name, value in event.data.items():
            if isinstance(value, str) and (len(value) > MAX_TEXT or not _TEXT.fullmatch(value)):
                detail = "A text of an event has at most 500 characters, and no control characters."
                raise LotaError(
                    Kind.INTERNAL, "EVENT_INVALID", detail, topic=event.kind, field=name
                )
    ids = [uuid4() for _ in events]
    await tx.execute(
        "insert into attestation.events (id, at, kind, node_id, data)"
        " select e.id, $2, e.kind, e.node_id, e.data from unnest("
        "   $1::uuid[], $3::text[], $4::uuid[], $5::jsonb[]"
        " ) with ordinality e (id, kind, node_id, data, place) order by e.place",
        ids,
        now,
        [event.kind for event in events],
        [event.node_id for event in events],
        [dict(event.data) for event in events],
    )
    await publish(tx, Topic.NOTICES, str(tx.tenant))
    return ids

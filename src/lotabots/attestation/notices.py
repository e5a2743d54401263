"""What happened to a node, told in the transaction of the change itself: for streams and webhooks.

An event is written for what changes, never for what stays as it was: an attestation that says what
the one before said writes none.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

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
    for name, value in data.items():
        if isinstance(value, str) and (len(value) > MAX_TEXT or not _TEXT.fullmatch(value)):
            detail = "A text of an event has at most 500 characters, and no control characters."
            raise LotaError(Kind.INTERNAL, "EVENT_INVALID", detail, topic=kind, field=name)
    event_id = uuid4()
    await tx.execute(
        "insert into attestation.events (id, at, kind, node_id, data) values ($1, $2, $3, $4, $5)",
        event_id,
        now,
        kind,
        node_id,
        dict(data),
    )
    await publish(tx, Topic.NOTICES, str(tx.tenant))
    return event_id

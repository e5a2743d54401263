"""What can be told: a topic and a key, in the transaction of the change itself."""

import re
from enum import StrEnum

from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database import Transaction

NAME = "lotabots"
"""Of the one channel. PostgreSQL keeps the channels of each database apart."""
_KEY = re.compile(r"[!-~]{1,256}")


class Topic(StrEnum):
    """What an event is about; its key says which one changed."""

    TOKEN = "token"  # noqa: S105 - a user token was revoked: its id
    KEYS = "keys"  # the signing keys of a purpose: its name
    SETTINGS = "settings"  # a setting changed at run time: its name
    POLICY = "policy"  # the policy in force: its tenant
    NOTICES = "notices"  # something happened to a node: its tenant
    REFERENCE = "reference"  # the reference bundles in force: their tenant


async def publish(tx: Transaction, topic: Topic, key: str) -> None:
    """Tells every process, this one included, once the transaction commits.

    For changes that are rare: commits that notify queue behind one lock of the whole server. An
    event carries no secret, since whoever may connect to the database may listen; and it is a hint
    to look again, not a value, since whoever may connect may also notify.
    """
    if not _KEY.fullmatch(key):
        detail = "The key of an event is 1 to 256 printable ASCII characters."
        raise LotaError(Kind.INTERNAL, "EVENT_INVALID", detail, topic=str(topic))
    await tx.notify(NAME, f"{topic} {key}")

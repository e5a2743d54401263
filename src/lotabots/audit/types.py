"""What an audit entry says: who did what to what, how it ended, and the digests that fix it."""

import re
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from lotabots.kernel import Kind, LotaError, canonical, format_time

SYSTEM = "system"
"""The actor of what a process does by itself."""
ANONYMOUS = "anonymous"
"""The actor of what someone did without a valid identity."""

VERSION = 1
MAX_DIGESTS = 128

_ACTOR = re.compile(
    rf"{SYSTEM}|{ANONYMOUS}|[0-9a-f]{{8}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{12}}"
)
_VERB = re.compile(r"[a-z][a-z0-9_-]*(?:\.[a-z][a-z0-9_-]*){0,3}")
_SUBJECT = re.compile(r"[!-~]{1,256}")
_OUTCOME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
_DIGEST = re.compile(r"[A-Za-z0-9:_+/=.-]{1,128}")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened. References only: no names, addresses or other personal text.

    `actor_ref` is a user's UUID, `SYSTEM` or `ANONYMOUS`; `subject_ref` is `kind:id`; `count` is
    how often it happened, where an entry stands for many events.
    """

    actor_ref: str
    verb: str
    subject_ref: str
    outcome: str
    digests: Mapping[str, str] = {}
    count: int = 1

    def check(self) -> None:
        """Raises `AUDIT_ENTRY_INVALID` unless each field has its form."""
        forms = (
            (_ACTOR, self.actor_ref), (_VERB, self.verb), (_SUBJECT, self.subject_ref),
            (_OUTCOME, self.outcome), *((_NAME, name) for name in self.digests),
            *((_DIGEST, digest) for digest in self.digests.values()),
        )  # fmt: skip
        misfit = next((text for form, text in forms if not form.fullmatch(text)), None)
        if misfit is not None or len(self.digests) > MAX_DIGESTS or self.count < 1:
            detail = "An audit entry holds references and digests only."
            raise LotaError(Kind.INTERNAL, "AUDIT_ENTRY_INVALID", detail, verb=self.verb[:64])


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as it stands in the log; its canonical JSON is what the leaf hash is over."""

    version: int
    id: UUID
    tenant: UUID
    at: str
    actor: str
    verb: str
    subject: str
    outcome: str
    count: int
    digests: dict[str, str]


def record(entry: Entry, entry_id: UUID, tenant: UUID, at: datetime) -> bytes:
    """The canonical bytes of an entry (RFC 8785): what is stored, hashed and never changed."""
    entry.check()
    recorded = Recorded(
        version=VERSION,
        id=entry_id,
        tenant=tenant,
        at=format_time(at),
        actor=entry.actor_ref,
        verb=entry.verb,
        subject=entry.subject_ref,
        outcome=entry.outcome,
        count=entry.count,
        digests=dict(entry.digests),
    )
    return canonical(msgspec.to_builtins(recorded))

"""HTTP of the audit log: entries, newest first, with what is needed to check each."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import Parameter

from lotabots.access import Permission
from lotabots.audit.log import REFUSALS
from lotabots.audit.store import Filter, newest
from lotabots.audit.types import Recorded
from lotabots.kernel import parse_time
from lotabots.runtime.database import Transaction
from lotabots.runtime.process import Process
from lotabots.runtime.web import Service, requires

Ref = Annotated[str | None, Parameter(min_length=1, max_length=256)]
Time = Annotated[str | None, Parameter(max_length=40)]
Limit = Annotated[int, Parameter(ge=1, le=200)]


class LoggedEntry(msgspec.Struct, frozen=True):
    """An entry and its leaf: SHA-256 over 0x00 and the RFC 8785 form of `entry`, in hex."""

    entry: Recorded
    leaf: str


class EntryPage(msgspec.Struct, frozen=True):
    """Entries newest first; `next` is what to send as `after`, or null on the last page."""

    entries: list[LoggedEntry]
    next: UUID | None


@get("/v1/audit/entries", guards=[requires(Permission.AUDIT_READ)])
async def list_entries(
    tx: Transaction,
    actor: Ref = None,
    subject: Ref = None,
    verb: Ref = None,
    outcome: Ref = None,
    since: Time = None,
    until: Time = None,
    after: UUID | None = None,
    limit: Limit = 50,
) -> EntryPage:
    """The entries of the caller's tenant that match every filter given."""
    wanted = Filter(
        actor=actor, subject=subject, verb=verb, outcome=outcome, after=after,
        since=None if since is None else parse_time(since),
        until=None if until is None else parse_time(until),
    )  # fmt: skip
    rows = await newest(tx, wanted, limit + 1)
    entries = [
        LoggedEntry(msgspec.json.decode(row.body, type=Recorded), row.leaf.hex())
        for row in rows[:limit]
    ]
    return EntryPage(entries, rows[limit - 1].id if len(rows) > limit else None)


def service(_: Process) -> Service:
    """The audit service."""
    return Service(name="audit", handlers=[list_entries], loops=(REFUSALS,))

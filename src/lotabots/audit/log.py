"""Appending to the audit log, in the transaction of whatever is being recorded."""

from uuid import uuid4

from lotabots.audit import store
from lotabots.audit.types import ANONYMOUS, Entry, record
from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database import Transaction
from lotabots.runtime.process import Process
from lotabots.runtime.refusals import Refusal
from lotabots.runtime.tasks import Loop
from lotabots.tlog import leaf_hash


async def append(tx: Transaction, entry: Entry) -> None:
    """Adds an entry to the log of the transaction's tenant: both are committed, or neither.

    The time is the transaction's. Raises `AUDIT_ENTRY_INVALID` for an entry that holds more than
    references, or for a transaction without tenant.
    """
    if tx.tenant is None:
        raise LotaError(Kind.INTERNAL, "AUDIT_ENTRY_INVALID", "An audit entry needs a tenant.")
    entry_id = uuid4()
    body = record(entry, entry_id, tx.tenant, tx.began)
    await store.insert(tx, entry, store.Row(entry_id, body, leaf_hash(body)))


async def write_refusals(process: Process) -> None:
    """Writes who was refused since the last time: one entry for each different one, with a count.

    What cannot be written is kept for the next time.
    """
    refusals = process.telemetry.refusals
    left = dict(refusals.take())
    try:
        for tenant in {refusal.tenant for refusal in left}:
            mine = {refusal: count for refusal, count in left.items() if refusal.tenant == tenant}
            async with process.database.transaction(tenant) as tx:
                for refusal, count in mine.items():
                    await append(tx, _entry(refusal, count))
            left = {refusal: count for refusal, count in left.items() if refusal not in mine}
    finally:
        refusals.give_back(left)


def _entry(refusal: Refusal, count: int) -> Entry:
    return Entry(
        actor_ref=ANONYMOUS if refusal.user is None else str(refusal.user),
        verb="caller.refuse",
        subject_ref=refusal.subject,
        outcome=refusal.code,
        count=count,
    )


REFUSALS = Loop("audit.refusals", seconds=60.0, run=write_refusals, at_stop=True)
"""Belongs to every process that refuses callers; named by several services, it runs once."""

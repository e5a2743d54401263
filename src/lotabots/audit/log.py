"""Appending to the audit log, in the transaction of whatever is being recorded."""

from uuid import uuid4

from lotabots.audit import store
from lotabots.audit.types import ANONYMOUS, Entry, leaf_hash, record
from lotabots.kernel import OPERATOR_TENANT, Kind, LotaError
from lotabots.runtime.database import Transaction
from lotabots.runtime.process import Process
from lotabots.runtime.tasks import Loop


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
    """Writes who was refused since the last time: one entry for each source and code, with a count.

    What cannot be written is kept for the next time.
    """
    refusals = process.telemetry.refusals
    taken = refusals.take()
    if not taken:
        return
    try:
        async with process.database.transaction(OPERATOR_TENANT) as tx:
            for refusal, count in taken.items():
                await append(
                    tx,
                    Entry(
                        actor_ref=ANONYMOUS,
                        verb="caller.refuse",
                        subject_ref=f"source:{refusal.source}",
                        outcome=refusal.code,
                        count=count,
                    ),
                )
    except BaseException:
        refusals.give_back(taken)
        raise


REFUSALS = Loop("audit.refusals", seconds=60.0, run=write_refusals, at_stop=True)
"""Belongs to every process that refuses callers; named by several services, it runs once."""

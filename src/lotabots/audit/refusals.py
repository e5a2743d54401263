"""Callers who were turned away, as entries: one a minute for each different one, with a count."""

from datetime import timedelta

from lotabots.audit import persons
from lotabots.audit.journal import Journal
from lotabots.audit.settings import AuditSettings
from lotabots.audit.types import ADDRESS, ANONYMOUS, SYSTEM, Entry
from lotabots.kernel import OPERATOR_TENANT
from lotabots.runtime.process import Process
from lotabots.runtime.refusals import Refusal
from lotabots.runtime.tasks import Loop

MOST_EXPIRED = 1000
"""Addresses that are erased in one transaction."""


async def write_refusals(process: Process) -> None:
    """Writes who was refused since the last time. What cannot be written is kept for the next."""
    refusals = process.telemetry.refusals
    left = dict(refusals.take())
    journal = Journal(process.keyring)
    try:
        for tenant in {refusal.tenant for refusal in left}:
            mine = {refusal: count for refusal, count in left.items() if refusal.tenant == tenant}
            async with process.database.transaction(tenant) as tx:
                await journal.append_many(tx, [_entry(*each) for each in mine.items()])
            left = {refusal: count for refusal, count in left.items() if refusal not in mine}
    finally:
        refusals.give_back(left)


async def expire_addresses(process: Process) -> None:
    """Erases the addresses of strangers that are older than the settings let them become."""
    while await _expire(process) == MOST_EXPIRED:
        pass  # a flood leaves more behind than one transaction should take


async def _expire(process: Process) -> int:
    days = process.settings.section(AuditSettings).address_days
    before = process.clock() - timedelta(days=days)
    async with process.database.transaction(OPERATOR_TENANT) as tx:
        expired = await persons.outdated(tx, ADDRESS, before, MOST_EXPIRED)
        for person in expired:
            await persons.erase(tx, person)
        if expired:
            await Journal(process.keyring).append(
                tx,
                Entry(
                    actor_ref=SYSTEM,
                    verb="address.expire",
                    subject_ref=f"days:{days}",
                    outcome="done",
                    count=len(expired),
                ),
            )
    return len(expired)


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
EXPIRY = Loop("audit.expiry", seconds=3600.0, run=expire_addresses)

"""What was done to a user, written into the log in one way."""

from uuid import UUID

from lotabots.audit import Entry, Journal
from lotabots.kernel import Principal
from lotabots.runtime.database import Transaction


async def record(
    journal: Journal,
    tx: Transaction,
    by: Principal,
    verb: str,
    user_id: UUID,
    address: str,
    **said: str,
) -> None:
    """Appends that `by` did `verb` to a user, in the transaction that did it.

    What is `said` beside it (a role, a purpose) stands in the entry's digests.
    """
    entry = Entry(
        actor_ref=str(by.user_id),
        verb=verb,
        subject_ref=f"user:{user_id}",
        outcome="done",
        digests={name: str(value) for name, value in said.items()},
        address=address,
    )
    await journal.append(tx, entry)

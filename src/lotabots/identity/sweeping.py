"""What is long over, and deleted: sessions, tries at log-in, log-ins that were never finished."""

from datetime import timedelta

from lotabots.identity.session_store import sweep as sweep_sessions
from lotabots.runtime.process import Process
from lotabots.runtime.tasks import Loop

REMEMBERED = timedelta(days=30)
"""How long it is known from where an account has logged in; a digest of the address is kept."""


async def sweep(process: Process) -> None:
    """Deletes it. Any number of processes may do so at once."""
    now = process.clock()
    async with process.database.transaction(None, login="sweep:") as tx:
        await sweep_sessions(tx)
        await tx.execute(
            "delete from identity.attempts where last_at < $1"
            " and (known_until is null or known_until < $2)",
            now - timedelta(days=1),
            now,
        )
        await tx.execute("delete from identity.oidc_flows where expires_at < $1", now)


SWEEP = Loop("identity.sweep", seconds=600.0, run=sweep)

"""What whoever runs an installation does to its keys, with the server's own access to the database.

Not over the API: a caller of the API proves who they are by a token, and the key that signs tokens
may be the very one that somebody stole.
"""

from collections.abc import Mapping
from datetime import timedelta

from lotabots.audit import SYSTEM, Entry, Journal
from lotabots.kernel import OPERATOR_TENANT, LotaError
from lotabots.reference import REFERENCE_PURPOSE
from lotabots.runtime.database import Database
from lotabots.runtime.keyring import Keyring, ListedKey
from lotabots.runtime.process import Process
from lotabots.runtime.tasks import Loop
from lotabots.server.settings import KeyringSettings

CONNECTIONS = 2


class Keys:
    """The signing keys of an installation. Each change is one transaction with its audit entry."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring
        self._journal = Journal(keyring)

    async def listed(self) -> list[ListedKey]:
        """Every key by purpose and place, without what is secret."""
        async with self._database.transaction(None) as tx:
            return await self._keyring.listed(tx)

    async def rotate(self, purpose: str) -> None:
        """Lets the next key sign. Raises `KEY_PURPOSE_UNKNOWN`, `KEY_ROTATED_LATELY`."""
        async with self._database.transaction(OPERATOR_TENANT) as tx:
            await self._keyring.rotate(tx, purpose)
            held = await self._keyring.listed(tx)
            kids = {str(key.place): key.kid for key in held if key.purpose == purpose}
            await self._journal.append(tx, _entry("key.rotate", f"purpose:{purpose}", kids))

    async def revoke(self, purpose: str, kid: str) -> str:
        """The place that the key had; whatever it signed is refused within a second.

        Raises `KEY_PURPOSE_UNKNOWN`, `KEY_NOT_HELD`.
        """
        async with self._database.transaction(OPERATOR_TENANT) as tx:
            place = await self._keyring.revoke(tx, purpose, kid)
            entry = _entry("key.revoke", f"purpose:{purpose}", {place: kid})
            await self._journal.append(tx, entry)
        return place


async def rotate_due(process: Process) -> None:
    """Rotates what has signed for as long as the settings let it. Of several processes one does."""
    days = process.settings.section(KeyringSettings).rotate_days
    keys = Keys(process.database, process.keyring)
    for key in await keys.listed() if days else []:
        old = process.clock() - key.placed_at >= timedelta(days=days)
        if key.place == "current" and key.purpose not in PINNED and old:
            try:
                await keys.rotate(key.purpose)
            except LotaError as error:
                if error.code != "KEY_ROTATED_LATELY":  # another process was faster
                    raise


PINNED = (REFERENCE_PURPOSE,)
"""Not rotated by themselves: other installations name the key in a file of theirs."""
ROTATION = Loop("keys.rotate", seconds=3600.0, run=rotate_due)


def _entry(verb: str, subject: str, digests: Mapping[str, str]) -> Entry:
    # The database knows a role, not a person: who it was, the machine's own records say.
    return Entry(
        actor_ref=SYSTEM, verb=verb, subject_ref=subject, outcome="done", digests=dict(digests)
    )

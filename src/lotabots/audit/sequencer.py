"""The sequencer: gives each entry its place in the tree, signs the tree, and publishes it."""

import asyncio
from collections.abc import Callable, Sequence

from lotabots.audit import places
from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database import Database, Transaction
from lotabots.runtime.files import Files
from lotabots.tlog import (
    Checkpoint,
    NoteSigner,
    grow_bundles,
    grow_tiles,
    leaf_hash,
    open_checkpoint,
    sign_checkpoint,
)

BATCH = 2048
"""Entries that get their place, and that are published, in one go."""
CHECKPOINT = "checkpoint"
"""The file that readers of the log look at first, and that is written last."""
STEPS = ("begun", "ordered", "signed", "uploaded", "published")
"""Where a fault may stop a run; the next one goes on from what was committed."""
LOCK = "audit/sequencer"


class Sequencer:
    """One of any number: whoever holds the lock works, and the others wait for it."""

    def __init__(
        self,
        database: Database,
        files: Files,
        signers: Sequence[NoteSigner],
        steps: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`database` in the role `lotabots_sequencer`; each signer is named as the origin."""
        self._database = database
        self._files = files
        self._signers = signers
        self._steps = steps

    async def run(self) -> int:
        """The size of the log once what waited, or `BATCH` entries of it, is published.

        Raises `AUDIT_FROZEN` where the database is not the one that the published checkpoint came
        from, as after a backup was restored: to sign then would fork the log.
        """
        self._steps("begun")
        async with self._database.transaction(None) as tx:
            await tx.lock(LOCK)
            await self._published(tx)
            await places.order(tx, BATCH)
        self._steps("ordered")
        # A note is sent out only once it is committed as the one note of its size.
        async with self._database.transaction(None) as tx:
            await tx.lock(LOCK)
            await self._published(tx)
            await self._sign(tx)
        self._steps("signed")
        # Held while files are written: nobody puts an older checkpoint over a newer one.
        async with self._database.transaction(None) as tx:
            await tx.lock(LOCK)
            size = await self._publish(tx)
        self._steps("published")
        return size

    async def _sign(self, tx: Transaction) -> None:
        tree = await places.tree(tx)
        if tree.size and await places.signed(tx, tree.size) is None:
            origin = self._signers[0].verifier.name
            checkpoint = Checkpoint(origin, tree.size, tree.root())
            note = sign_checkpoint(checkpoint, self._signers, int(tx.began.timestamp()))
            await places.keep(tx, places.Signed(tree.size, checkpoint.root, note))

    async def _publish(self, tx: Transaction) -> int:
        """Bundles and tiles first, each written again if a run before this one did not finish."""
        old = await self._published(tx)
        new = await places.next_signed(tx, old, most=old + BATCH)
        if new is None:
            return old
        entries = await places.bodies(tx, old, new.size)
        await asyncio.to_thread(self._upload, old, entries)
        self._steps("uploaded")
        await asyncio.to_thread(self._files.put, CHECKPOINT, new.note.encode())
        return new.size

    def _upload(self, old: int, entries: Sequence[bytes]) -> None:
        leaves = [leaf_hash(entry) for entry in entries]
        for path, data in grow_bundles(self._files.read, old, entries):
            self._files.put(path, data)
        for path, data in grow_tiles(self._files.read, old, leaves):
            self._files.put(path, data)

    async def _published(self, tx: Transaction) -> int:
        """The size of the published log, which must be a beginning of the one that is here."""
        try:
            note = await asyncio.to_thread(self._files.read, CHECKPOINT)
        except LotaError as error:
            if error.code != "FILE_MISSING":
                raise
            return 0
        published = open_checkpoint(note, [signer.verifier for signer in self._signers])
        ours = await places.signed(tx, published.size)
        if ours is None or ours.root != published.root:
            detail = "The database is behind the published log, or holds another one."
            raise LotaError(Kind.CONFLICT, "AUDIT_FROZEN", detail, published=published.size)
        return published.size

"""The sequencer: gives each entry its place in the tree, signs the tree, and publishes it.

1. `order` gives the entries that wait their places, in one transaction under one lock
2. the tree is signed, once for each size for ever, after the fork guard
3. bundles and tiles are uploaded; each is what it is for ever, so two who upload do no harm
4. witnesses cosign, where a policy asks for it
5. the checkpoint is replaced, by whoever still sees the one that he began with

A run that ends anywhere is finished by the next one. The fork guard: the published checkpoint must
be one that this database signed, and no witness may have seen one that it did not; else nothing is
signed.
"""

import asyncio
from collections.abc import Callable, Sequence

from lotabots.audit import places
from lotabots.audit.edge import Edge
from lotabots.audit.places import Signed
from lotabots.audit.published import (
    CHECKPOINT,
    KEYS,
    Published,
    drop_partials,
    tile_reader,
    vkeys,
)
from lotabots.audit.witnesses import Witnesses
from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database import Database, Transaction
from lotabots.runtime.files import Files
from lotabots.tlog import (
    Checkpoint,
    HashReader,
    NoteSigner,
    leaf_hash,
    prove_consistency,
    sign_checkpoint,
)

BATCH = 2048
"""Entries that get their places in one transaction."""
CHUNK = 4096
"""Entries that are read and uploaded in one go: whole bundles."""
MOST_AHEAD = 2**18
"""Entries that may have their places and not be published; beyond that the others wait."""
STEPS = ("begun", "ordered", "signed", "uploaded", "cosigned", "published")
"""Where a fault may stop a run; the next one goes on from what was committed."""
LOCK = "audit/sequencer"


class Sequencer:
    """One of any number: whoever holds the lock orders and signs, and the others wait for it."""

    def __init__(
        self,
        database: Database,
        files: Files,
        signers: Sequence[NoteSigner],
        witnesses: Witnesses | None = None,
        steps: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`database` in the role `lotabots_sequencer`; each signer is named as the origin."""
        self._database = database
        self._files = files
        self._signers = signers
        self._witnesses = witnesses
        self._steps = steps
        self._published: Published | None = None
        """The last that we saw; None until the guard has let us through."""

    async def run(self) -> int:
        """The size of the log once what waited, or `BATCH` entries of it, is published.

        Raises `AUDIT_FROZEN`, `AUDIT_ALTERED`, `WITNESS_*`, `DATABASE_*`, `FILES_UNAVAILABLE`.
        """
        self._steps("begun")
        await self.order()
        self._steps("ordered")
        return await self.publish()

    async def order(self) -> int:
        """How many entries have their places now that had none before, at most `BATCH`.

        Raises `AUDIT_FROZEN` where the database is not the one that the published checkpoint came
        from, as after a backup was restored: to sign then would fork the log.
        """
        published = self._published or await self._look()
        async with self._database.transaction(None) as tx:
            if not await places.any_waiting(tx):
                return 0
            await tx.lock(LOCK)
            await self._require_ours(tx, published)
            tree = await places.tree(tx)
            room = MOST_AHEAD - (tree.size - published.size)
            return await places.order(tx, tree, min(room, BATCH)) if room > 0 else 0

    async def publish(self) -> int:
        """The size of the log that is published now. Raises what `run` raises."""
        published = await self._look()
        # A note is sent out only once it is committed as the one note of its size.
        async with self._database.transaction(None) as tx:
            await tx.lock(LOCK)
            await self._require_ours(tx, published)
            signed = await self._sign(tx)
        self._steps("signed")
        if signed is None or signed.size <= published.size:
            return published.size
        await self._upload(published, signed)
        self._steps("uploaded")
        try:
            note = await self._cosigned(signed)
        except LotaError as error:
            if error.code == "WITNESS_AHEAD":
                self._published = None  # the guard of the start again: nothing more is placed
            raise
        self._steps("cosigned")
        swap = self._files.swap
        if await asyncio.to_thread(swap, CHECKPOINT, published.note, note.encode()):
            self._published = Published(note.encode(), signed.size, signed.root)
            await asyncio.to_thread(drop_partials, self._files, published.size, signed.size)
        else:  # another publisher was faster, with more entries or with fewer
            self._published = await self._look()
        self._steps("published")
        return self._published.size

    async def _look(self) -> Published:
        """What is published; the first time also what the witnesses have seen."""
        verifiers = [signer.verifier for signer in self._signers]
        published = await asyncio.to_thread(Published.read, self._files, verifiers)
        if self._published is None and self._witnesses is not None:
            await self._ask_witnesses(published)
        self._published = published
        return published

    async def _ask_witnesses(self, published: Published) -> None:
        """Returns if no witness has seen what this database did not sign. Raises `WITNESS_*`.

        They are asked with the newest note that was signed: a run that ended before it published
        may have shown them that one.
        """
        async with self._database.transaction(None) as tx:
            await self._require_ours(tx, published)
            newest = await places.newest(tx)
        if newest is None:
            return
        if newest.size > published.size:
            await self._upload(published, newest)  # what a proof for it is made from
        await self._cosigned(newest)

    async def _require_ours(self, tx: Transaction, published: Published) -> None:
        """Returns if this database signed what is published. Raises `AUDIT_FROZEN`."""
        if published.size:
            ours = await places.signed(tx, published.size)
            if ours is None or ours.root != published.root:
                detail = "The database is behind the published log, or holds another one."
                raise LotaError(Kind.CONFLICT, "AUDIT_FROZEN", detail, published=published.size)

    async def _sign(self, tx: Transaction) -> Signed | None:
        """The note of the whole tree, made now if it has none; None for an empty tree."""
        tree = await places.tree(tx)
        if not tree.size:
            return None
        if (signed := await places.signed(tx, tree.size)) is not None:
            return signed
        checkpoint = Checkpoint(self._signers[0].verifier.name, tree.size, tree.root())
        note = sign_checkpoint(checkpoint, self._signers, int(tx.began.timestamp()))
        signed = Signed(tree.size, checkpoint.root, note)
        await places.keep(tx, signed)
        return signed

    async def _upload(self, published: Published, signed: Signed) -> None:
        """Returns when all bundles and tiles of `signed` are there.

        Each is written again if a run before this one did not finish. Raises `AUDIT_ALTERED` where
        leaves, entries or the files to build upon are not those that were signed: nothing of that
        is uploaded.
        """
        edge = await asyncio.to_thread(Edge, self._files, published)
        if published.note is None:
            await asyncio.to_thread(self._files.put, [(KEYS, vkeys(self._signers).encode())])
        async with self._database.transaction(None) as tx:
            leaves = await places.leaves(tx, published.size, signed.size)
        whole = edge.tree.extend(leaves)
        if whole.size != signed.size or whole.root() != signed.root:
            raise _altered()
        while (start := edge.tree.size) < signed.size:
            end = min(signed.size, (start // CHUNK + 1) * CHUNK)
            async with self._database.transaction(None) as tx:
                entries = await places.entries(tx, start, end)
            hashes = leaves[start - published.size : end - published.size]
            await asyncio.to_thread(self._put, edge, entries, hashes)

    def _put(self, edge: Edge, entries: Sequence[bytes], leaves: Sequence[bytes]) -> None:
        if [leaf_hash(entry) for entry in entries] != leaves:
            raise _altered()
        self._files.put(edge.grow(entries, leaves))

    async def _cosigned(self, signed: Signed) -> str:
        """The note with the cosignatures of the witnesses. Raises `WITNESS_*`."""
        if self._witnesses is None:
            return signed.note

        async def prove(old: int, new: int) -> Sequence[bytes]:
            hashes = HashReader(tile_reader(self._files), new)
            return await asyncio.to_thread(prove_consistency, old, new, hashes)

        async def ours(size: int) -> bool:
            async with self._database.transaction(None) as tx:
                return await places.signed(tx, size) is not None

        origin = self._signers[0].verifier.name
        checkpoint = Checkpoint(origin, signed.size, signed.root)
        return await self._witnesses.cosigned(signed.note, checkpoint, prove, ours)


def _altered() -> LotaError:
    detail = "Entries in the database are not those that were placed and signed."
    return LotaError(Kind.CONFLICT, "AUDIT_ALTERED", detail)

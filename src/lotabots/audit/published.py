"""The log as it is published: its checkpoint, the tree it ends in, and receipts from its tiles."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple, Self
from uuid import UUID

import msgspec

from lotabots.audit import store
from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database import Transaction
from lotabots.runtime.files import Files
from lotabots.tlog import (
    EMPTY_ROOT,
    WIDTH,
    CompactRange,
    HashReader,
    NoteSigner,
    NoteVerifier,
    Tile,
    leaf_hash,
    make_receipt,
    narrowed,
    open_checkpoint,
    parse_path,
    prove_inclusion,
    verify_inclusion,
)

CHECKPOINT = "checkpoint"
"""The file that readers of the log look at first, and that is written last."""
KEYS = "log.vkey"
"""The keys of the log, for copies of it; they are not to be believed for that."""


LEVELS = 8
"""Levels of tiles that a log of 2**63 entries has."""


class Published(NamedTuple):
    """The newest checkpoint: its note (None before the first one), size and root."""

    note: bytes | None
    size: int
    root: bytes

    @classmethod
    def read(cls, files: Files, verifiers: Sequence[NoteVerifier]) -> Self:
        """What is published, signed by this log. Blocks.

        Raises `AUDIT_FROZEN` for a checkpoint of another log or key, `FILES_UNAVAILABLE`.
        """
        note = checkpoint(files)
        if note is None:
            return cls(None, 0, EMPTY_ROOT)
        try:
            head = open_checkpoint(note, verifiers)
        except LotaError as error:
            detail = "What is published is no checkpoint of this log: another name, or other keys."
            raise LotaError(Kind.CONFLICT, "AUDIT_FROZEN", detail, why=error.code) from error
        return cls(note, head.size, head.root)


def checkpoint(files: Files) -> bytes | None:
    """The note that is published, whoever signed it; None before the first one. Blocks."""
    try:
        return files.read(CHECKPOINT)
    except LotaError as error:
        if error.code != "FILE_MISSING":
            raise
        return None


def tile_reader(files: Files) -> Callable[[str], bytes]:
    """Reads tiles and bundles; a partial one that is gone is cut from the full one it became.

    What it gives raises `TLOG_PATH`, `FILE_MISSING`, `AUDIT_DAMAGED`, `FILES_UNAVAILABLE`. Blocks.
    """

    def read(path: str) -> bytes:
        try:
            return files.read(path)
        except LotaError as error:
            if error.code != "FILE_MISSING" or ".p/" not in path:
                raise
            tile = parse_path(path)
            full = files.read(Tile(tile.level, tile.number).path)
        try:
            return narrowed(tile, full)
        except LotaError as error:
            detail = f"{tile.path} is to be cut from a file that is damaged."
            raise LotaError(Kind.INTERNAL, "AUDIT_DAMAGED", detail) from error

    return read


def drop_partials(files: Files, old_size: int, new_size: int) -> None:
    """Removes the partial forms of those files that have become full (C2SP tlog-tiles). Blocks.

    Else each checkpoint would leave three files behind for ever.
    """
    for level in (None, *range(LEVELS)):
        shift = 8 * (level or 0)  # a tile is 256 wide
        number = (old_size >> shift) // WIDTH
        if new_size >> shift >= WIDTH * (number + 1):
            files.remove(f"{Tile(level, number).path}.p")


def tree_of(read: Callable[[str], bytes], published: Published) -> CompactRange:
    """The tree that is published, from the partial tiles that it ends in, every byte of them.

    Raises `AUDIT_ALTERED`, and what `read` raises.
    """
    get, start = HashReader(read, published.size), 0
    hashes: list[bytes] = []
    for level in reversed(range(published.size.bit_length())):
        if published.size >> level & 1:
            hashes.append(get(level, start >> level))
            start += 1 << level
    tree = CompactRange(published.size, tuple(hashes))
    if tree.root() != published.root:
        detail = "The published tiles are not those that were signed."
        raise LotaError(Kind.CONFLICT, "AUDIT_ALTERED", detail)
    return tree


def vkeys(signers: Sequence[NoteSigner]) -> str:
    """The public keys, one in a line (C2SP signed-note)."""
    return "".join(f"{signer.verifier.vkey()}\n" for signer in signers)


class Placed(msgspec.Struct, frozen=True):
    """An entry's place in the published log, and the receipt that proves it."""

    index: int
    receipt: str


class Located(msgspec.Struct, frozen=True):
    """An entry as it was stored, and its place in the tree."""

    index: int
    body: bytes


class Receipts:
    """Receipts of entries, made from the published files alone."""

    def __init__(self, files: Files, signers: Sequence[NoteSigner]) -> None:
        self._files = files
        self._verifiers = [signer.verifier for signer in signers]
        self._newest: Published | None = None
        self._hashes: HashReader | None = None

    async def locate(self, tx: Transaction, entry: UUID) -> Located:
        """Where an entry of the transaction's tenant stands.

        Raises `AUDIT_ENTRY_UNKNOWN`, and `RECEIPT_PENDING` until it has a place.
        """
        body = await store.body(tx, entry)
        if body is None:
            raise LotaError(Kind.NOT_FOUND, "AUDIT_ENTRY_UNKNOWN", "There is no such entry.")
        index = (await store.places(tx, [entry])).get(entry)
        if index is None:
            raise _pending()
        return Located(index, body)

    async def make(self, located: Located) -> Placed:
        """The receipt of an entry, with its bytes in it; belongs behind the transaction.

        Raises `RECEIPT_PENDING` until a checkpoint holds it, and `AUDIT_DAMAGED`.
        """
        receipt = await asyncio.to_thread(self._make, located.index, located.body)
        return Placed(located.index, receipt)

    def _make(self, index: int, body: bytes) -> str:
        try:  # what a disk has damaged would make a receipt that holds nowhere
            head = self._head()
            if head.note is None or index >= head.size:
                raise _pending()
            proof = prove_inclusion(index, head.size, self._reader(head.size))
            verify_inclusion(leaf_hash(body), index, head.size, proof, head.root)
        except LotaError as error:
            self._hashes = None
            if error.code in ("FILES_UNAVAILABLE", "RECEIPT_PENDING"):
                raise
            detail = "What is published does not lead from this entry to a checkpoint of this log."
            raise LotaError(Kind.INTERNAL, "AUDIT_DAMAGED", detail, entry=index) from error
        return make_receipt(index, proof, head.note.decode(), body)

    def _head(self) -> Published:
        """The newest checkpoint, signed by this log; its signatures are checked once."""
        known = self._newest
        if known is None or checkpoint(self._files) != known.note:
            known = self._newest = Published.read(self._files, self._verifiers)
        return known

    def _reader(self, size: int) -> HashReader:
        known = self._hashes
        if known is None or known.size != size:
            read = tile_reader(self._files)
            known = HashReader(read, size) if known is None else known.at(size)
            self._hashes = known
        return known


def _pending() -> LotaError:
    detail = "No checkpoint holds the entry yet; ask again in a second."
    return LotaError(Kind.CONFLICT, "RECEIPT_PENDING", detail)

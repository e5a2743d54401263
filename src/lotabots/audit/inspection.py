"""The database held against itself: the entries, their places, the tree, and what was signed."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import msgspec

from lotabots.audit import holdings
from lotabots.audit.holdings import Held, Standing, Tip
from lotabots.audit.places import HASH_BYTES, Signed
from lotabots.audit.types import Recorded, kind_of, person_of
from lotabots.kernel import LotaError, equal, format_time
from lotabots.runtime.database import Database
from lotabots.tlog import CompactRange, NoteVerifier, leaf_hash, open_checkpoint

BATCH = 4096
"""Rows that are held in memory at one time."""
FIRST_POSITION = -(2**63)
"""Of all that a bigint can be: nothing that waits is passed over."""
MOST_OF_A_CODE = 100
"""Findings of one code that are listed; the others are counted."""


class LogFinding(msgspec.Struct, frozen=True):
    """One thing that does not hold."""

    code: str
    where: str
    """`entry` with its place or its id, `checkpoint` with its size, `tree`, or a published path."""
    detail: str


class Findings:
    """Gathers what is found."""

    def __init__(self) -> None:
        self._listed: list[LogFinding] = []
        self._codes: Counter[str] = Counter()

    def finding(self, code: str, where: str, detail: str) -> None:
        """Adds one, while there is room for its code."""
        self._codes[code] += 1
        if self._codes[code] <= MOST_OF_A_CODE:
            self._listed.append(LogFinding(code, where, detail))

    @property
    def listed(self) -> tuple[LogFinding, ...]:
        """Those that there was room for, in the order they were found."""
        return tuple(self._listed)

    @property
    def untold(self) -> int:
        """How many more there are."""
        return self._codes.total() - len(self._listed)


class Inspection:
    """One pass over each table, and what it counted. A server may go on writing meanwhile."""

    def __init__(
        self, database: Database, verifiers: Sequence[NoteVerifier], findings: Findings
    ) -> None:
        """`database` in the role `lotabots_sequencer`, which sees every tenant's entries."""
        self._database = database
        self._verifiers = verifiers
        self._findings = findings
        self.entries = 0
        self.placed = 0
        self.waiting = 0
        self.checkpoints = 0

    async def run(self) -> None:
        """Returns when every row was held against the others; the findings have what was found."""
        async with self._database.transaction(None) as tx:
            tip = await holdings.tip(tx)
        tree = await self._leaves(tip.size)
        self._compare(tip, tree)
        async with self._database.transaction(None) as tx:
            beyond = await holdings.signed_beyond(tx, BATCH)
        for size in beyond:
            detail = "There are not so many leaves: the database lost some."
            self._findings.finding("AUDIT_CHECKPOINT_FALSE", f"checkpoint {size}", detail)
        self.checkpoints += len(beyond)
        await self._queue()
        await self._entries()

    async def _leaves(self, size: int) -> CompactRange | None:
        """The tree over so many leaves; None where one of them is missing."""
        tree, whole, at = CompactRange.EMPTY, True, 0
        while at < size:
            async with self._database.transaction(None) as tx:
                rows = await holdings.leaves(tx, at, size, BATCH)
                end = rows[-1].number + 1 if rows else size
                signed = await holdings.signed(tx, at, end)
            whole = whole and bool(rows)
            hashes: list[bytes] = []
            for row in rows:
                if row.number != at:
                    whole = False
                    last = row.number - 1
                    detail = "It is missing." if at == last else f"All up to {last} are missing."
                    self._findings.finding("AUDIT_GAP", f"entry {at}", detail)
                at = row.number + 1
                self._check(row, f"entry {row.number}")
                whole = whole and len(row.leaf) == HASH_BYTES
                if whole:
                    hashes.append(row.leaf)
            at = end
            tree = self._grown(tree, hashes, signed)
        return tree if whole else None

    def _grown(
        self, tree: CompactRange, hashes: Sequence[bytes], signed: Sequence[Signed]
    ) -> CompactRange:
        """The tree with these leaves; each checkpoint on the way is held against it."""
        start, end = tree.size, tree.size + len(hashes)
        for one in signed:
            self._check_note(one)
            if one.size > end:
                continue  # behind a leaf that is missing, which is what is to be said
            tree = tree.extend(hashes[tree.size - start : one.size - start])
            if not equal(tree.root(), one.root):
                detail = f"The first {one.size} leaves do not have the root that it says."
                self._findings.finding("AUDIT_CHECKPOINT_FALSE", f"checkpoint {one.size}", detail)
        self.checkpoints += len(signed)
        return tree.extend(hashes[tree.size - start :])

    def _check_note(self, one: Signed) -> None:
        where = f"checkpoint {one.size}"
        try:
            said = open_checkpoint(one.note, self._verifiers)
        except LotaError as error:
            self._findings.finding(error.code, where, error.detail)
            return
        if said.size != one.size or not equal(said.root, one.root):
            detail = "Its note was signed for another size or root than stand beside it."
            self._findings.finding("AUDIT_CHECKPOINT_FALSE", where, detail)

    def _compare(self, tip: Tip, tree: CompactRange | None) -> None:
        """Holds the stored state against the leaves, as far as those are all there."""
        try:
            kept = CompactRange.unpack(tip.tree or b"")
        except LotaError:
            detail = "The stored state of the tree cannot be read."
        else:
            if tree is None or kept == tree:
                return
            detail = f"The stored state is of {kept.size} leaves, and {tree.size} are there."
            if kept.size == tree.size:
                detail = "The stored state of the tree is not that of the leaves."
        self._findings.finding("AUDIT_TREE_MISMATCH", "tree", detail)

    async def _queue(self) -> None:
        """Holds what waits against its entries."""
        start = FIRST_POSITION
        while True:
            async with self._database.transaction(None) as tx:
                rows = await holdings.waiting(tx, start, BATCH)
            for row in rows:
                self._check(row, f"entry {row.entry_id}")
            if len(rows) < BATCH:
                return
            start = rows[-1].number + 1

    async def _entries(self) -> None:
        """Sees that each entry has one place, or waits for it."""
        start = UUID(int=0)
        while True:
            async with self._database.transaction(None) as tx:
                rows = await holdings.standings(tx, start, BATCH)
            for row in rows:
                self._check_standing(row)
            if len(rows) < BATCH:
                return
            start = UUID(int=rows[-1].id.int + 1)

    def _check_standing(self, row: Standing) -> None:
        self.entries += 1
        self.placed += row.places > 0
        self.waiting += row.waits > 0
        where = f"entry {row.id}"
        if row.places > 1:
            self._findings.finding("AUDIT_GAP", where, f"It has {row.places} places in the log.")
        if row.places and row.waits:
            detail = "It has its place, and waits for one all the same."
            self._findings.finding("AUDIT_STRANDED", where, detail)
        if not row.places and not row.waits:
            detail = "It has no place, and does not wait for one: it was lost from the queue."
            self._findings.finding("AUDIT_STRANDED", where, detail)

    def _check(self, row: Held, where: str) -> None:
        """Holds a leaf against its entry, and the entry against what it is found by."""
        if row.body is None:
            detail = f"The entry {row.entry_id} is gone from the database."
            self._findings.finding("AUDIT_ALTERED", where, detail)
        elif not equal(leaf_hash(row.body), row.leaf):
            detail = f"The entry {row.entry_id} and its leaf do not belong together."
            self._findings.finding("AUDIT_ALTERED", where, detail)
        elif not _well_filed(row, row.body):
            detail = f"The entry {row.entry_id} is filed under what it does not say."
            self._findings.finding("AUDIT_MISFILED", where, detail)


def _well_filed(row: Held, body: bytes) -> bool:
    """Whether the columns by which the entry is found repeat what it says."""
    try:
        said = msgspec.json.decode(body, type=Recorded)
    except msgspec.DecodeError:
        return False
    person = person_of(said.subject)
    # Version 1 had persons in clear text, in the column as in the entry.
    subject = said.subject if person is None or said.version == 1 else f"{person.kind}:"
    return (row.entry_id, row.tenant_id, row.verb, row.subject_ref, row.outcome) == (
        said.id, said.tenant, said.verb, subject, said.outcome
    ) and (row.actor_kind, row.at and format_time(row.at)) == (
        kind_of(said.actor), said.at
    )  # fmt: skip

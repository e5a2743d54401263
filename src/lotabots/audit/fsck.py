"""The operator's check: what was published against the database, and the database against itself.

1. the published files hold as a copy of this log: every byte, signed with its own keys
2. leaves are numbered without a gap, each is the hash of its entry, and the state is of their tree
3. each checkpoint that was signed is of the first so many leaves
4. each entry has one place or waits for it
5. the published checkpoint is one that this database signed; so both have the same entries
"""

import asyncio
from collections.abc import Sequence

import msgspec

from lotabots.audit import places
from lotabots.audit.inspection import Findings, Inspection, LogFinding
from lotabots.audit.mending import content, mend
from lotabots.audit.published import CHECKPOINT, KEYS, tile_reader, vkeys
from lotabots.kernel import equal
from lotabots.runtime.database import Database
from lotabots.runtime.files import Files
from lotabots.tlog import CopyReport, NoteSigner, verify_copy


class LogReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an installation holds of its log, and everything in it that does not hold."""

    origin: str
    entries: int
    placed: int
    waiting: int
    checkpoints: int
    published: int
    """The size of the published log; 0 where its checkpoint cannot be believed."""
    mended: tuple[str, ...]
    """Published files that were written again."""
    findings: tuple[LogFinding, ...]
    untold: int
    """Findings beyond those that are listed."""


async def check_log(
    database: Database, files: Files, signers: Sequence[NoteSigner], *, mending: bool = False
) -> LogReport:
    """Everything held against everything; a server may go on writing meanwhile.

    `database` in the role `lotabots_sequencer`. With `mending` published tiles, bundles and keys
    that are missing or damaged are written again, if everything else holds. Raises `DATABASE_*`,
    `FILES_UNAVAILABLE` where it cannot look.
    """
    verifiers = [signer.verifier for signer in signers]
    # The files first: whatever is published by then was signed, and placed, before that.
    copy = await asyncio.to_thread(_copy, files, signers)
    findings = Findings()
    inspection = Inspection(database, verifiers, findings)
    await inspection.run()
    await _require_ours(database, copy, inspection, findings)
    mended: list[str] = []
    if mending and copy.size and not findings.listed:
        mended = await mend(database, files, copy.size, [found.path for found in copy.findings])
        if await asyncio.to_thread(_keys_differ, files, signers):
            await asyncio.to_thread(files.put, [(KEYS, vkeys(signers).encode())])
            mended.append(KEYS)
    if mended:
        copy = await asyncio.to_thread(_copy, files, signers)
    for found in copy.findings:
        if found.code == "TLOG_FILE_MISSING" and found.path == CHECKPOINT:
            _nothing_published(inspection, findings)
        else:
            findings.finding(found.code, found.path, found.detail)
    if copy.size and await asyncio.to_thread(_keys_differ, files, signers):
        detail = "It does not hold the keys of this log, all of them and no other."
        findings.finding("AUDIT_KEYS_DIFFER", KEYS, detail)
    return LogReport(
        origin=verifiers[0].name,
        entries=inspection.entries,
        placed=inspection.placed,
        waiting=inspection.waiting,
        checkpoints=inspection.checkpoints,
        published=copy.size,
        mended=tuple(mended),
        findings=findings.listed,
        untold=findings.untold + copy.untold,
    )


def _copy(files: Files, signers: Sequence[NoteSigner]) -> CopyReport:
    """The published files, checked as any auditor would."""
    verifiers = [signer.verifier for signer in signers]
    return verify_copy(tile_reader(files), files.paths(), verifiers)


def _keys_differ(files: Files, signers: Sequence[NoteSigner]) -> bool:
    return content(files.read, KEYS) != vkeys(signers).encode()


def _nothing_published(inspection: Inspection, findings: Findings) -> None:
    """A finding where there is no checkpoint, and there was something to publish."""
    if inspection.checkpoints:
        detail = f"Nothing is published, and {inspection.checkpoints} checkpoints were signed."
        findings.finding("TLOG_FILE_MISSING", CHECKPOINT, detail)


async def _require_ours(
    database: Database, copy: CopyReport, inspection: Inspection, findings: Findings
) -> None:
    """A finding where the published checkpoint is not one that this database signed."""
    if not copy.size:
        return
    async with database.transaction(None) as tx:
        ours = await places.signed(tx, copy.size)
    if ours is not None and equal(ours.root, copy.root):
        return
    detail = f"The database did not sign the checkpoint of {copy.size} entries that is published."
    if inspection.placed < copy.size:
        detail = (
            f"{copy.size} entries are published, and the database has {inspection.placed} of them:"
            " it was restored from an older backup, or lost commits. It signs nothing more until"
            " the newer database is back."
        )
    findings.finding("AUDIT_FROZEN", CHECKPOINT, detail)

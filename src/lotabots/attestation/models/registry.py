"""The registry's use cases: register, show, list, approve, and move a stage.

A model is its content: its digest is the Merkle root over its files. Whoever registers it never
approves it; a stage moves only under a verdict that accepts, and forward, unless it is rolled back
to a version that it has had.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

import msgspec

from lotabots.appraisal.models import order_of
from lotabots.attestation.cursor import Cursor
from lotabots.attestation.models import store, work
from lotabots.attestation.models.store import ModelRow
from lotabots.attestation.models.types import (
    Approval,
    Model,
    ModelFile,
    ModelPage,
    ModelRegistration,
    ModelSummary,
    Motion,
    Move,
    RegisteredFile,
    Stage,
    StageMove,
    Verification,
)
from lotabots.audit import Entry, Journal
from lotabots.kernel import Kind, LotaError, Principal, Role, invalid, sha256_hex
from lotabots.models import FileEntry, path_findings, strong_root
from lotabots.runtime.database import Transaction

_FILES = msgspec.json.Decoder(tuple[RegisteredFile, ...])


def files_of(row: ModelRow) -> tuple[RegisteredFile, ...]:
    """The files of a model as they were registered."""
    return _FILES.decode(row.files)


class Registry:
    """The models of every tenant of this instance."""

    def __init__(self, journal: Journal, approvals: int) -> None:
        """`approvals`: how many others must approve a move."""
        self._journal = journal
        self._needed = approvals

    async def register(
        self, tx: Transaction, principal: Principal, given: ModelRegistration, now: datetime
    ) -> Model:
        """The model, registered; once more the same is the same.

        Raises `MODEL_MANIFEST`, `MODEL_VERSION_TAKEN`, `MODEL_REGISTERED`.
        """
        files = tuple(sorted(given.files, key=lambda file: file.path))
        digest = _digest(files)
        row = ModelRow(
            id=uuid4(),
            digest=digest,
            name=given.name,
            version=given.version,
            version_order=version_order(given.version),
            files=msgspec.json.encode(files),
            bundle=None if given.bundle is None else given.bundle.encode(),
            strong_bundle=None if given.strong_bundle is None else given.strong_bundle.encode(),
            registered_by=principal.user_id,
            registered_at=now,
        )
        if await store.insert(tx, row):
            await self._journal.append(tx, _registered(principal, row))
        else:
            await _same_or_refused(tx, row)
        return await self.show(tx, digest)

    async def show(self, tx: Transaction, digest: str) -> Model:
        """One model with everything known of it. Raises `MODEL_NOT_FOUND`."""
        row = await store.found(tx, digest)
        summary = await store.summary(tx, digest)
        files = files_of(row)
        here = await store.received(tx, [file.sha256 for file in files])
        verdict = await work.newest_verdict(tx, digest)
        return Model(
            **msgspec.structs.asdict(msgspec.convert(summary, ModelSummary)),
            files=tuple(
                ModelFile(
                    path=file.path,
                    size=file.size,
                    sha256=file.sha256,
                    uploaded=file.sha256 in here,
                )
                for file in files
            ),
            signed=row.bundle is not None,
            strong=row.strong_bundle is not None,
            versions=tuple(await store.versions(tx, row.name)),
            verification=await work.of_model(tx, digest),
            verdict=None
            if verdict is None
            else msgspec.json.decode(verdict[1], type=dict[str, object]),
            approvals=tuple(await store.approvals(tx, digest)),
            moves=tuple(await store.moves(tx, row.name)),
            running=tuple(await store.running(tx, digest)),
        )

    async def listed(
        self, tx: Transaction, name: str | None, after: str | None, limit: int
    ) -> ModelPage:
        """One page of models, newest first. Raises `CURSOR_MALFORMED`."""
        before = None if after is None else Cursor.read(after).place
        rows = await store.page(tx, name, before, limit + 1)
        last = rows[limit - 1] if len(rows) > limit else None
        return ModelPage(
            items=tuple(item for _, item in rows[:limit]),
            next=None if last is None else Cursor(last[1].registered_at, last[0]).text(),
        )

    async def verify(
        self, tx: Transaction, principal: Principal, digest: str, now: datetime
    ) -> Verification:
        """The verification of this model, begun or joined. Raises `MODEL_NOT_FOUND`."""
        await store.found(tx, digest)
        verification, new = await work.ask(tx, digest, principal.user_id, now)
        if new:
            await self._journal.append(tx, entry(principal, "model.verify", digest, "asked"))
        return verification

    async def approve(
        self, tx: Transaction, principal: Principal, digest: str, motion: Motion, now: datetime
    ) -> tuple[Approval, ...]:
        """The approvals of this model, the caller's among them.

        Raises `MODEL_NOT_FOUND`, `MODEL_NOT_ACCEPTED`, `MODEL_APPROVAL_OWN`,
        `MODEL_APPROVAL_PERSON`.
        """
        if principal.scope is not None or principal.role in (Role.SERVICE, Role.AGENT):
            detail = "A person approves, with a session; no API key and no program does."
            raise LotaError(Kind.AUTHORIZATION, "MODEL_APPROVAL_PERSON", detail)
        row = await store.found(tx, digest)
        if row.registered_by == principal.user_id:
            detail = "Whoever registered a model does not approve it."
            raise LotaError(Kind.AUTHORIZATION, "MODEL_APPROVAL_OWN", detail)
        verdict = await _accepted(tx, digest)
        if await store.approve(
            tx, digest, motion.stage, motion.move, verdict, principal.user_id, now
        ):
            digests = {"verdict": verdict}
            verb = f"model.approve.{motion.move}"
            await self._journal.append(tx, entry(principal, verb, digest, motion.stage, digests))
        return tuple(await store.approvals(tx, digest))

    async def move(
        self, tx: Transaction, principal: Principal, digest: str, motion: Motion, now: datetime
    ) -> StageMove:
        """The stage, with this version in it from now on.

        Raises `MODEL_NOT_FOUND`, `MODEL_NOT_ACCEPTED`, `MODEL_NOT_APPROVED`, `MODEL_NOT_NEWER`,
        `MODEL_NEVER_THERE`, `MODEL_THERE_ALREADY`.
        """
        row = await store.found(tx, digest)
        verdict = await _accepted(tx, digest)
        await tx.lock(f"stage {tx.tenant} {row.name} {motion.stage}")
        last = await store.last_move(tx, row.name, motion.stage)
        await _check_direction(tx, row, last, motion)
        await self._check_approved(tx, row, verdict, motion)
        moved = StageMove(
            stage=motion.stage,
            number=1 if last is None else last.number + 1,
            digest=digest,
            version=row.version,
            move=motion.move,
            moved_by=principal.user_id,
            moved_at=now,
        )
        await store.move(tx, row.name, moved)
        digests = {"verdict": verdict} | ({} if last is None else {"previous": last.digest})
        verb = f"model.{motion.move}"
        await self._journal.append(tx, entry(principal, verb, digest, motion.stage, digests))
        return moved

    async def is_approved(self, tx: Transaction, row: ModelRow, verdict: str) -> bool:
        """Whether enough others approved any move of this model under this verdict."""
        given = await store.approvals(tx, row.digest)
        return any(
            len(_approvers(given, row, verdict, Motion(stage=stage, move=move))) >= self._needed
            for stage in Stage
            for move in Move
        )

    async def _check_approved(
        self, tx: Transaction, row: ModelRow, verdict: str, motion: Motion
    ) -> None:
        given = _approvers(await store.approvals(tx, row.digest), row, verdict, motion)
        if len(given) < self._needed:
            detail = "Too few others have approved this move under the newest verdict."
            raise LotaError(
                Kind.CONFLICT, "MODEL_NOT_APPROVED", detail, given=len(given), needed=self._needed
            )


def _approvers(
    given: Sequence[Approval], row: ModelRow, verdict: str, motion: Motion
) -> frozenset[UUID]:
    """Who approved exactly this, other than who registered the model."""
    return frozenset(
        one.approved_by
        for one in given
        if (one.stage, one.move, one.verdict_digest) == (motion.stage, motion.move, verdict)
        and one.approved_by != row.registered_by
    )


async def _accepted(tx: Transaction, digest: str) -> str:
    """The digest of the newest verdict, which accepts. Raises `MODEL_NOT_ACCEPTED`."""
    newest = await work.of_model(tx, digest)
    if newest is None or newest.outcome != "accepted" or newest.verdict_digest is None:
        outcome = "none" if newest is None else newest.outcome or newest.state
        detail = "The newest verification of the model does not accept it."
        raise LotaError(Kind.CONFLICT, "MODEL_NOT_ACCEPTED", detail, verification=outcome)
    return newest.verdict_digest


async def _check_direction(
    tx: Transaction, row: ModelRow, last: StageMove | None, motion: Motion
) -> None:
    if last is not None and last.digest == row.digest:
        detail = "The stage has this version already."
        raise LotaError(Kind.CONFLICT, "MODEL_THERE_ALREADY", detail)
    match motion.move:
        case Move.PROMOTE:
            if last is not None and row.version_order <= version_order(last.version):
                detail = "The stage has a newer version; going back is a rollback."
                raise LotaError(Kind.CONFLICT, "MODEL_NOT_NEWER", detail, current=last.version)
        case Move.ROLLBACK:
            if not await store.has_had(tx, row.name, motion.stage, row.digest):
                detail = "A stage is rolled back to a version that it has had."
                raise LotaError(Kind.CONFLICT, "MODEL_NEVER_THERE", detail)


async def _same_or_refused(tx: Transaction, row: ModelRow) -> None:
    known = await store.find(tx, row.digest)
    if known is None:
        other = await store.of_version(tx, row.name, row.version_order)
        detail = "This version of the model is registered with another content."
        raise LotaError(Kind.CONFLICT, "MODEL_VERSION_TAKEN", detail, digest=other)
    same = (known.name, known.version, known.bundle, known.strong_bundle)
    if same != (row.name, row.version, row.bundle, row.strong_bundle):
        detail = "This content is registered under another name, version or signature."
        raise LotaError(
            Kind.CONFLICT, "MODEL_REGISTERED", detail, name=known.name, version=known.version
        )


def _digest(files: Sequence[RegisteredFile]) -> str:
    """What the model is called everywhere: its strong root. Raises `MODEL_MANIFEST`."""
    found = path_findings([file.path for file in files])
    if found:
        first = found[0]
        detail = f"A file's name cannot stand in a model: {first.title}"
        raise invalid("MODEL_MANIFEST", detail, finding=first.code, path=first.path[:200])
    entries = [
        FileEntry(path=file.path, size=file.size, digest=bytes.fromhex(file.sha256))
        for file in files
    ]
    return strong_root(entries).hex()


def version_order(version: str) -> tuple[int, ...]:
    """What the newer of two versions has more of. Raises `MODEL_VERSION`."""
    order = order_of(version)
    if order is None:
        detail = "A version is numbers joined by dots, such as 1.4.0."
        raise invalid("MODEL_VERSION", detail)
    return order


def _registered(principal: Principal, row: ModelRow) -> Entry:
    digests = {
        name: sha256_hex(bundle)
        for name, bundle in (("bundle", row.bundle), ("strong", row.strong_bundle))
        if bundle is not None
    }
    return entry(principal, "model.register", row.digest, "done", digests)


def entry(
    principal: Principal,
    verb: str,
    digest: str,
    outcome: str,
    digests: dict[str, str] | None = None,
) -> Entry:
    """The audit entry of what was done with a model."""
    return Entry(
        actor_ref=str(principal.user_id),
        verb=verb,
        subject_ref=f"model:{digest}",
        outcome=outcome,
        digests=digests or {},
    )

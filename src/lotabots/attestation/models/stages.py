"""Approvals, and the stages that they move.

Whoever registers a model never approves it. A stage moves only under a verdict that accepts, and
forward, unless it is rolled back to a version that it has had; each move needs its own approvals.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from lotabots.attestation.models import store, work
from lotabots.attestation.models.registry import entry, version_order
from lotabots.attestation.models.store import ModelRow
from lotabots.attestation.models.types import Approval, Approving, Motion, Move, Stage, StageMove
from lotabots.audit import Journal
from lotabots.kernel import Kind, LotaError, Principal, Role
from lotabots.runtime.database import Transaction


class Stages:
    """Which version of each model may run where."""

    def __init__(self, journal: Journal, approvals: int) -> None:
        """`approvals`: how many others must approve a move."""
        self._journal = journal
        self._needed = approvals

    async def approve(
        self, tx: Transaction, principal: Principal, digest: str, motion: Approving, now: datetime
    ) -> tuple[Approval, ...]:
        """The approvals of this model, the caller's among them.

        Raises `MODEL_NOT_FOUND`, `MODEL_NOT_ACCEPTED`, `MODEL_VERDICT_OTHER`, `MODEL_APPROVAL_OWN`,
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
        if motion.verdict not in (None, verdict):
            detail = "The model was judged again since; look at the newest verdict."
            raise LotaError(Kind.CONFLICT, "MODEL_VERDICT_OTHER", detail, newest=verdict)
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

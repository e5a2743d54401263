"""SQL of the registry: models, their stages and approvals, and pages of them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

import msgspec

from lotabots.attestation.models.types import (
    Approval,
    ModelSummary,
    ModelVersion,
    Move,
    Running,
    Stage,
    StageMove,
)
from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database import Transaction

MAX_SHOWN = 200
"""Of versions, moves, approvals and nodes of one model, the newest."""


class ModelRow(msgspec.Struct, frozen=True, kw_only=True):
    """A model as it was registered."""

    id: UUID
    digest: str
    name: str
    version: str
    version_order: tuple[int, ...]
    """By which of two versions the newer one is told."""
    files: bytes
    """JSON of `RegisteredFile`s, in code-point order of their paths."""
    bundle: bytes | None
    strong_bundle: bytes | None
    registered_by: UUID
    registered_at: datetime


_OUTCOME = (
    "(select v.outcome from attestation.verifications v where v.digest = m.digest"
    " and v.state = 'done' order by v.ended_at desc limit 1) as outcome"
)
_STAGES = (
    "array(select s.stage from (select distinct on (stage) stage, digest"
    " from attestation.stage_moves where name = m.name order by stage, number desc) s"
    " where s.digest = m.digest order by s.stage) as stages"
)
_SUMMARY = (
    f"select m.digest, m.name, m.version, m.registered_by, m.registered_at, {_OUTCOME}, {_STAGES}"  # noqa: S608 - constants
    " from attestation.models m"
)


async def insert(tx: Transaction, row: ModelRow) -> bool:
    """Whether it was stored: neither its content nor its version was registered before."""
    return bool(
        await tx.execute(
            "insert into attestation.models (id, digest, name, version, version_order, files,"
            " bundle, strong_bundle, registered_by, registered_at)"
            " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing",
            row.id,
            row.digest,
            row.name,
            row.version,
            row.version_order,
            row.files,
            row.bundle,
            row.strong_bundle,
            row.registered_by,
            row.registered_at,
        )
    )


async def find(tx: Transaction, digest: str) -> ModelRow | None:
    """The model of this digest."""
    return await tx.fetch_one(
        "select id, digest, name, version, version_order, files, bundle, strong_bundle,"
        " registered_by, registered_at from attestation.models where digest = $1",
        digest,
        into=ModelRow,
    )


async def found(tx: Transaction, digest: str) -> ModelRow:
    """The model of this digest. Raises `MODEL_NOT_FOUND`."""
    row = await find(tx, digest)
    if row is None:
        raise LotaError(Kind.NOT_FOUND, "MODEL_NOT_FOUND", "There is no such model.")
    return row


async def of_version(tx: Transaction, name: str, order: Sequence[int]) -> str | None:
    """The digest that this version of the name has."""
    return await tx.fetch_value(
        "select digest from attestation.models where name = $1 and version_order = $2",
        name,
        order,
        into=str,
    )


async def summary(tx: Transaction, digest: str) -> ModelSummary | None:
    """The model as a list shows it."""
    return await tx.fetch_one(f"{_SUMMARY} where m.digest = $1", digest, into=ModelSummary)


async def page(
    tx: Transaction, name: str | None, before: tuple[datetime, UUID] | None, limit: int
) -> list[tuple[UUID, ModelSummary]]:
    """Models with their row ids, newest first, from behind `before` on."""
    moment, last = before or (None, None)
    rows = await tx.fetch(
        f"{_SUMMARY.replace('select ', 'select m.id, ', 1)} where ($1::text is null or m.name = $1)"
        " and ($2::timestamptz is null or (m.registered_at, m.id) < ($2, $3::uuid))"
        " order by m.registered_at desc, m.id desc limit $4",
        name,
        moment,
        last,
        limit,
    )
    return [
        (msgspec.convert(row["id"], UUID), msgspec.convert(dict(row), ModelSummary)) for row in rows
    ]


async def versions(tx: Transaction, name: str) -> list[ModelVersion]:
    """The versions of a name, newest first."""
    return await tx.fetch(
        "select digest, version, registered_at from attestation.models where name = $1"
        " order by version_order desc limit $2",
        name,
        MAX_SHOWN,
        into=ModelVersion,
    )


async def received(tx: Transaction, digests: list[str]) -> set[str]:
    """Which of these contents lie where uploads are kept."""
    rows = await tx.fetch(
        "select sha256 from attestation.model_contents where sha256 = any($1::text[])", digests
    )
    return {str(row["sha256"]) for row in rows}


async def receive(tx: Transaction, sha256: str, now: datetime) -> None:
    """Notes that this content lies there."""
    await tx.execute(
        "insert into attestation.model_contents (id, sha256, received_at) values ($1, $2, $3)"
        " on conflict (tenant_id, sha256) do nothing",
        uuid4(),
        sha256,
        now,
    )


async def approve(
    tx: Transaction, digest: str, stage: Stage, move: Move, verdict: str, by: UUID, now: datetime
) -> bool:
    """Whether the approval is new."""
    return bool(
        await tx.execute(
            "insert into attestation.approvals (id, digest, stage, move, verdict_digest,"
            " approved_by, approved_at) values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing",
            uuid4(),
            digest,
            stage,
            move,
            verdict,
            by,
            now,
        )
    )


async def approvals(tx: Transaction, digest: str) -> list[Approval]:
    """The approvals of a model, newest first."""
    return await tx.fetch(
        "select stage, move, verdict_digest, approved_by, approved_at from attestation.approvals"
        " where digest = $1 order by approved_at desc limit $2",
        digest,
        MAX_SHOWN,
        into=Approval,
    )


async def moves(tx: Transaction, name: str) -> list[StageMove]:
    """The moves of the stages of a name, newest first."""
    return await tx.fetch(
        "select stage, number, digest, version, move, moved_by, moved_at"
        " from attestation.stage_moves where name = $1"
        " order by moved_at desc, number desc limit $2",
        name,
        MAX_SHOWN,
        into=StageMove,
    )


async def last_move(tx: Transaction, name: str, stage: Stage) -> StageMove | None:
    """The newest move of a stage: what it has now."""
    return await tx.fetch_one(
        "select stage, number, digest, version, move, moved_by, moved_at"
        " from attestation.stage_moves where name = $1 and stage = $2"
        " order by number desc limit 1",
        name,
        stage,
        into=StageMove,
    )


async def has_had(tx: Transaction, name: str, stage: Stage, digest: str) -> bool:
    """Whether the stage ever had this model."""
    return bool(
        await tx.fetch_value(
            "select exists (select from attestation.stage_moves"
            " where name = $1 and stage = $2 and digest = $3)",
            name,
            stage,
            digest,
        )
    )


async def move(tx: Transaction, name: str, moved: StageMove) -> None:
    """Stores a move. Raises `DATABASE_CONFLICT` if another came first."""
    await tx.execute(
        "insert into attestation.stage_moves (id, name, stage, number, digest, version, move,"
        " moved_by, moved_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        uuid4(),
        name,
        moved.stage,
        moved.number,
        moved.digest,
        moved.version,
        moved.move,
        moved.moved_by,
        moved.moved_at,
    )


async def stages(tx: Transaction, row: ModelRow) -> list[str]:
    """The stages that have this version now."""
    rows = await tx.fetch(
        "select stage from (select distinct on (stage) stage, digest"
        " from attestation.stage_moves where name = $1 order by stage, number desc) s"
        " where digest = $2 order by stage",
        row.name,
        row.digest,
    )
    return [str(one["stage"]) for one in rows]


async def newest_accepted(tx: Transaction, row: ModelRow) -> tuple[str, str] | None:
    """The newest older version of the name that was accepted: its version and digest.

    A newer one does not count: a stage may be rolled back to this version, under its own rules.
    """
    found = await tx.fetch_one(
        "select m.version, m.digest from attestation.models m where m.name = $1"
        " and m.version_order < $2 and exists (select from attestation.verifications v"
        " where v.digest = m.digest and v.outcome = 'accepted')"
        " order by m.version_order desc limit 1",
        row.name,
        row.version_order,
    )
    return None if found is None else (str(found["version"]), str(found["digest"]))


async def next_status_index(tx: Transaction) -> int:
    """The place in the status list of a result that is issued now."""
    value = await tx.fetch_value("select nextval('attestation.status_index')", into=int)
    return 0 if value is None else value


async def running(tx: Transaction, digest: str) -> list[Running]:
    """The nodes whose newest attestation says that they hold this model."""
    return await tx.fetch(
        "select n.id as node, n.name, d.status, a.created_at as at"
        " from attestation.nodes n cross join lateral ("
        "  select id, created_at from attestation.attestations"
        "  where hardware_id = n.id::text order by created_at desc limit 1) a"
        " join attestation.devices d on d.attestation_id = a.id"
        " where d.kind = 'model' and d.device_id = $1 order by n.name limit $2",
        digest,
        MAX_SHOWN,
        into=Running,
    )

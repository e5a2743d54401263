"""What operators do not vouch for any more: made, lifted, and laid before every appraisal.

A revocation speaks about a thing by its name (a device id, a file's digest, a driver version), so
it holds for nodes that nobody thought of. Results that stand on the thing are revoked with it.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID, uuid4

import msgspec

from lotabots.attestation import results_store
from lotabots.attestation.notices import Data, Notice, Told, tell, tell_all
from lotabots.attestation.types import Request, Response
from lotabots.audit import Entry, Journal
from lotabots.evidence import Revocation
from lotabots.kernel import Kind, LotaError, Principal, canonical, sha256_hex
from lotabots.runtime.database import Transaction

MOST = 10_000
"""Things in force in one tenant: each appraisal holds its node against all of them. Of nodes there
may be any number: what takes a node out of service is never refused."""

OF_NODES = ("node", "quarantine")
_PLAIN = r"^[^\x00-\x1f\x7f]+\Z"
RevocationKind = Literal["node", "quarantine", "device", "reference", "key", "driver"]
Thing = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=_PLAIN)]
Words = Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=_PLAIN)]


class RevocationRequest(Request, frozen=True, kw_only=True):
    """What to revoke, and why. Nodes are revoked and quarantined by their own routes."""

    kind: Literal["device", "reference", "key", "driver"]
    value: Thing
    reason: Words


class RevocationRow(Response, frozen=True, kw_only=True):
    """A revocation as it is stored."""

    id: UUID
    kind: RevocationKind
    value: str
    reason: str
    made_by: UUID
    made_at: datetime
    lifted_by: UUID | None
    lifted_at: datetime | None


class Made(Response, frozen=True, kw_only=True):
    """A revocation, and what it hit."""

    revocation: RevocationRow
    affected: tuple[UUID, ...]
    """The nodes of which the newest attestation, or a result in force, stands on the thing."""
    results: int
    """Results that were in force and are not any more."""


_SHOWN = "id, kind, value, reason, made_by, made_at, lifted_by, lifted_at"


async def in_force(tx: Transaction) -> tuple[Revocation, ...]:
    """Every revocation of this tenant that holds now, in the order of kinds and values."""
    rows = await tx.fetch(
        "select kind, value, reason from attestation.revocations where lifted_at is null"
        " order by kind, value",
        into=Revocation,
    )
    return tuple(rows)


async def listed(tx: Transaction, *, everything: bool, most: int) -> list[RevocationRow]:
    """The newest revocations; with `everything` also those that were lifted."""
    return await tx.fetch(
        f"select {_SHOWN} from attestation.revocations where $1 or lifted_at is null"  # noqa: S608 - constants
        " order by made_at desc, id limit $2",
        everything,
        most,
        into=RevocationRow,
    )


async def put(
    tx: Transaction, kind: RevocationKind, value: str, reason: str, by: UUID, now: datetime
) -> RevocationRow | None:
    """The revocation, new; None where the same thing is revoked already.

    Raises `REVOCATIONS_TOO_MANY`.
    """
    held = await tx.fetch_value(
        "select count(*) from attestation.revocations"
        " where lifted_at is null and kind not in ('node', 'quarantine')",
        into=int,
    )
    if kind not in OF_NODES and (held or 0) >= MOST:
        detail = f"There are {MOST} revocations in force; lift some that are of no use any more."
        raise LotaError(Kind.CONFLICT, "REVOCATIONS_TOO_MANY", detail)
    return await tx.fetch_one(
        "insert into attestation.revocations (id, kind, value, reason, made_by, made_at)"  # noqa: S608 - constants
        " values ($1, $2, $3, $4, $5, $6)"
        " on conflict (tenant_id, kind, value) where lifted_at is null do nothing"
        f" returning {_SHOWN}",
        uuid4(),
        kind,
        value,
        reason,
        by,
        now,
        into=RevocationRow,
    )


async def take_back(
    tx: Transaction, kind: RevocationKind, value: str, by: UUID, now: datetime
) -> bool:
    """Whether there was a revocation of this thing in force, which is lifted now."""
    lifted = await tx.execute(
        "update attestation.revocations set lifted_by = $3, lifted_at = $4"
        " where kind = $1 and value = $2 and lifted_at is null",
        kind,
        value,
        by,
        now,
    )
    return lifted == 1


async def make(
    tx: Transaction,
    journal: Journal,
    principal: Principal,
    request: RevocationRequest,
    now: datetime,
) -> Made:
    """The revocation, in force for every appraisal from now on; what stood on it is over.

    Raises `REVOCATION_EXISTS`, `REVOCATIONS_TOO_MANY`.
    """
    row = await put(tx, request.kind, request.value, request.reason, principal.user_id, now)
    if row is None:
        raise LotaError(Kind.CONFLICT, "REVOCATION_EXISTS", "This is revoked already.")
    hit = await results_store.standing_on(tx, request.kind, request.value, now)
    because = because_of(request.kind, request.value)
    over = await results_store.revoke_of_each(tx, hit, because, now)
    revoked = sum(over.values())
    made: Data = {
        "kind": row.kind,
        "value": row.value,
        "reason": row.reason,
        "affected": len(hit),
        "results": revoked,
    }
    told = [Told(Notice.REVOCATION_MADE, None, made)]
    for node, results in over.items():
        ended: Data = {"results": results, "because": because}
        told.append(Told(Notice.RESULTS_REVOKED, node, ended))
    await tell_all(tx, told, now)
    await journal.append(tx, _entry(principal, "revocation.make", row))
    return Made(revocation=row, affected=tuple(hit), results=revoked)


async def lift(
    tx: Transaction, journal: Journal, principal: Principal, revocation: UUID, now: datetime
) -> RevocationRow:
    """The revocation, lifted. Raises `REVOCATION_NOT_FOUND`, `REVOCATION_OF_NODE`.

    Results that it revoked stay revoked: whoever needs one attests anew.
    """
    row = await tx.fetch_one(
        f"select {_SHOWN} from attestation.revocations where id = $1",  # noqa: S608 - constants
        revocation,
        into=RevocationRow,
    )
    if row is None or row.lifted_at is not None:
        detail = "There is no such revocation in force."
        raise LotaError(Kind.NOT_FOUND, "REVOCATION_NOT_FOUND", detail)
    if row.kind in OF_NODES:
        detail = "A quarantine ends by releasing the node; a revoked node stays revoked."
        raise LotaError(Kind.CONFLICT, "REVOCATION_OF_NODE", detail)
    await take_back(tx, row.kind, row.value, principal.user_id, now)
    await tell(tx, Notice.REVOCATION_LIFTED, None, {"kind": row.kind, "value": row.value}, now)
    await journal.append(tx, _entry(principal, "revocation.lift", row))
    return msgspec.structs.replace(row, lifted_by=principal.user_id, lifted_at=now)


def because_of(kind: RevocationKind, value: str) -> str:
    """Why a result is over that stood on this thing."""
    return (
        f"node {value} is in quarantine" if kind == "quarantine" else f"{kind} {value} was revoked"
    )


def _entry(principal: Principal, verb: str, row: RevocationRow) -> Entry:
    return Entry(
        actor_ref=str(principal.user_id),
        verb=verb,
        subject_ref=f"revocation:{row.id}",
        outcome="done",
        digests={"thing": sha256_hex(canonical({"kind": row.kind, "value": row.value}))},
    )

"""SQL that reads attestations back: pages of them, and one with all that belongs to it."""

from datetime import datetime
from uuid import UUID

import msgspec

from lotabots.attestation.store import AttestationRow, EvidenceRow, ResultRow
from lotabots.attestation.types import AttestationSummary
from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database import Transaction

MAX_TRIALS = 20


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which attestations to list; None lists all."""

    hardware_id: str | None = None
    attestation_type: str | None = None
    status: str | None = None


_PAGE = """
select id, hardware_id, attestation_type, status, metadata, created_at
from attestation.attestations
where ($1::text is null or hardware_id = $1)
    and ($2::text is null or attestation_type = $2)
    and ($3::text is null or status = $3)
    and ($4::timestamptz is null or (created_at, id) < ($4, $5::uuid))
order by created_at desc, id desc limit $6
"""


async def page(
    tx: Transaction, wanted: Wanted, before: tuple[datetime, UUID] | None, limit: int
) -> list[AttestationSummary]:
    """Attestations, newest first, from behind `before` on."""
    moment, last = before or (None, None)
    return await tx.fetch(
        _PAGE,
        wanted.hardware_id,
        wanted.attestation_type,
        wanted.status,
        moment,
        last,
        limit,
        into=AttestationSummary,
    )


async def found(tx: Transaction, attestation_id: UUID) -> AttestationRow:
    """One attestation. Raises `ATTESTATION_NOT_FOUND`."""
    row = await tx.fetch_one(
        "select id, hardware_id, attestation_type, status, metadata, created_at, challenge_id,"
        " policy_id, reference_digest, collateral_digest, appraisal_digest, appraiser_version,"
        " appraiser_digest, inputs_sha256, verdict"
        " from attestation.attestations where id = $1",
        attestation_id,
        into=AttestationRow,
    )
    if row is None:
        raise _not_found()
    return row


async def parcel_of(tx: Transaction, attestation_id: UUID) -> bytes:
    """The manifest and the evidence of an attestation. Raises `ATTESTATION_NOT_FOUND`."""
    parcel = await tx.fetch_value(
        "select parcel from attestation.attestations where id = $1", attestation_id, into=bytes
    )
    if parcel is None:
        raise _not_found()
    return parcel


async def evidence_of(tx: Transaction, attestation_id: UUID) -> list[EvidenceRow]:
    """What an attestation was judged from, by content."""
    return await tx.fetch(
        "select subject, scheme, data_sha256, certificates_sha256 from attestation.evidence"
        " where attestation_id = $1",
        attestation_id,
        into=EvidenceRow,
    )


async def result_of(tx: Transaction, attestation_id: UUID) -> ResultRow:
    """What the attestation's result was made of. Raises `ATTESTATION_NOT_FOUND`."""
    row = await tx.fetch_one(
        "select id, session_key, status_index, issued_at, expires_at from attestation.results"
        " where attestation_id = $1",
        attestation_id,
        into=ResultRow,
    )
    if row is None:
        raise _not_found()
    return row


async def entry_of(tx: Transaction, attestation_id: UUID) -> UUID:
    """The audit entry of an attestation. Raises `ATTESTATION_NOT_FOUND`."""
    entry = await tx.fetch_value(
        "select entry_id from attestation.attestations where id = $1", attestation_id, into=UUID
    )
    if entry is None:
        raise _not_found()
    return entry


async def newest_of_each(tx: Transaction) -> list[UUID]:
    """The newest attestation of each of the nodes attested last, at most `MAX_TRIALS`."""
    rows = await tx.fetch(
        "select id from (select distinct on (hardware_id) id, created_at"
        " from attestation.attestations order by hardware_id, created_at desc, id desc) newest"
        " order by created_at desc limit $1",
        MAX_TRIALS,
        into=_Id,
    )
    return [row.id for row in rows]


class _Id(msgspec.Struct):
    id: UUID


def _not_found() -> LotaError:
    return LotaError(Kind.NOT_FOUND, "ATTESTATION_NOT_FOUND", "There is no such attestation.")

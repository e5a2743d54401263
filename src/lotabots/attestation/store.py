"""SQL of one attestation from challenge to result: few statements, each one round trip."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from lotabots.appraisal import NodeState
from lotabots.attestation.known_node import KNOWN, OF_NODE, KnownNode
from lotabots.attestation.session import Challenge
from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database import Transaction


class Spent(Challenge, frozen=True, kw_only=True):
    """A challenge just spent, and the place in the status list that its result gets."""

    status_index: int


class StandingRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a verdict makes of its node. All None: it counts as silence, and was only tried."""

    standing: str | None = None
    known: str | None = None
    """The digest of the state that the verdict was made from."""
    state: NodeState | None = None
    stale_in: timedelta | None = None
    """The silence that makes the node stale, and the one that has it rejected; None: none does."""
    rejected_in: timedelta | None = None


class EvidenceRow(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence of one device, by content."""

    subject: str
    scheme: str
    data_sha256: str
    certificates_sha256: str


class DeviceRow(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on one device. `standing` is set where the device's own standing changes."""

    subject: str
    kind: str
    device_id: str | None
    status: str
    tier: int
    level: str
    simulated: bool
    standing: str | None = None


class AttestationRow(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored about one attestation, beside its evidence and devices."""

    id: UUID
    hardware_id: str
    attestation_type: str
    status: str
    metadata: dict[str, object]
    created_at: datetime
    challenge_id: UUID
    policy_id: str
    reference_digest: str
    collateral_digest: str
    appraisal_digest: str
    appraiser_version: str
    appraiser_digest: str
    inputs_sha256: str
    verdict: bytes


class ResultRow(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed to sign the same result again. `id` is the token's jti."""

    id: UUID
    session_key: bytes
    status_index: int
    issued_at: datetime
    expires_at: datetime


async def insert_challenge(tx: Transaction, challenge: Challenge, now: datetime) -> None:
    """Stores a challenge. The nonce itself is not in it."""
    await tx.execute(
        "insert into attestation.challenges (id, node_id, policy_id, nonce_sha256,"
        " session_key_sha256, inventory, expires_at, scope, created_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        *msgspec.structs.astuple(challenge),
        now,
    )


class Spending(msgspec.Struct, frozen=True, kw_only=True):
    """A challenge that a caller wants spent. `node` limits it to that node's challenges."""

    challenge: UUID
    node: UUID | None
    now: datetime


_SPEND = f"""
with asked as (
    select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) a (id, own, now)
), spent as (
    update attestation.challenges c set spent_at = a.now from asked a
    where c.id = a.id and c.spent_at is null and (a.own is null or c.node_id = a.own)
    returning c.id, c.node_id as of_node, c.policy_id, c.nonce_sha256, c.session_key_sha256,
        c.inventory, c.expires_at, c.scope, nextval('attestation.status_index') as status_index
)
select s.*, {KNOWN} from spent s, {OF_NODE} where n.id = s.of_node
"""  # noqa: S608 - constants


async def spend(
    tx: Transaction, asked: Sequence[Spending]
) -> list[tuple[Spent, KnownNode] | LotaError]:
    """Of each challenge: it, spent when this transaction commits, and its node; or why it is not.

    The challenges are different ones. Of any number of callers of one challenge one gets it. The
    reasons are `CHALLENGE_NOT_FOUND`, `CHALLENGE_SPENT`, `NODE_NOT_YOURS`.
    """
    ordered = sorted(asked, key=lambda one: one.challenge)  # two who lock the same, in one order
    rows = await tx.fetch(_SPEND, *_columns(Spending, ordered))
    spent = {row["id"]: row for row in rows}
    return [
        await _why_not_spendable(tx, one.challenge, one.node)
        if (row := spent.get(one.challenge)) is None
        else (msgspec.convert(row, Spent), msgspec.convert(row, KnownNode))
        for one in asked
    ]


async def _why_not_spendable(tx: Transaction, challenge_id: UUID, node: UUID | None) -> LotaError:
    owner = await tx.fetch_value(
        "select node_id from attestation.challenges where id = $1", challenge_id, into=UUID
    )
    if owner is None:
        return LotaError(Kind.NOT_FOUND, "CHALLENGE_NOT_FOUND", "There is no such challenge.")
    if node is not None and owner != node:
        detail = "An agent acts for its own node only."
        return LotaError(Kind.AUTHORIZATION, "NODE_NOT_YOURS", detail)
    return LotaError(Kind.CONFLICT, "CHALLENGE_SPENT", "The challenge was used before.")


# One statement, so one round trip, however many: constraints between its rows are checked at its
# end. A state is followed by the one that was made from it, and by no other; but a rejection always
# counts. Nothing is accepted of a node that an operator took out of service while it was judged.
_RECORD = """
with new as materialized (
    select * from unnest(
        $1::uuid[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::timestamptz[], $7::uuid[],
        $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
        $15::bytea[], $16::bytea[], $17::uuid[], $18::uuid[], $19::bytea[], $20::bigint[],
        $21::timestamptz[], $22::timestamptz[], $23::boolean[], $24::text[], $25::text[],
        $26::jsonb[], $27::interval[], $28::interval[]
    ) as new (
        id, hardware_id, attestation_type, status, metadata, created_at, challenge_id, policy_id,
        reference_digest, collateral_digest, appraisal_digest, appraiser_version, appraiser_digest,
        inputs_sha256, verdict, parcel, entry_id, result_id, session_key, status_index, issued_at,
        expires_at, own, standing, known, state, stale_in, rejected_in
    )
), device as materialized (
    select * from unnest(
        $34::uuid[], $35::text[], $36::text[], $37::text[], $38::text[], $39::int[], $40::text[],
        $41::boolean[], $42::text[]
    ) as device (
        attestation_id, subject, kind, device_id, status, tier, level, simulated, standing
    )
), attestation as (
    insert into attestation.attestations (
        id, hardware_id, attestation_type, status, metadata, created_at, challenge_id, policy_id,
        reference_digest, collateral_digest, appraisal_digest, appraiser_version, appraiser_digest,
        inputs_sha256, verdict, parcel, entry_id
    )
    select id, hardware_id, attestation_type, status, metadata, created_at, challenge_id, policy_id,
        reference_digest, collateral_digest, appraisal_digest, appraiser_version, appraiser_digest,
        inputs_sha256, verdict, parcel, entry_id
    from new
), evidence as (
    insert into attestation.evidence (
        id, attestation_id, subject, scheme, data_sha256, certificates_sha256
    )
    select gen_random_uuid(), e.*
    from unnest($29::uuid[], $30::text[], $31::text[], $32::text[], $33::text[]) e
), devices as (
    insert into attestation.devices (
        id, attestation_id, subject, kind, device_id, status, tier, level, simulated
    )
    select gen_random_uuid(), attestation_id, subject, kind, device_id, status, tier, level,
        simulated
    from device
), device_standing as (
    update attestation.inventory i set standing = device.standing, standing_at = new.created_at
    from device join new on new.id = device.attestation_id
    where i.node_id = new.hardware_id::uuid and i.kind = device.kind
        and i.device_id = device.device_id and device.standing is not null
), result as (
    insert into attestation.results (
        id, attestation_id, session_key, status_index, issued_at, expires_at
    )
    select result_id, id, session_key, status_index, issued_at, expires_at from new
), following as (
    insert into attestation.challenges (
        id, node_id, policy_id, nonce_sha256, session_key_sha256, inventory, expires_at, scope,
        created_at
    )
<<<<<<< HEAD
    select * from unnest(
        $43::uuid[], $44::uuid[], $45::text[], $46::bytea[], $47::text[], $48::bytea[],
        $49::timestamptz[], $50::text[], $51::timestamptz[]
    ) following
), before as materialized (
    select n.id, n.standing, md5(concat(n.lifecycle, n.state::text)) as state_digest
    from new join attestation.nodes n on n.id = new.hardware_id::uuid
    where new.own order by n.id for update of n
=======
    select $41::uuid, $42::uuid, $43::text, $44::bytea, $45::text, $46::bytea, $47::timestamptz,
        $48::text, $6 where $41::uuid is not null
), before as (
    select id, standing, md5(concat(lifecycle, state::text)) as state_digest
    from attestation.nodes where id = $2::uuid and $35::boolean for update
>>>>>>> main
)
update attestation.nodes n set
    last_attempt_at = now(),
    standing = coalesce(new.standing, n.standing),
    standing_at = case when new.standing is null then n.standing_at else new.created_at end,
    last_success_at = case when new.standing = 'accepted' then now() else n.last_success_at end,
    state = coalesce(new.state, n.state),
    due_at = case when new.standing is null then n.due_at else now() + new.stale_in end,
    overdue_at = case when new.standing is null then n.overdue_at else now() + new.rejected_in end
from before join new on new.hardware_id::uuid = before.id
where n.id = before.id
    and (new.standing is null or new.standing = 'rejected'
        or before.state_digest is not distinct from new.known)
returning new.id, before.standing
"""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """An attestation and all that belongs to it, before it is stored."""

    row: AttestationRow
    parcel: bytes
    entry_id: UUID
    """That of its audit entry."""
    evidence: Sequence[EvidenceRow]
    devices: Sequence[DeviceRow]
    result: ResultRow
    node: StandingRow | None
    """None where the node itself did not send it: then nothing of it changes."""
    following: Challenge | None
    """The challenge that goes out with the answer."""


class _Before(msgspec.Struct, frozen=True):
    id: UUID
    standing: str


async def record(tx: Transaction, new: Sequence[Record]) -> list[str | None]:
    """How each node stood before, where the attestation is one of its own; else None.

    The nodes are different ones. Raises `NODE_STATE_CHANGED` where a node was judged meanwhile from
    the same state.
    """
    following = [(one.following, one.row.created_at) for one in new if one.following is not None]
    rows = await tx.fetch(
        _RECORD,
        *_columns(AttestationRow, [one.row for one in new]),
        [one.parcel for one in new],
        [one.entry_id for one in new],
        *_columns(ResultRow, [one.result for one in new]),
        [one.node is not None for one in new],
        *_columns(StandingRow, [one.node or StandingRow() for one in new]),
        [one.row.id for one in new for _ in one.evidence],
        *_columns(EvidenceRow, [row for one in new for row in one.evidence]),
        [one.row.id for one in new for _ in one.devices],
        *_columns(DeviceRow, [row for one in new for row in one.devices]),
        *_columns(Challenge, [challenge for challenge, _ in following]),
        [now for _, now in following],
        into=_Before,
    )
    before = {row.id: row.standing for row in rows}
    if any(one.node is not None and one.row.id not in before for one in new):
        detail = "Another verdict on this node came meanwhile."
        raise LotaError(Kind.CONFLICT, "NODE_STATE_CHANGED", detail)
    return [before.get(one.row.id) for one in new]


def _columns(of: type[msgspec.Struct], rows: Sequence[msgspec.Struct]) -> list[list[object]]:
    return [[getattr(row, name) for row in rows] for name in of.__struct_fields__]

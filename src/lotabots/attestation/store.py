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


# In the order of their ids: two that spend the same ones wait, and never for each other.
_SPEND = f"""
with wanted as (
    select w.* from unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) w (id, node, at)
), held as (
    select c.id, w.at from attestation.challenges c join wanted w on w.id = c.id
    where c.spent_at is null and (w.node is null or c.node_id = w.node) order by c.id
    for update of c
), spent as (
    update attestation.challenges c set spent_at = h.at from held h where c.id = h.id
    returning c.id, c.node_id as of_node, c.policy_id, c.nonce_sha256, c.session_key_sha256,
        c.inventory, c.expires_at, c.scope, nextval('attestation.status_index') as status_index
)
select s.*, {KNOWN} from spent s, {OF_NODE} where n.id = s.of_node
"""  # noqa: S608 - constants


class Wanted(msgspec.Struct, frozen=True):
    """A challenge that somebody wants to spend."""

    challenge: UUID
    node: UUID | None
    """Limits it to that node's challenges: a stranger cannot spend one."""
    at: datetime


async def spend(
    tx: Transaction, wanted: Sequence[Wanted]
) -> list[tuple[Spent, KnownNode] | LotaError]:
    """For each the challenge, spent when this transaction commits, and its node; or why not.

    Of any number of callers who want one challenge, one gets it; the others, and those whose it is
    not, get `CHALLENGE_SPENT`, `CHALLENGE_NOT_FOUND` or `NODE_NOT_YOURS`.
    """
    given: dict[Wanted, tuple[Spent, KnownNode]] = {}
    left = list(dict.fromkeys(wanted))
    while left:  # more than once only where different callers want one challenge
        now = {one.challenge: one for one in reversed(left)}
        left = [one for one in left if now[one.challenge] is not one]
        rows = await tx.fetch(
            _SPEND,
            list(now),
            [one.node for one in now.values()],
            [one.at for one in now.values()],
        )
        for row in rows:
            spent = msgspec.convert(row, Spent)
            given[now[spent.id]] = spent, msgspec.convert(row, KnownNode)
    return [
        given.pop(one) if one in given else await _why_not_spendable(tx, one) for one in wanted
    ]


async def _why_not_spendable(tx: Transaction, wanted: Wanted) -> LotaError:
    owner = await tx.fetch_value(
        "select node_id from attestation.challenges where id = $1", wanted.challenge, into=UUID
    )
    if owner is None:
        return LotaError(Kind.NOT_FOUND, "CHALLENGE_NOT_FOUND", "There is no such challenge.")
    if wanted.node is not None and owner != wanted.node:
        detail = "An agent acts for its own node only."
        return LotaError(Kind.AUTHORIZATION, "NODE_NOT_YOURS", detail)
    return LotaError(Kind.CONFLICT, "CHALLENGE_SPENT", "The challenge was used before.")


# One statement, so one round trip: constraints between its rows are checked at its end. A state is
# followed by the one that was made from it, and by no other; but a rejection always counts.
_RECORD = """
with attestation as (
    insert into attestation.attestations (
        id, hardware_id, attestation_type, status, metadata, created_at, challenge_id, policy_id,
        reference_digest, collateral_digest, appraisal_digest, appraiser_version, appraiser_digest,
        inputs_sha256, verdict, parcel, entry_id
    ) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
), evidence as (
    insert into attestation.evidence (
        id, attestation_id, subject, scheme, data_sha256, certificates_sha256
    )
    select gen_random_uuid(), $1, e.*
    from unnest($18::text[], $19::text[], $20::text[], $21::text[]) e
), devices as (
    insert into attestation.devices (
        id, attestation_id, subject, kind, device_id, status, tier, level, simulated
    )
    select gen_random_uuid(), $1, d.*
    from unnest($22::text[], $23::text[], $24::text[], $25::text[], $26::int[], $27::text[],
        $28::boolean[]) d
), device_standing as (
    update attestation.inventory i set standing = s.standing, standing_at = $6
    from unnest($23::text[], $24::text[], $29::text[]) s (kind, device_id, standing)
    where i.node_id = $2::uuid and i.kind = s.kind and i.device_id = s.device_id
        and s.standing is not null
), result as (
    insert into attestation.results (
        id, attestation_id, session_key, status_index, issued_at, expires_at
    ) values ($30, $1, $31, $32, $33, $34)
), following as (
    insert into attestation.challenges (
        id, node_id, policy_id, nonce_sha256, session_key_sha256, inventory, expires_at, scope,
        created_at
    )
    select $41::uuid, $42::uuid, $43::text, $44::bytea, $45::text, $46::bytea, $47::timestamptz,
        $48::text, $6 where $41::uuid is not null
), before as (
    select id, standing, md5(state::text) as state_digest
    from attestation.nodes where id = $2::uuid and $35::boolean for update
)
update attestation.nodes n set
    last_attempt_at = now(),
    standing = coalesce($36, n.standing),
    standing_at = case when $36 is null then n.standing_at else $6 end,
    last_success_at = case when $36 = 'accepted' then now() else n.last_success_at end,
    state = coalesce($38, n.state),
    due_at = case when $36 is null then n.due_at else now() + $39::interval end,
    overdue_at = case when $36 is null then n.overdue_at else now() + $40::interval end
from before where n.id = before.id
    and ($36::text is null or $36 = 'rejected'
        or before.state_digest is not distinct from $37::text)
returning before.standing
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


async def record(tx: Transaction, new: Record) -> str | None:
    """How the node stood before, where this attestation is one of its own; else None.

    Raises `NODE_STATE_CHANGED` where the node was judged meanwhile from the same state.
    """
    node = new.node or StandingRow()
    before = await tx.fetch_value(
        _RECORD,
        *msgspec.structs.astuple(new.row),
        new.parcel,
        new.entry_id,
        *_columns(EvidenceRow, new.evidence),
        *_columns(DeviceRow, new.devices),
        *msgspec.structs.astuple(new.result),
        new.node is not None,
        *msgspec.structs.astuple(node),
        *(
            (None,) * len(Challenge.__struct_fields__)
            if new.following is None
            else msgspec.structs.astuple(new.following)
        ),
        into=str,
    )
    if new.node is not None and before is None:
        detail = "Another verdict on this node came meanwhile."
        raise LotaError(Kind.CONFLICT, "NODE_STATE_CHANGED", detail)
    return before


def _columns(of: type[msgspec.Struct], rows: Sequence[msgspec.Struct]) -> list[list[object]]:
    return [[getattr(row, name) for row in rows] for name in of.__struct_fields__]

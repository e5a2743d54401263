"""SQL of one attestation from challenge to result: few statements, each one round trip."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from lotabots.appraisal import NodeState
from lotabots.attestation.known_node import KNOWN, OF_NODE, PINNED, KnownNode
from lotabots.attestation.session import Challenge
from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database import Transaction


class Spent(Challenge, frozen=True, kw_only=True):
    """A challenge just spent, and the place in the status list that its result gets."""

    status_index: int


class StandingRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a verdict makes of its node. All None: it counts as silence, and was only tried."""

    known: str | None = None
    """The digest of the state that the verdict was made from."""
    standing: str | None = None
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
select s.*, {KNOWN}, i.kinds, i.device_ids
from spent s, {OF_NODE} {PINNED} where n.id = s.of_node
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
    return [given.pop(one) if one in given else await _why_not_spendable(tx, one) for one in wanted]


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


class Held(msgspec.Struct, frozen=True):
    """How a node stands, and the digest of its state; nobody else changes either meanwhile."""

    standing: str
    state_digest: str | None


class _HeldRow(Held, frozen=True):
    id: UUID


async def hold(tx: Transaction, nodes: Collection[UUID]) -> dict[UUID, Held]:
    """These nodes, held until the transaction ends."""
    rows = await tx.fetch(
        "select id, standing, md5(concat(lifecycle, state::text)) as state_digest"
        " from attestation.nodes where id = any($1::uuid[]) order by id for update",
        list(nodes),
        into=_HeldRow,
    )
    return {row.id: row for row in rows}


# One statement, so one round trip: constraints between its rows are checked at its end.
_RECORD = """
with attestation as (
    insert into attestation.attestations (
        id, hardware_id, attestation_type, status, metadata, created_at, challenge_id, policy_id,
        reference_digest, collateral_digest, appraisal_digest, appraiser_version, appraiser_digest,
        inputs_sha256, verdict, parcel, entry_id
    ) select * from unnest(
        $1::uuid[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::timestamptz[],
        $7::uuid[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[],
        $14::text[], $15::bytea[], $16::bytea[], $17::uuid[]
    )
), evidence as (
    insert into attestation.evidence (
        id, attestation_id, subject, scheme, data_sha256, certificates_sha256
    )
    select gen_random_uuid(), e.*
    from unnest($18::uuid[], $19::text[], $20::text[], $21::text[], $22::text[]) e
), devices as (
    insert into attestation.devices (
        id, attestation_id, subject, kind, device_id, status, tier, level, simulated
    )
    select gen_random_uuid(), d.*
    from unnest($23::uuid[], $24::text[], $25::text[], $26::text[], $27::text[], $28::int[],
        $29::text[], $30::boolean[]) d
), device_standing as (
    update attestation.inventory i set standing = s.standing, standing_at = a.at
    from unnest($23::uuid[], $25::text[], $26::text[], $31::text[])
        s (attestation, kind, device_id, standing)
    join unnest($1::uuid[], $2::text[], $6::timestamptz[]) a (id, node, at)
        on a.id = s.attestation
    where i.node_id = a.node::uuid and i.kind = s.kind and i.device_id = s.device_id
        and s.standing is not null
), result as (
    insert into attestation.results (
        attestation_id, id, session_key, status_index, issued_at, expires_at
    ) select * from unnest(
        $1::uuid[], $32::uuid[], $33::bytea[], $34::bigint[], $35::timestamptz[],
        $36::timestamptz[]
    )
), following as (
    insert into attestation.challenges (
        created_at, id, node_id, policy_id, nonce_sha256, session_key_sha256, inventory,
        expires_at, scope
    ) select * from unnest(
        $37::timestamptz[], $38::uuid[], $39::uuid[], $40::text[], $41::bytea[], $42::text[],
        $43::bytea[], $44::timestamptz[], $45::text[]
    )
)
update attestation.nodes n set
    last_attempt_at = now(),
    standing = coalesce(s.standing, n.standing),
    standing_at = case when s.standing is null then n.standing_at else s.at end,
    last_success_at = case when s.standing = 'accepted' then now() else n.last_success_at end,
    state = coalesce(s.state, n.state),
    due_at = case when s.standing is null then n.due_at else now() + s.stale_in end,
    overdue_at = case when s.standing is null then n.overdue_at else now() + s.rejected_in end
from unnest($46::uuid[], $47::timestamptz[], $48::text[], $49::jsonb[], $50::interval[],
    $51::interval[]) s (id, at, standing, state, stale_in, rejected_in)
where n.id = s.id
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


async def record(tx: Transaction, new: Sequence[Record]) -> None:
    """Stores attestations, of nodes that are held."""
    evidence = [(one.row.id, row) for one in new for row in one.evidence]
    devices = [(one.row.id, row) for one in new for row in one.devices]
    made = [(one.row.created_at, one.following) for one in new if one.following is not None]
    nodes: dict[str, tuple[datetime, StandingRow]] = {}
    for one in new:
        node = one.node
        if node is not None and (node.standing or one.row.hardware_id not in nodes):
            nodes[one.row.hardware_id] = one.row.created_at, node  # the last word counts
    await tx.execute(
        _RECORD,
        *_columns(AttestationRow, [one.row for one in new]),
        [one.parcel for one in new],
        [one.entry_id for one in new],
        [of for of, _ in evidence],
        *_columns(EvidenceRow, [row for _, row in evidence]),
        [of for of, _ in devices],
        *_columns(DeviceRow, [row for _, row in devices]),
        *_columns(ResultRow, [one.result for one in new]),
        [at for at, _ in made],
        *_columns(Challenge, [row for _, row in made]),
        [UUID(node) for node in nodes],
        [at for at, _ in nodes.values()],
        *_columns(StandingRow, [row for _, row in nodes.values()])[1:],
    )


def _columns(of: type[msgspec.Struct], rows: Sequence[msgspec.Struct]) -> list[list[object]]:
    return [[getattr(row, name) for row in rows] for name in of.__struct_fields__]

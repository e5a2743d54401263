"""SQL of one attestation from challenge to result: few statements, each one round trip."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

import msgspec

from lotabots.attestation.session import Challenge
from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database import Transaction


class Spent(Challenge, frozen=True, kw_only=True):
    """A challenge just spent, and the place in the status list that its result gets."""

    status_index: int


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
        " session_key_sha256, inventory, created_at, expires_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8)",
        challenge.id,
        challenge.node_id,
        challenge.policy_id,
        challenge.nonce_sha256,
        challenge.session_key_sha256,
        challenge.inventory,
        now,
        challenge.expires_at,
    )


async def spend(tx: Transaction, challenge_id: UUID, node: UUID | None, now: datetime) -> Spent:
    """The challenge, spent when this transaction commits; of any number of callers one gets it.

    `node` limits it to that node's challenges: a stranger cannot spend one. Raises
    `CHALLENGE_NOT_FOUND`, `CHALLENGE_SPENT`, `NODE_NOT_YOURS`.
    """
    spent = await tx.fetch_one(
        "update attestation.challenges set spent_at = $3"
        " where id = $1 and spent_at is null and ($2::uuid is null or node_id = $2)"
        " returning id, node_id, policy_id, nonce_sha256, session_key_sha256, inventory,"
        " expires_at, nextval('attestation.status_index') as status_index",
        challenge_id,
        node,
        now,
        into=Spent,
    )
    if spent is None:
        raise await _why_not_spendable(tx, challenge_id, node)
    return spent


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


# One statement, so one round trip: constraints between its rows are checked at its end.
_RECORD = """
with attestation as (
    insert into attestation.attestations (
        id, hardware_id, attestation_type, status, metadata, created_at, challenge_id, policy_id,
        reference_digest, collateral_digest, appraisal_digest, appraiser_version, appraiser_digest,
        inputs_sha256, verdict, parcel, entry_id
    ) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $35)
), evidence as (
    insert into attestation.evidence (
        id, attestation_id, subject, scheme, data_sha256, certificates_sha256
    )
    select gen_random_uuid(), $1, e.*
    from unnest($17::text[], $18::text[], $19::text[], $20::text[]) e
), devices as (
    insert into attestation.devices (
        id, attestation_id, subject, kind, device_id, status, tier, level, simulated
    )
    select gen_random_uuid(), $1, d.*
    from unnest($21::text[], $22::text[], $23::text[], $24::text[], $25::int[], $26::text[],
        $27::boolean[]) d
), node_standing as (
    update attestation.nodes set standing = $28, standing_at = $6
    where id = $2::uuid and $28::text is not null
), device_standing as (
    update attestation.inventory i set standing = s.standing, standing_at = $6
    from unnest($22::text[], $23::text[], $29::text[]) s (kind, device_id, standing)
    where i.node_id = $2::uuid and i.kind = s.kind and i.device_id = s.device_id
        and s.standing is not null
)
insert into attestation.results (
    id, attestation_id, session_key, status_index, issued_at, expires_at
) values ($30, $1, $31, $32, $33, $34)
"""


async def record(
    tx: Transaction,
    row: AttestationRow,
    parcel: bytes,
    evidence: Sequence[EvidenceRow],
    devices: Sequence[DeviceRow],
    result: ResultRow,
    standing: str | None,
    entry_id: UUID,
) -> None:
    """Stores an attestation and all that belongs to it; `standing` None leaves the node's.

    `entry_id` is that of its audit entry.
    """
    await tx.execute(
        _RECORD,
        *msgspec.structs.astuple(row),
        parcel,
        *_columns(EvidenceRow, evidence),
        *_columns(DeviceRow, devices)[:-1],
        standing,
        [device.standing for device in devices],
        *msgspec.structs.astuple(result),
        entry_id,
    )


def _columns(of: type[msgspec.Struct], rows: Sequence[msgspec.Struct]) -> list[list[object]]:
    return [[getattr(row, name) for row in rows] for name in of.__struct_fields__]


async def active_policy(tx: Transaction) -> str | None:
    """The id of the policy that this tenant activated."""
    return await tx.fetch_value("select policy_id from attestation.active_policies", into=str)


async def activate_policy(tx: Transaction, policy_id: str, now: datetime) -> bool:
    """Whether another policy was in force before."""
    changed = await tx.execute(
        "insert into attestation.active_policies as a (id, policy_id, activated_at)"
        " values ($1, $2, $3) on conflict (tenant_id) do update"
        " set policy_id = excluded.policy_id, activated_at = excluded.activated_at"
        " where a.policy_id <> excluded.policy_id",
        uuid4(),
        policy_id,
        now,
    )
    return changed == 1


async def insert_policy(
    tx: Transaction, policy_id: str, name: str, source: bytes, now: datetime
) -> bool:
    """Whether the policy is new; its id is the digest of its content, so an old one is the same."""
    changed = await tx.execute(
        "insert into attestation.policies (id, policy_id, name, source, created_at)"
        " values ($1, $2, $3, $4, $5) on conflict (tenant_id, policy_id) do nothing",
        uuid4(),
        policy_id,
        name,
        source,
        now,
    )
    return changed == 1


async def policy_source(tx: Transaction, policy_id: str) -> bytes | None:
    """The document of a stored policy."""
    return await tx.fetch_value(
        "select source from attestation.policies where policy_id = $1", policy_id, into=bytes
    )


async def policy_sources(tx: Transaction) -> list[bytes]:
    """The documents of every stored policy, newest first."""
    rows = await tx.fetch(
        "select source from attestation.policies order by created_at desc limit 200"
    )
    return [bytes(row["source"]) for row in rows if isinstance(row["source"], bytes)]

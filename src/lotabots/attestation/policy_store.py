"""SQL of policies: stored under the digest of their content, and one of them in force."""

from datetime import datetime
from uuid import uuid4

from lotabots.runtime.database import Transaction


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

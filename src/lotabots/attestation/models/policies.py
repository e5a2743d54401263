"""Which trust policies for models a tenant has, and which one is in force."""

from datetime import datetime
from uuid import uuid4

import msgspec
from anyio import to_thread

from lotabots.appraisal.models import ModelPolicy, load_model_policy
from lotabots.attestation.models.types import ModelPolicySummary, ModelPolicyText
from lotabots.audit import Entry, Journal
from lotabots.kernel import Kind, LotaError, Principal
from lotabots.runtime.database import Transaction

MAX_LISTED = 200


class _Row(msgspec.Struct, frozen=True):
    policy_id: str
    source: bytes


class ModelPolicies:
    """The trust policies of every tenant. Without one in force no model is accepted."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def active(self, tx: Transaction) -> ModelPolicy:
        """The policy in force. Raises `MODEL_POLICY_NONE`: nothing is trusted by default."""
        policy_id = await _active(tx)
        if policy_id is None:
            detail = "No trust policy for models is in force; add one and activate it."
            raise LotaError(Kind.CONFLICT, "MODEL_POLICY_NONE", detail)
        return await self._load((await _read(tx, policy_id)).source)

    async def add(
        self, tx: Transaction, principal: Principal, source: bytes, now: datetime
    ) -> ModelPolicyText:
        """The policy, stored under the digest of its content. Raises `MODEL_POLICY_*`."""
        policy = await self._load(source)
        if await tx.execute(
            "insert into attestation.model_policies (id, policy_id, source, created_at)"
            " values ($1, $2, $3, $4) on conflict (tenant_id, policy_id) do nothing",
            uuid4(),
            policy.id,
            source,
            now,
        ):
            await self._journal.append(tx, _entry(principal, "model-policy.add", policy.id))
        return await self.show(tx, policy.id)

    async def activate(
        self, tx: Transaction, principal: Principal, policy_id: str, now: datetime
    ) -> ModelPolicyText:
        """The policy, in force for every verification that begins from now on."""
        row = await _read(tx, policy_id)
        if await _active(tx) != row.policy_id:
            await tx.execute(
                "insert into attestation.active_model_policies (id, policy_id, activated_at)"
                " values ($1, $2, $3) on conflict (tenant_id) do update"
                " set policy_id = excluded.policy_id, activated_at = excluded.activated_at",
                uuid4(),
                row.policy_id,
                now,
            )
            entry = _entry(principal, "model-policy.activate", row.policy_id)
            await self._journal.append(tx, entry)
        return await self.show(tx, row.policy_id)

    async def show(self, tx: Transaction, policy_id: str) -> ModelPolicyText:
        """One policy with its source. Raises `MODEL_POLICY_NOT_FOUND`."""
        row = await _read(tx, policy_id)
        return ModelPolicyText(
            id=row.policy_id,
            active=row.policy_id == await _active(tx),
            source=row.source.decode(),
        )

    async def listed(self, tx: Transaction) -> list[ModelPolicySummary]:
        """The tenant's policies, newest first."""
        active = await _active(tx)
        rows = await tx.fetch(
            "select policy_id from attestation.model_policies order by created_at desc limit $1",
            MAX_LISTED,
        )
        ids = [str(row["policy_id"]) for row in rows]
        return [ModelPolicySummary(id=one, active=one == active) for one in ids]

    async def _load(self, source: bytes) -> ModelPolicy:
        return await to_thread.run_sync(load_model_policy, source)


async def _active(tx: Transaction) -> str | None:
    return await tx.fetch_value("select policy_id from attestation.active_model_policies", into=str)


async def _read(tx: Transaction, policy_id: str) -> _Row:
    row = await tx.fetch_one(
        "select policy_id, source from attestation.model_policies where policy_id = $1",
        policy_id,
        into=_Row,
    )
    if row is None:
        detail = "There is no such trust policy for models."
        raise LotaError(Kind.NOT_FOUND, "MODEL_POLICY_NOT_FOUND", detail)
    return row


def _entry(principal: Principal, verb: str, policy_id: str) -> Entry:
    digest = policy_id.rpartition(":")[2]
    return Entry(
        actor_ref=str(principal.user_id),
        verb=verb,
        subject_ref=f"model-policy:{digest}",
        outcome="done",
        digests={"policy": digest},
    )

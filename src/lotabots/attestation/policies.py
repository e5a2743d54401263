"""Which policies there are, which one is in force, and each of them loaded once."""

from datetime import datetime
from uuid import UUID

from anyio import to_thread

from lotabots.appraisal import POLICY_TEXTS, Policy, builtin_policy, load_policy
from lotabots.attestation import policy_store as store
from lotabots.attestation.notices import Notice, tell
from lotabots.attestation.types import PolicySummary, PolicyText
from lotabots.audit import Entry, Journal
from lotabots.kernel import Kind, LotaError, Principal, Role
from lotabots.runtime.cache import Cache, Caches
from lotabots.runtime.database import Transaction
from lotabots.runtime.events import Topic, publish

MAX_LOADED = 64
MAX_TENANTS = 1024
FOR_EVER = 24 * 3600.0
"""Seconds; for what is named by its content and cannot change."""


class Policies:
    """The built-in policies, and every tenant's own. A policy never changes under its id."""

    def __init__(self, default: str, journal: Journal, caches: Caches) -> None:
        self._journal = journal
        self._builtin = {policy.id: policy for policy in map(builtin_policy, POLICY_TEXTS)}
        self._default = builtin_policy(default)
        self._in_force: Cache[str] = caches.open(
            "policies-in-force", topic=Topic.POLICY, entries=MAX_TENANTS
        )
        # Loading proves a policy, which takes far longer than judging by it. Keyed by content, so
        # a tenant that knows another's document gains nothing by it.
        self._loaded: Cache[Policy] = caches.open(
            "policies", topic=None, entries=MAX_LOADED, seconds=FOR_EVER
        )
        self._stored: Cache[Policy] = caches.open(
            "policies-by-id", topic=None, entries=MAX_LOADED, seconds=FOR_EVER
        )

    async def active(self, tx: Transaction) -> Policy:
        """The policy in force for this tenant, at most a second ago."""

        async def read() -> str:
            return (await self._active_now(tx)).id

        return await self.get(tx, await self._in_force.get(str(tx.tenant), read))

    async def get(self, tx: Transaction, ref: str) -> Policy:
        """The policy of this id, or the built-in one of this name. Raises `POLICY_NOT_FOUND`."""
        named: tuple[UUID | None, str] = (tx.tenant, ref)
        return self._shipped(ref) or await self._stored.get(named, lambda: self._read(tx, ref))

    async def load(self, source: bytes) -> Policy:
        """The policy that these bytes write, with every proof done. Raises `POLICY_*`."""
        return await self._loaded.get(source, lambda: to_thread.run_sync(load_policy, source))

    def _shipped(self, ref: str) -> Policy | None:
        named = (one for one in self._builtin.values() if ref in {one.id, one.name})
        return next(named, None)

    async def _active_now(self, tx: Transaction) -> Policy:
        policy_id = await store.active_policy(tx)
        return self._default if policy_id is None else await self._read(tx, policy_id)

    async def _read(self, tx: Transaction, ref: str) -> Policy:
        """The same as `get`, and what this transaction itself has stored, which may not last."""
        if (shipped := self._shipped(ref)) is not None:
            return shipped
        source = await store.policy_source(tx, ref)
        if source is None:
            raise LotaError(Kind.NOT_FOUND, "POLICY_NOT_FOUND", "There is no such policy.")
        return await self.load(source)

    async def of_node(self, tx: Transaction, ref: str | None) -> Policy:
        """What a node is judged by: its own policy, else the one in force."""
        return await (self.active(tx) if ref is None else self.get(tx, ref))

    async def for_challenge(
        self, tx: Transaction, principal: Principal, ref: str | None, of_node: str | None
    ) -> Policy:
        """What a challenge is judged by. An agent is judged by its node's policy, and no other:
        `of_node`, else the one in force.

        Raises `POLICY_NOT_FOUND`, `POLICY_NOT_YOURS`.
        """
        own = await self.of_node(tx, of_node)
        wanted = own if ref is None else await self.get(tx, ref)
        if principal.role is Role.AGENT and wanted.id != own.id:
            detail = "An agent is judged by the policy of its node."
            raise LotaError(Kind.AUTHORIZATION, "POLICY_NOT_YOURS", detail, active=own.id)
        return wanted

    async def add(
        self, tx: Transaction, principal: Principal, source: bytes, now: datetime
    ) -> PolicyText:
        """The policy, stored under the digest of its content."""
        policy = await self.load(source)
        known = policy.id in self._builtin
        if not known and await store.insert_policy(
            tx, policy.id, policy.name, policy.document, now
        ):
            await self._journal.append(tx, _entry(principal, "policy.add", policy))
        return await self.show(tx, policy.id)

    async def activate(
        self, tx: Transaction, principal: Principal, ref: str, now: datetime
    ) -> PolicyText:
        """The policy, in force for every challenge from now on."""
        policy = await self._read(tx, ref)
        if await store.activate_policy(tx, policy.id, now):
            await publish(tx, Topic.POLICY, str(tx.tenant))
            told = {"policy": policy.id, "name": policy.name}
            await tell(tx, Notice.POLICY_ACTIVATED, None, told, now)
            await self._journal.append(tx, _entry(principal, "policy.activate", policy))
        return await self.show(tx, policy.id)

    async def show(self, tx: Transaction, ref: str) -> PolicyText:
        """One policy with its document."""
        policy, active = await self._read(tx, ref), await self._active_now(tx)
        return PolicyText(
            id=policy.id,
            name=policy.name,
            description=policy.description,
            builtin=policy.id in self._builtin,
            active=policy.id == active.id,
            source=policy.document.decode(),
        )

    async def listed(self, tx: Transaction) -> list[PolicySummary]:
        """The built-in policies, then the tenant's own, newest first."""
        own = [await self.load(source) for source in await store.policy_sources(tx)]
        active = await self._active_now(tx)
        return [
            PolicySummary(
                id=policy.id,
                name=policy.name,
                description=policy.description,
                builtin=policy.id in self._builtin,
                active=policy.id == active.id,
            )
            for policy in (*self._builtin.values(), *own)
        ]


def _entry(principal: Principal, verb: str, policy: Policy) -> Entry:
    return Entry(
        actor_ref=str(principal.user_id),
        verb=verb,
        subject_ref=f"policy:{policy.id.rpartition(':')[2]}",
        outcome="done",
        digests={"policy": policy.id.rpartition(":")[2]},
    )

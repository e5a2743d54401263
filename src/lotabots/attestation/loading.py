"""What a submission is judged with: read in the transaction that spends its challenge."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from lotabots.appraisal import Policy
from lotabots.attestation import store
from lotabots.attestation.known_node import KnownNode
from lotabots.attestation.models.known import known_models
from lotabots.attestation.outcome import challenge_entry
from lotabots.attestation.policies import Policies
from lotabots.attestation.revoked import Revoked, RevokedThings
from lotabots.attestation.session import unpack_inventory
from lotabots.attestation.store import Spending, Spent
from lotabots.audit import Journal
from lotabots.evidence import InventoryItem, KnownModel, ReferenceFiles
from lotabots.kernel import LotaError, Principal, Role
from lotabots.reference import InForce, References
from lotabots.runtime.database import Transaction
from lotabots.runtime.gathering import Gathered
from lotabots.runtime.process import Process

MOST, AT_ONCE = 64, 2
"""Challenges that are spent in one commit, and commits of a tenant that are on their way."""
NOBODY = str(UUID(int=0))


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A challenge that is spent now, and everything that what answers it is judged with."""

    spent: Spent
    known: KnownNode
    asked: tuple[InventoryItem, ...]
    policy: Policy
    bundles: tuple[InForce, ...]
    models: tuple[KnownModel, ...]
    revoked: Revoked


class _Asked(msgspec.Struct, frozen=True):
    principal: Principal
    challenge: UUID
    now: datetime

    @property
    def spending(self) -> Spending:
        """What may be spent: an agent that is of no node spends nothing."""
        node = UUID(self.principal.node_id or NOBODY)
        own = node if self.principal.role is Role.AGENT else None
        return Spending(challenge=self.challenge, node=own, now=self.now)


class Loader:
    """Spends challenges. Nothing of what was sent with them has been looked at then."""

    def __init__(
        self, process: Process, policies: Policies, revoked: RevokedThings, journal: Journal
    ) -> None:
        self._database = process.database
        self._policies = policies
        self._revoked = revoked
        self._journal = journal
        self._references = References(process)
        self._spending = Gathered(
            self._spend, most=MOST, at_once=AT_ONCE, key=lambda one: one.challenge
        )

    async def spend(self, principal: Principal, challenge: UUID, now: datetime) -> Loaded:
        """The challenge, spent and committed. Raises `CHALLENGE_*`, `NODE_NOT_YOURS`.

        It shares the commit with those that come at the same time: each of them is spent by then,
        and nothing that was sent with any of them has been looked at.
        """
        asked = _Asked(principal, challenge, now)
        return await self._spending.add(principal.tenant_id, asked)

    async def _spend(self, tenant: UUID, asked: Sequence[_Asked]) -> list[Loaded | LotaError]:
        async with self._database.transaction(tenant) as tx:
            rows = await store.spend(tx, [one.spending for one in asked])
            entries = [
                challenge_entry(one.principal, "challenge.spend", one.challenge, "done")
                for one, row in zip(asked, rows, strict=True)
                if not isinstance(row, LotaError)
            ]
            if entries:
                await self._journal.append_many(tx, entries)
            return [
                row if isinstance(row, LotaError) else await self._load(tx, *row) for row in rows
            ]

    async def _load(self, tx: Transaction, spent: Spent, known: KnownNode) -> Loaded:
        asked = unpack_inventory(spent.inventory)
        return Loaded(
            spent=spent,
            known=known,
            asked=asked,
            policy=await self._policies.get(tx, spent.policy_id),
            bundles=await self._references.in_force(tx),
            models=await known_models(tx, asked),
            revoked=await self._revoked.now(tx),
        )

    async def files(self, principal: Principal, loaded: Loaded) -> ReferenceFiles:
        """The reference files that were in force; kept in memory."""
        return await self._references.files(principal.tenant_id, loaded.bundles)

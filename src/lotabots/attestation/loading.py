"""What a submission is judged with: read in the transaction that spends its challenge.

Challenges that are spent at one time are spent in one commit: it is one for each attestation only
where they come one by one. All the same each is durable before a byte of its evidence is looked at.
"""

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
from lotabots.attestation.store import Spent, Wanted
from lotabots.audit import Journal
from lotabots.evidence import InventoryItem, KnownModel, ReferenceFiles
from lotabots.kernel import LotaError, Principal, Role
from lotabots.reference import InForce, References
from lotabots.runtime.database import Transaction
from lotabots.runtime.gathering import Gathering
from lotabots.runtime.process import Process

MOST = 64
"""Challenges in one commit."""
AT_ONCE, WORTH = 3, 16
"""Commits of one tenant that are on their way at one time; how many are worth another of them."""


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
    wanted: Wanted


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
        self._gathering: Gathering[_Asked, Loaded | LotaError] = Gathering(
            self._spend, most=MOST, at_once=AT_ONCE, worth=WORTH
        )

    async def spend(self, principal: Principal, challenge: UUID, now: datetime) -> Loaded:
        """The challenge, spent and committed. Raises `CHALLENGE_*`, `NODE_NOT_YOURS`."""
        own = (
            UUID(principal.node_id) if principal.role is Role.AGENT and principal.node_id else None
        )
        asked = _Asked(principal, Wanted(challenge, own, now))
        loaded = await self._gathering.put(principal.tenant_id, asked)
        if isinstance(loaded, LotaError):
            raise loaded
        return loaded

    async def files(self, principal: Principal, loaded: Loaded) -> ReferenceFiles:
        """The reference files that were in force; kept in memory."""
        return await self._references.files(principal.tenant_id, loaded.bundles)

    async def _spend(self, tenant: UUID, asked: list[_Asked]) -> list[Loaded | LotaError]:
        async with self._database.transaction(tenant) as tx:
            spent = await store.spend(tx, [one.wanted for one in asked])
            entries = [
                challenge_entry(one.principal, "challenge.spend", one.wanted.challenge, "done")
                for one, what in zip(asked, spent, strict=True)
                if not isinstance(what, LotaError)
            ]
            if entries:
                await self._journal.append_many(tx, entries)
            return [
                what if isinstance(what, LotaError) else await self._load(tx, *what)
                for what in spent
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

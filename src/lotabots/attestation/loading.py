"""What a submission is judged with: read in the transaction that spends its challenge."""

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
from lotabots.attestation.session import check_node, unpack_inventory
from lotabots.attestation.store import Spent
from lotabots.audit import Journal
from lotabots.evidence import InventoryItem, KnownModel, ReferenceFiles
from lotabots.kernel import Principal, Role
from lotabots.reference import InForce, References
from lotabots.runtime.process import Process


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A challenge that is spent now, and everything that what answers it is judged with."""

    spent: Spent
    known: KnownNode
    asked: tuple[InventoryItem, ...]
    policy: Policy
    bundles: tuple[InForce, ...]
    models: tuple[KnownModel, ...]
    revoked: Revoked


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

    async def spend(self, principal: Principal, challenge: UUID, now: datetime) -> Loaded:
        """The challenge, spent and committed. Raises `CHALLENGE_*`, `NODE_NOT_YOURS`."""
        own = (
            UUID(principal.node_id) if principal.role is Role.AGENT and principal.node_id else None
        )
        async with self._database.transaction(principal.tenant_id) as tx:
            spent, known = await store.spend(tx, challenge, own, now)
            check_node(principal, spent.node_id)
            entry = challenge_entry(principal, "challenge.spend", challenge, "done")
            await self._journal.append(tx, entry)
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

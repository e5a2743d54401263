"""What is revoked in a tenant at this moment, as every submission is judged by it; remembered."""

import msgspec

from lotabots.appraisal import Needed, Policy, revoked_digest
from lotabots.attestation.revocations import in_force
from lotabots.evidence import Revocation
from lotabots.runtime.cache import Cache, Caches
from lotabots.runtime.database import Transaction
from lotabots.runtime.events import Topic

MAX_TENANTS = 1024


class Revoked(msgspec.Struct, frozen=True):
    """Everything that is revoked, and what full attestations are known by that knew it."""

    things: tuple[Revocation, ...]
    digest: str

    def needed(self, policy: Policy) -> Needed:
        """What a light attestation under this policy has to stand on."""
        return Needed(policy.id, policy.cadence, self.digest)


class RevokedThings:
    """The revocations of each tenant, as of at most a second ago."""

    def __init__(self, caches: Caches) -> None:
        self._known: Cache[Revoked] = caches.open(
            "revocations", topic=Topic.NOTICES, entries=MAX_TENANTS
        )

    async def now(self, tx: Transaction) -> Revoked:
        """What is revoked in the transaction's tenant."""

        async def read() -> Revoked:
            things = await in_force(tx)
            return Revoked(things, revoked_digest(things))

        return await self._known.get(str(tx.tenant), read)

"""What is known of a node when it is challenged or judged: read at once, in one round trip."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from lotabots.appraisal import Identity, NodeState
from lotabots.attestation.nodes import not_found
from lotabots.attestation.session import check_life, check_node
from lotabots.evidence import EnrolledTpm, InventoryItem
from lotabots.evidence.schemes.host_claims import KIND as HOST
from lotabots.kernel import Principal
from lotabots.runtime.database import Transaction


class KnownNode(msgspec.Struct, frozen=True, kw_only=True):
    """A node, its agent's key, its TPMs, and what its newest verdict left."""

    node_id: UUID
    lifecycle: str
    identity: Identity
    policy_ref: str | None
    state: NodeState | None
    state_digest: str
    """Of lifecycle and state as they are stored: whoever writes the next state says by it which one
    it knew."""
    agent_key: str | None
    """The thumbprint of its agent's key; None where no agent enrolled."""
    tpm_ids: Sequence[str] | None
    tpm_certificates: Sequence[bytes] | None
    tpm_keys: Sequence[bytes] | None
    kinds: Sequence[str] | None = None
    device_ids: Sequence[str] | None = None
    """Of each device that it declares; None where that was not asked for."""

    @property
    def tpms(self) -> tuple[EnrolledTpm, ...]:
        """The TPMs that it enrolled."""
        rows = zip(
            self.tpm_ids or (), self.tpm_certificates or (), self.tpm_keys or (), strict=True
        )
        return tuple(
            EnrolledTpm(device_id=device, ek_certificates=certificates, ak_public=key)
            for device, certificates, key in rows
        )

    @property
    def inventory(self) -> tuple[InventoryItem, ...]:
        """Its devices, in the order that gives each its index."""
        pairs = zip(self.kinds or (), self.device_ids or (), strict=True)
        return tuple(sorted(InventoryItem(*pair) for pair in pairs))

    @property
    def host(self) -> InventoryItem | None:
        """Itself as what an agent speaks of, where it has one."""
        return None if self.agent_key is None else InventoryItem(HOST, str(self.node_id))

    @property
    def lightly(self) -> bool:
        """Whether a light attestation of it is about anything."""
        return self.agent_key is not None or bool(self.tpm_ids)


KNOWN = """
    n.id as node_id, n.lifecycle, n.identity, n.policy_ref, n.state,
    md5(concat(n.lifecycle, n.state::text)) as state_digest, a.key_thumbprint as agent_key,
    t.ids as tpm_ids, t.certificates as tpm_certificates, t.keys as tpm_keys
"""
"""The columns of a `KnownNode`, but for what it declares, from `OF_NODE`; that: `PINNED`."""
OF_NODE = """
    attestation.nodes n
    left join attestation.agents a on a.node_id = n.id
    left join lateral (
        select array_agg(one.device_id order by one.device_id) as ids,
            array_agg(one.ek_certificates order by one.device_id) as certificates,
            array_agg(one.ak_public order by one.device_id) as keys
        from attestation.tpms one where one.node_id = n.id
    ) t on true
"""
PINNED = """
    left join lateral (
        select array_agg(one.kind order by one.id) as kinds,
            array_agg(one.device_id order by one.id) as device_ids
        from attestation.inventory one where one.node_id = n.id
    ) i on true
"""
_FIND = f"""
select {KNOWN}, i.kinds, i.device_ids from {OF_NODE} {PINNED} where n.id = $1
"""  # noqa: S608 - constants


async def known_node(tx: Transaction, node_id: UUID) -> KnownNode:
    """The node. Raises `NODE_NOT_FOUND`."""
    known = await tx.fetch_one(_FIND, node_id, into=KnownNode)
    if known is None:
        raise not_found()
    return known


class _Life(msgspec.Struct, frozen=True):
    lifecycle: str
    agent_key: str | None


async def check_caller(tx: Transaction, principal: Principal, node_id: UUID) -> None:
    """Returns only if the caller may speak for this node now.

    Raises `NODE_NOT_YOURS`, `NODE_NOT_FOUND`, `NODE_REVOKED`, `CREDENTIAL_REPLACED`.
    """
    check_node(principal, node_id)
    life = await tx.fetch_one(
        "select n.lifecycle, a.key_thumbprint as agent_key from attestation.nodes n"
        " left join attestation.agents a on a.node_id = n.id where n.id = $1",
        node_id,
        into=_Life,
    )
    if life is None:
        raise not_found()
    check_life(principal, life.lifecycle, life.agent_key)

"""What an operator does with a node: quarantine, release, revoke it, and change its devices.

    active <-> quarantined -> revoked;  active -> revoked

A quarantined node may go on attesting, and is rejected whatever it shows. A revoked one is over:
its credential is refused everywhere, its results are taken back, and nothing renews it.
"""

from datetime import datetime
from uuid import UUID

import msgspec

from lotabots.attestation import credentials, nodes, revocations
from lotabots.attestation.enrolment import OWN_KINDS
from lotabots.attestation.node_types import Node
from lotabots.attestation.notices import Notice, tell
from lotabots.attestation.results_store import revoke_of_node
from lotabots.attestation.session import device_hash
from lotabots.attestation.types import MAX_DEVICES, DeclaredDevice
from lotabots.audit import Entry, Journal
from lotabots.kernel import Kind, LotaError, Principal, invalid
from lotabots.runtime.database import Transaction

OUT_OF_SERVICE = "rejected"
"""How a node stands that an operator does not vouch for."""


class _Life(msgspec.Struct, frozen=True):
    lifecycle: str
    standing: str


class Lives:
    """The lives of every tenant's nodes."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def quarantine(
        self, tx: Transaction, principal: Principal, node_id: UUID, reason: str, now: datetime
    ) -> Node:
        """The node, out of service. Raises `NODE_NOT_FOUND`, `NODE_REVOKED_FOR_GOOD`."""
        life = await _held(tx, node_id)
        _not_over(life)
        if life.lifecycle == "active":
            await _set(tx, node_id, "quarantined", reason, now)
            await revocations.put(tx, "quarantine", str(node_id), reason, principal.user_id, now)
            await _tell(tx, Notice.NODE_QUARANTINED, node_id, life, reason, now)
            await self._record(tx, principal, "node.quarantine", node_id, reason)
        return await nodes.found(tx, node_id, now)

    async def release(
        self, tx: Transaction, principal: Principal, node_id: UUID, reason: str, now: datetime
    ) -> Node:
        """The node, in service again. Raises `NODE_NOT_FOUND`, `NODE_REVOKED_FOR_GOOD`."""
        life = await _held(tx, node_id)
        _not_over(life)
        if life.lifecycle == "quarantined":
            await _set(tx, node_id, "active", reason, now)
            await revocations.take_back(tx, "quarantine", str(node_id), principal.user_id, now)
            await tell(tx, Notice.NODE_RELEASED, node_id, {"reason": reason}, now)
            await self._record(tx, principal, "node.release", node_id, reason)
        return await nodes.found(tx, node_id, now)

    async def revoke(
        self, tx: Transaction, principal: Principal, node_id: UUID, reason: str, now: datetime
    ) -> Node:
        """The node, over, and its credential with it. Raises `NODE_NOT_FOUND`."""
        life = await _held(tx, node_id)
        if life.lifecycle != "revoked":
            await _set(tx, node_id, "revoked", reason, now)
            await credentials.end(tx, node_id, now)
            await revocations.put(tx, "node", str(node_id), reason, principal.user_id, now)
            await revocations.take_back(tx, "quarantine", str(node_id), principal.user_id, now)
            await _tell(tx, Notice.NODE_REVOKED, node_id, life, reason, now)
            await self._record(tx, principal, "node.revoke", node_id, reason)
        return await nodes.found(tx, node_id, now)

    async def add_device(
        self,
        tx: Transaction,
        principal: Principal,
        node_id: UUID,
        device: DeclaredDevice,
        now: datetime,
    ) -> Node:
        """The node with one device more.

        Raises `NODE_NOT_FOUND`, `NODE_REVOKED_FOR_GOOD`, `NODE_DEVICE_KIND`, `NODE_DEVICE_LIMIT`,
        `NODE_DEVICE_TAKEN`.
        """
        _not_over(await _held(tx, node_id))
        if device.kind in OWN_KINDS:
            detail = "A device of this kind comes to a node by its enrolment alone."
            raise invalid("NODE_DEVICE_KIND", detail)
        pinned = "select count(*) from attestation.inventory where node_id = $1"
        if (await tx.fetch_value(pinned, node_id, into=int) or 0) >= MAX_DEVICES:
            raise invalid("NODE_DEVICE_LIMIT", "The node has as many devices as it can have.")
        await nodes.add_devices(tx, node_id, [device])
        await self._changed(tx, principal, "node.device_add", node_id, device)
        await tell(tx, Notice.DEVICE_CHANGED, node_id, _told("added", device), now)
        return await nodes.found(tx, node_id, now)

    async def remove_device(
        self,
        tx: Transaction,
        principal: Principal,
        node_id: UUID,
        kind: str,
        device_id: str,
        now: datetime,
    ) -> Node:
        """The node without this device, which may now stand in another.

        Raises `NODE_NOT_FOUND`, `NODE_DEVICE_NOT_FOUND`, and `NODE_DEVICE_KIND` for the TPM of a
        node that is not over: its identity rests on it.
        """
        life = await _held(tx, node_id)
        device = DeclaredDevice(kind=kind, device_id=device_id)
        if kind == "tpm" and life.lifecycle != "revoked":
            detail = "The node's identity rests on its TPM: revoke the node first."
            raise invalid("NODE_DEVICE_KIND", detail)
        removed = await tx.execute(
            "delete from attestation.inventory where node_id = $1 and device_hash = $2",
            node_id,
            device_hash(device),
        )
        if not removed:
            detail = "The node has no such device."
            raise LotaError(Kind.NOT_FOUND, "NODE_DEVICE_NOT_FOUND", detail)
        await tx.execute(
            "delete from attestation.tpms where node_id = $1 and device_id = $2 and $3 = 'tpm'",
            node_id,
            device_id,
            kind,
        )
        await self._changed(tx, principal, "node.device_remove", node_id, device)
        # A result that says that the device stands here could be shown beside another node's.
        results = await revoke_of_node(tx, node_id, str(Notice.DEVICE_CHANGED), now)
        told = _told("removed", device) | {"results": results}
        await tell(tx, Notice.DEVICE_CHANGED, node_id, told, now)
        return await nodes.found(tx, node_id, now)

    async def _changed(
        self,
        tx: Transaction,
        principal: Principal,
        verb: str,
        node_id: UUID,
        device: DeclaredDevice,
    ) -> None:
        # What was found of the devices before is not about those that it has now.
        await tx.execute(
            "update attestation.nodes set state = state || $2 where id = $1 and state is not null",
            node_id,
            {"full_at": None, "full_outcome": None},
        )
        entry = Entry(
            actor_ref=str(principal.user_id),
            verb=verb,
            subject_ref=f"node:{node_id}",
            outcome="done",
            digests={"device": device_hash(device).hex(), "kind": device.kind},
        )
        await self._journal.append(tx, entry)

    async def _record(
        self, tx: Transaction, principal: Principal, verb: str, node_id: UUID, reason: str
    ) -> None:
        entry = Entry(
            actor_ref=str(principal.user_id),
            verb=verb,
            subject_ref=f"node:{node_id}",
            outcome="done",
            note=reason,
        )
        await self._journal.append(tx, entry)


async def _held(tx: Transaction, node_id: UUID) -> _Life:
    """The node's life, which nobody else changes before this transaction ends."""
    life = await tx.fetch_one(
        "select lifecycle, standing from attestation.nodes where id = $1 for update",
        node_id,
        into=_Life,
    )
    if life is None:
        raise nodes.not_found()
    return life


def _not_over(life: _Life) -> None:
    if life.lifecycle == "revoked":
        detail = "The node was revoked, which is for good: enrol it again."
        raise LotaError(Kind.CONFLICT, "NODE_REVOKED_FOR_GOOD", detail)


async def _set(tx: Transaction, node_id: UUID, lifecycle: str, reason: str, now: datetime) -> None:
    """Of a node out of service nothing is accepted, and of one that is over nothing is awaited.

    A node that is released stands as it did: how it stands now, its next attestation says.
    """
    await tx.execute(
        "update attestation.nodes set lifecycle = $2, lifecycle_reason = $3, lifecycle_at = $4,"
        " standing = case when $2 = 'active' then standing else $5 end,"
        " standing_at = case when $2 = 'active' then standing_at else $4 end,"
        " due_at = case when $2 = 'revoked' then null else due_at end,"
        " overdue_at = case when $2 = 'revoked' then null else overdue_at end"
        " where id = $1",
        node_id,
        lifecycle,
        reason,
        now,
        OUT_OF_SERVICE,
    )


async def _tell(
    tx: Transaction, kind: Notice, node_id: UUID, life: _Life, reason: str, now: datetime
) -> None:
    """Takes the node's results back, and tells so."""
    results = await revoke_of_node(tx, node_id, str(kind), now)
    data: dict[str, str | int | None] = {
        "before": life.standing,
        "after": OUT_OF_SERVICE,
        "reason": reason,
        "results": results,
    }
    await tell(tx, kind, node_id, data, now)


def _told(verb: str, device: DeclaredDevice) -> dict[str, str | int | None]:
    return {verb: f"{device.kind} {device.device_id}"}

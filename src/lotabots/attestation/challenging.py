"""Challenges made: for whom, about what, by which policy, and what the node is told with it."""

import secrets
from datetime import datetime, timedelta
from uuid import uuid4

import msgspec

from lotabots.appraisal import Needed, NodeState, Scope, full_is_next, judged_from
from lotabots.attestation import nodes, store
from lotabots.attestation.known_node import KnownNode, known_node
from lotabots.attestation.models.known import asked_models
from lotabots.attestation.outcome import challenge_entry
from lotabots.attestation.policies import Policies
from lotabots.attestation.revoked import RevokedThings
from lotabots.attestation.session import (
    LIFETIME,
    NONCE_BYTES,
    Challenge,
    asked_of,
    check_life,
    check_node,
    check_own_key,
    pack_inventory,
    session_key_digest,
)
from lotabots.attestation.types import ChallengeRequest, Device, IssuedChallenge, TpmPlace
from lotabots.audit import Journal
from lotabots.evidence import InventoryItem
from lotabots.kernel import Principal, encode_base64url, invalid, sha256
from lotabots.runtime.database import Transaction


class Made(msgspec.Struct, frozen=True):
    """A challenge as it is stored, and as the node gets it."""

    row: Challenge
    issued: IssuedChallenge


class Challenges:
    """Makes challenges for the nodes of every tenant of this instance."""

    def __init__(
        self, server: str, policies: Policies, revoked: RevokedThings, journal: Journal
    ) -> None:
        self._server = server
        self._policies = policies
        self._revoked = revoked
        self._journal = journal

    async def create(
        self, tx: Transaction, principal: Principal, request: ChallengeRequest, now: datetime
    ) -> IssuedChallenge:
        """A new challenge for a node. Raises `NODE_*`, `POLICY_*`, `KEY_*`, `CHALLENGE_*`."""
        check_node(principal, request.node)
        scope = Scope(request.scope)
        if request.models and scope is Scope.LIGHT:
            detail = "Models are stated in a full attestation."
            raise invalid("CHALLENGE_LIGHT_MODELS", detail)
        known = await known_node(tx, request.node)
        check_life(principal, known.lifecycle, known.agent_key)
        session_key = session_key_digest(request.session_key)
        check_own_key(session_key, known.agent_key)
        models = await asked_models(tx, request.models)
        policy = await self._policies.for_challenge(tx, principal, request.policy, known.policy_ref)
        made = self.make(
            known,
            (*asked_of(known.inventory, known.host, scope), *models),
            scope=scope,
            needed=(await self._revoked.now(tx)).needed(policy),
            state=known.state,
            session_key_sha256=session_key,
            now=now,
        )
        await store.insert_challenge(tx, made.row, now)
        entry = challenge_entry(principal, "challenge.create", made.row.id, "done")
        await self._journal.append(tx, entry)
        return made.issued

    def make(
        self,
        known: KnownNode,
        items: tuple[InventoryItem, ...],
        *,
        scope: Scope,
        needed: Needed,
        state: NodeState | None,
        session_key_sha256: str,
        now: datetime,
        ahead: timedelta = timedelta(),
    ) -> Made:
        """A challenge that is not stored yet; `ahead` is how far off the attestation is."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        row = Challenge(
            id=uuid4(),
            node_id=known.node_id,
            policy_id=needed.policy,
            nonce_sha256=sha256(nonce),
            session_key_sha256=session_key_sha256,
            inventory=pack_inventory(items),
            expires_at=now + ahead + LIFETIME,
            scope=scope,
        )
        cadence = needed.cadence
        return Made(
            row,
            IssuedChallenge(
                id=row.id,
                nonce=encode_base64url(nonce),
                expires_at=row.expires_at,
                server=self._server,
                node=known.node_id,
                policy=needed.policy,
                inventory=tuple(
                    Device(subject=subject, kind=item.kind, index=index, device_id=item.device_id)
                    for subject, index, item in nodes.places(items)
                ),
                scope=scope.value,
                light_seconds=int(cadence.light.total_seconds()),
                full_seconds=int(cadence.full.total_seconds()),
                full_due=not known.lightly or full_is_next(state, needed, now + ahead),
                tpm=_place(state, scope),
            ),
        )


def _place(state: NodeState | None, scope: Scope) -> TpmPlace | None:
    tpm = judged_from(state, scope)
    if tpm is None:
        return None
    return TpmPlace(
        reset_count=tpm.reset_count,
        restart_count=tpm.restart_count,
        ima_entries=tpm.ima_entries,
        event_log=not tpm.boot_digest,
    )

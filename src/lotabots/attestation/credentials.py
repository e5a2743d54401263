"""Credentials of agents: given, replaced, ended, and checked again wherever they are used.

A credential is a user token of the role `agent`, bound to the session key of one node's agent
(`access.tokens`). It says who calls, never how the node stands: only verdicts say that.
"""

import secrets
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import msgspec

from lotabots.access import issue_token
from lotabots.attestation import enrolment_store as store
from lotabots.attestation.session import check_life
from lotabots.attestation.settings import AttestationSettings
from lotabots.kernel import Kind, LotaError, Principal, Role, SigningKey
from lotabots.runtime.database import Transaction
from lotabots.runtime.events import revoke_token
from lotabots.runtime.process import Process
from lotabots.runtime.web import TOKEN_PURPOSE, TokenSettings


class Given(NamedTuple):
    """A credential, and when it ends."""

    token: str
    expires_at: datetime


class Credentials:
    """Gives credentials with the keys of this installation's user tokens."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._tokens = process.settings.section(TokenSettings)
        self._lifetime = timedelta(
            hours=process.settings.section(AttestationSettings).credential_hours
        )

    async def key(self) -> SigningKey:
        """The key that signs them; to be had before the transaction that gives one."""
        return (await self._process.keyring.load(TOKEN_PURPOSE)).current

    async def give(
        self, tx: Transaction, key: SigningKey, node_id: UUID, thumbprint: str, now: datetime
    ) -> Given:
        """A credential for the node's session key with this thumbprint; the one before ends."""
        if tx.tenant is None:
            raise LotaError(Kind.INTERNAL, "TOKEN_UNISSUABLE", "A credential is of a tenant.")
        token_id, start = secrets.token_urlsafe(16), now.replace(microsecond=0)
        expires_at = start + self._lifetime
        await end(tx, node_id, now)
        await store.put_agent(tx, node_id, thumbprint, token_id, start, expires_at)
        token = issue_token(
            user_id=node_id,
            tenant_id=tx.tenant,
            role=Role.AGENT,
            node_id=str(node_id),
            key=key,
            issuer=self._tokens.issuer,
            audience=self._tokens.audience,
            now=start,
            lifetime=self._lifetime,
            token_id=token_id,
            key_thumbprint=thumbprint,
        )
        return Given(token, expires_at)


async def end(tx: Transaction, node_id: UUID, now: datetime) -> None:
    """Has the credential that the node's agent has refused everywhere, within a second."""
    held = await store.agent(tx, node_id, hold=True)
    if held is not None and held.expires_at > now:
        await revoke_token(tx, held.token_id, held.expires_at)


class _Life(msgspec.Struct, frozen=True):
    lifecycle: str
    key_thumbprint: str | None


async def check_agent(tx: Transaction, principal: Principal, node_id: UUID) -> None:
    """Returns only if an agent may act for this node now; for whoever is no agent it returns.

    The token was believed before; this asks what became of its node and of its key since. Raises
    `NODE_NOT_FOUND`, `NODE_NOT_YOURS`, `NODE_REVOKED`, `CREDENTIAL_REPLACED`.
    """
    if principal.role is not Role.AGENT:
        return
    if principal.node_id != str(node_id):
        detail = "An agent acts for its own node only."
        raise LotaError(Kind.AUTHORIZATION, "NODE_NOT_YOURS", detail)
    life = await tx.fetch_one(
        "select n.lifecycle, a.key_thumbprint from attestation.nodes n"
        " left join attestation.agents a on a.node_id = n.id where n.id = $1",
        node_id,
        into=_Life,
    )
    if life is None:
        raise LotaError(Kind.NOT_FOUND, "NODE_NOT_FOUND", "There is no such node.")
    check_life(principal, life.lifecycle, life.key_thumbprint)

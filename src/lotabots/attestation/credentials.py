"""Credentials of agents: given, replaced and ended.

A credential is a user token of the role `agent`, bound to the session key of one node's agent
(`access.tokens`). It says who calls, never how the node stands: only verdicts say that.
What became of node and key since, `session.check_life` asks wherever one is used.
"""

import secrets
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from lotabots.access import issue_token
from lotabots.attestation import enrolment_store as store
from lotabots.attestation.settings import AttestationSettings
from lotabots.kernel import Kind, LotaError, Role, SigningKey
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

"""Tenants made, disabled and enabled, by whoever runs the installation.

Not over the API: its callers belong to a tenant, and none of them is above another. Whoever has the
database of the servers and their keyring key is (docs/adr/0020).
"""

import re
from datetime import timedelta
from uuid import uuid4

import msgspec

from lotabots.audit import SYSTEM, Entry, Journal
from lotabots.identity import key_store, store, tenant_store
from lotabots.identity.session_store import end_sessions
from lotabots.identity.tenant_store import Tenant
from lotabots.identity.tickets import new_ticket
from lotabots.identity.types import Invitation, Invitee
from lotabots.kernel import OPERATOR_TENANT, Kind, LotaError, Role, invalid
from lotabots.runtime.database import Database, Transaction
from lotabots.runtime.keyring import Keyring

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class NewTenant(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant that was made, and how its first owner gets in. The token is shown this once."""

    tenant: Tenant
    owner: Invitation


class Tenants:
    """The tenants of an installation. Each change is one transaction with its audit entries."""

    def __init__(self, database: Database, keyring: Keyring, invitation_life: timedelta) -> None:
        self._database = database
        self._journal = Journal(keyring)
        self._life = invitation_life

    async def listed(self) -> list[Tenant]:
        """Every tenant, by name."""
        return await tenant_store.all_tenants(self._database)

    async def create(self, name: str, owner: str, email: str) -> NewTenant:
        """A tenant with one user, an owner who chooses their own password.

        Raises `TENANT_NAME`, `TENANT_OWNER`, `TENANT_EXISTS`, `USER_EXISTS`.
        """
        if not _NAME.fullmatch(name):
            detail = "A tenant's name has 1 to 63 lower-case letters, digits and dashes."
            raise invalid("TENANT_NAME", detail)
        try:
            fields = {"username": owner, "email": email, "role": Role.OWNER}
            invitee = msgspec.convert(fields, Invitee)
        except msgspec.ValidationError as error:
            detail = "The owner needs a user name in lower case, and an e-mail address."
            raise invalid("TENANT_OWNER", detail) from error
        tenant_id = uuid4()
        ticket = new_ticket(tenant_id)
        async with self._database.transaction(tenant_id) as tx:
            await tenant_store.add(tx, name)
            user = await store.add(tx, uuid4(), invitee, None)
            expires_at = tx.began + self._life
            await store.invite(tx, user.id, ticket.digest, expires_at)
            for verb, subject in (
                ("tenant.create", f"tenant:{tenant_id}"),
                ("user.create", f"user:{user.id}"),
                ("user.invite", f"user:{user.id}"),
            ):
                await self._record(tx, verb, subject)
            made = Tenant(id=tenant_id, name=name, created_at=tx.began, disabled_at=None)
        invitation = Invitation(user_id=user.id, token=ticket.text, expires_at=expires_at)
        return NewTenant(tenant=made, owner=invitation)

    async def disable(self, name: str) -> int:
        """How many users this keeps out: sessions end, API keys are revoked, data stays.

        Raises `TENANT_UNKNOWN`, `TENANT_OPERATOR`.
        """
        found = await self._named(name)
        if found.id == OPERATOR_TENANT:
            detail = "The tenant of whoever runs the installation cannot be disabled."
            raise LotaError(Kind.CONFLICT, "TENANT_OPERATOR", detail)
        async with self._database.transaction(found.id) as tx:
            held = await tenant_store.locked(tx)
            if held is None or held.disabled_at is not None:
                return 0
            users = await tenant_store.disable(tx)
            for user_id in users:
                await end_sessions(tx, user_id, "disabled")
                await key_store.revoke_all(tx, user_id)
            await self._record(tx, "tenant.disable", f"tenant:{found.id}")
        return len(users)

    async def enable(self, name: str) -> int:
        """How many users this lets in again: those who were disabled with the tenant.

        API keys stay revoked. Raises `TENANT_UNKNOWN`.
        """
        found = await self._named(name)
        async with self._database.transaction(found.id) as tx:
            held = await tenant_store.locked(tx)
            if held is None or held.disabled_at is None:
                return 0
            count = await tenant_store.enable(tx)
            await self._record(tx, "tenant.enable", f"tenant:{found.id}")
        return count

    async def _named(self, name: str) -> Tenant:
        for tenant in await self.listed():
            if tenant.name == name:
                return tenant
        raise LotaError(Kind.NOT_FOUND, "TENANT_UNKNOWN", "There is no such tenant.")

    async def _record(self, tx: Transaction, verb: str, subject: str) -> None:
        # The database knows a role, not a person: who it was, the machine's own records say.
        entry = Entry(actor_ref=SYSTEM, verb=verb, subject_ref=subject, outcome="done")
        await self._journal.append(tx, entry)

"""Users managed: invited, given another role, disabled, enabled; and their passwords changed.

Whoever manages a user must have every permission that the user has or is to have, so an owner alone
makes, changes and disables owners. Every change that could leave somebody in who should be out ends
all sessions of the user.
"""

from datetime import timedelta
from uuid import UUID, uuid4

from lotabots.access import may_give
from lotabots.audit import Entry, Journal
from lotabots.identity import key_store, store
from lotabots.identity.attempts import Attempts
from lotabots.identity.clients import Client
from lotabots.identity.passwords import Passwords
from lotabots.identity.recording import record
from lotabots.identity.session_store import end_sessions
from lotabots.identity.settings import IdentitySettings
from lotabots.identity.tenant_store import require_enabled
from lotabots.identity.tickets import new_ticket, read_ticket
from lotabots.identity.types import (
    Acceptance,
    Account,
    Invitation,
    Invitee,
    NewUser,
    PasswordChange,
    RoleChange,
    User,
)
from lotabots.kernel import Kind, LotaError, Principal, Role, invalid
from lotabots.runtime.database import Transaction
from lotabots.runtime.process import Process


class Accounts:
    """The use cases of managing users. Nothing slow happens inside a transaction."""

    def __init__(
        self, process: Process, journal: Journal, passwords: Passwords, attempts: Attempts
    ) -> None:
        self._database = process.database
        self._refusals = process.telemetry.refusals
        self._journal = journal
        self._passwords = passwords
        self._attempts = attempts
        hours = process.settings.section(IdentitySettings).invitation_hours
        self._invitation_life = timedelta(hours=hours)

    async def add(self, by: Principal, new: NewUser, address: str) -> User:
        """The user, made in the caller's tenant.

        Raises `USER_EXISTS`, `USER_NODE`, `ROLE_DENIED`, `PASSWORD_GUESSABLE`.
        """
        _check_role(by, new.role, new.node_id)
        password_hash = None
        if new.password is not None:
            password_hash = await self._passwords.new(new.password, new.username, new.email)
        async with self._database.transaction(by.tenant_id) as tx:
            user = await store.add(tx, uuid4(), new, password_hash)
            await record(self._journal, tx, by, "user.create", user.id, address, role=new.role)
        return user

    async def invite(
        self, tx: Transaction, by: Principal, invitee: Invitee, address: str
    ) -> Invitation:
        """A new user without a password, and the token to set one with. Raises as `add`."""
        _check_role(by, invitee.role, invitee.node_id)
        user = await store.add(tx, uuid4(), invitee, None)
        await record(self._journal, tx, by, "user.create", user.id, address, role=invitee.role)
        return await self._invitation(tx, by, user, address)

    async def invite_again(
        self, tx: Transaction, by: Principal, user_id: UUID, address: str
    ) -> Invitation:
        """A token with which a user who lost their password sets another. Ends nothing yet."""
        user = await self.manageable(tx, by, user_id)
        return await self._invitation(tx, by, user, address)

    async def accept(self, given: Acceptance, client: Client) -> None:
        """Sets the password of whoever was invited, and ends what sessions there were.

        Raises `INVITATION_REFUSED`, `PASSWORD_GUESSABLE`.
        """
        ticket = read_ticket(given.token)
        account = None
        if ticket is not None:
            async with self._database.transaction(ticket.tenant) as tx:
                account = await store.invited(tx, ticket.digest)
        if ticket is None or account is None:
            raise self._refused(client)
        password_hash = await self._passwords.new(given.password, account.username)
        async with self._database.transaction(ticket.tenant) as tx:
            there = await store.lock(tx, account.id)
            used = there and await store.use_invitation(tx, ticket.digest)
            if used and await store.set_password(tx, account.id, password_hash):
                await self._password_set(tx, account, client.address, "invitation")
                return
        raise self._refused(client)

    async def change_password(self, by: Principal, change: PasswordChange, address: str) -> None:
        """Sets one's own password, and ends every session, this one too.

        Raises `LOGIN_FAILED` for a wrong current one, `LOGIN_DELAYED`, `PASSWORD_GUESSABLE`.
        """
        account = await self.require_password(by, change.current, address)
        stored = account.password_hash
        password_hash = await self._passwords.new(change.new, account.username)
        async with self._database.transaction(by.tenant_id) as tx:
            if not await store.set_password(tx, account.id, password_hash, instead_of=stored):
                detail = "The password was changed meanwhile."
                raise LotaError(Kind.CONFLICT, "DATABASE_CONTENDED", detail)
            await self._password_set(tx, account, address, "change")

    async def require_password(self, by: Principal, password: str, address: str) -> Account:
        """The caller's account, if this is its password. Raises `LOGIN_FAILED`, `LOGIN_DELAYED`."""
        async with self._database.transaction(by.tenant_id) as tx:
            user = await store.existing(tx, by.user_id)
            account = await store.account_of(tx, by.user_id)
        attempt = await self._attempts.begin(user.username, address)
        stored = None if account is None else account.password_hash
        matches = await self._passwords.match(password, stored)
        if account is None or not matches:
            self._refusals.stranger(address, "LOGIN_FAILED")
            raise LotaError(Kind.AUTHENTICATION, "LOGIN_FAILED", "The current password is wrong.")
        await self._attempts.succeeded(attempt)
        return account

    async def manageable(self, tx: Transaction, by: Principal, user_id: UUID) -> User:
        """The user, whom the caller may change and nobody else changes now.

        Raises `ROLE_DENIED`, `USER_UNKNOWN`.
        """
        user = await store.locked(tx, user_id)
        if not may_give(by, user.role):
            detail = f"Your role may not change who has the role {user.role}."
            raise LotaError(Kind.AUTHORIZATION, "ROLE_DENIED", detail)
        return user

    async def removable(self, tx: Transaction, by: Principal, user_id: UUID) -> User:
        """The user, whom the caller may disable or erase. Raises as `disable`."""
        user = await self.manageable(tx, by, user_id)
        _refuse_self(by, user_id)
        if user.role is Role.OWNER:
            await _require_other_owner(tx, user_id)
        return user

    async def set_role(
        self, tx: Transaction, by: Principal, user_id: UUID, change: RoleChange, address: str
    ) -> User:
        """The user in the new role; all their sessions end.

        Raises `ROLE_DENIED`, `USER_NODE`, `USER_SELF`, `OWNER_LAST`, `USER_UNKNOWN`.
        """
        _check_role(by, change.role, change.node_id)
        user = await self.manageable(tx, by, user_id)
        _refuse_self(by, user_id)
        if user.role is Role.OWNER and change.role is not Role.OWNER:
            await _require_other_owner(tx, user_id)
        await store.set_role(tx, user_id, change.role, change.node_id)
        await record(
            self._journal, tx, by, "user.role", user_id, address, role=change.role, before=user.role
        )
        await end_sessions(tx, user_id, "role")
        return await store.existing(tx, user_id)

    async def disable(self, tx: Transaction, by: Principal, user_id: UUID, address: str) -> User:
        """The user, who can do nothing any more: sessions end, API keys are revoked.

        Raises `ROLE_DENIED`, `USER_SELF`, `OWNER_LAST`, `USER_UNKNOWN`.
        """
        user = await self.removable(tx, by, user_id)
        if user.disabled_at is None:
            await store.set_disabled(tx, user_id, disabled=True)
            await record(self._journal, tx, by, "user.disable", user_id, address)
        await end_sessions(tx, user_id, "disabled")
        await key_store.revoke_all(tx, user_id)
        return await store.existing(tx, user_id)

    async def enable(self, tx: Transaction, by: Principal, user_id: UUID, address: str) -> User:
        """The user, who can log in again.

        Raises `ROLE_DENIED`, `USER_UNKNOWN`, `TENANT_DISABLED`.
        """
        user = await self.manageable(tx, by, user_id)
        if user.disabled_at is not None:
            await require_enabled(tx)
            await store.set_disabled(tx, user_id, disabled=False)
            await record(self._journal, tx, by, "user.enable", user_id, address)
        return await store.existing(tx, user_id)

    async def _invitation(
        self, tx: Transaction, by: Principal, user: User, address: str
    ) -> Invitation:
        if user.disabled_at is not None:
            raise LotaError(Kind.CONFLICT, "USER_DISABLED", "Enable the user first.")
        ticket = new_ticket(by.tenant_id)
        expires_at = tx.began + self._invitation_life
        await store.invite(tx, user.id, ticket.digest, expires_at)
        await record(self._journal, tx, by, "user.invite", user.id, address)
        return Invitation(user_id=user.id, token=ticket.text, expires_at=expires_at)

    async def _password_set(
        self, tx: Transaction, account: Account, address: str, how: str
    ) -> None:
        entry = Entry(
            actor_ref=str(account.id),
            verb="user.password",
            subject_ref=f"user:{account.id}",
            outcome="done",
            digests={"how": how},
            address=address,
        )
        await self._journal.append(tx, entry)
        await end_sessions(tx, account.id, "password")

    def _refused(self, client: Client) -> LotaError:
        self._refusals.stranger(client.address, "INVITATION_REFUSED")
        detail = "The invitation is unknown, was accepted, or has expired."
        return LotaError(Kind.AUTHENTICATION, "INVITATION_REFUSED", detail)


def _check_role(by: Principal, role: Role, node_id: str | None) -> None:
    if (role is Role.AGENT) != (node_id is not None):
        raise invalid("USER_NODE", "An agent names its node, and nobody else does.")
    if not may_give(by, role):
        detail = f"Your role may not make anyone {role}."
        raise LotaError(Kind.AUTHORIZATION, "ROLE_DENIED", detail)


def _refuse_self(by: Principal, user_id: UUID) -> None:
    if by.user_id == user_id:
        detail = "Another administrator must do this to you."
        raise LotaError(Kind.CONFLICT, "USER_SELF", detail)


async def _require_other_owner(tx: Transaction, user_id: UUID) -> None:
    await tx.lock(f"identity.owners/{tx.tenant}")
    if not await store.other_owners(tx, user_id):
        detail = "This is the only owner who can log in; make another first."
        raise LotaError(Kind.CONFLICT, "OWNER_LAST", detail)

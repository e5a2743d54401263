"""What identity does: opens sessions, adds users, makes the first administrator."""

import secrets
from datetime import timedelta
from uuid import uuid4

from lotabots.access import issue_token
from lotabots.audit import SYSTEM, Entry, Group, Journal
from lotabots.identity import store
from lotabots.identity.passwords import Passwords
from lotabots.identity.settings import IdentitySettings
from lotabots.identity.types import AccessToken, Account, Login, NewUser, User
from lotabots.kernel import OPERATOR_TENANT, Kind, LotaError, Principal, Role, SigningKey, invalid
from lotabots.runtime.process import Process
from lotabots.runtime.web import TOKEN_PURPOSE, TokenSettings

FIRST_ADMIN = "admin"


class Identity:
    """The use cases of identity over one process. Nothing slow happens inside a transaction."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._settings = process.settings.section(IdentitySettings)
        self._tokens = process.settings.section(TokenSettings)
        self._journal = Journal(process.keyring)
        self._group = Group(process.database, self._journal)
        pepper = self._settings.pepper.get_secret_value().encode()
        self._passwords = Passwords(
            pepper or process.keyring.derive("password-pepper"),
            cost=self._settings.bcrypt_cost,
            workers=self._settings.workers,
        )

    async def log_in(self, claimed: Login, address: str) -> AccessToken:
        """A token for whoever knows the password.

        Raises `LOGIN_FAILED`, the same whether the name or the password is wrong, and after the
        same work; the refusal is counted for the network address.
        """
        database = self._process.database
        async with database.transaction(None, login=claimed.username) as tx:
            account = await store.account(tx, claimed.username)
        stored = None if account is None else account.password_hash
        matches = await self._passwords.match(claimed.password, stored)
        if account is None or not matches:
            self._process.telemetry.refusals.stranger(address, "LOGIN_FAILED")
            detail = "The user name or the password is wrong."
            raise LotaError(Kind.AUTHENTICATION, "LOGIN_FAILED", detail)
        key = (await self._process.keyring.load(TOKEN_PURPOSE)).current
        token_id = secrets.token_urlsafe(16)
        lifetime = self._process.settings.section(
            IdentitySettings
        ).token_lifetime  # may have changed
        token = self._token(account, key, token_id, lifetime)
        opened = Entry(
            actor_ref=str(account.id),
            verb="session.open",
            subject_ref=f"token:{token_id}",
            outcome="done",
            address=address,
        )
        await self._group.append(account.tenant_id, opened)
        return AccessToken(token, int(lifetime.total_seconds()))

    def _token(self, account: Account, key: SigningKey, token_id: str, lifetime: timedelta) -> str:
        return issue_token(
            user_id=account.id,
            tenant_id=account.tenant_id,
            role=account.role,
            node_id=account.node_id,
            key=key,
            issuer=self._tokens.issuer,
            audience=self._tokens.audience,
            now=self._process.clock(),
            lifetime=lifetime,
            token_id=token_id,
        )

    async def add_user(self, by: Principal, new: NewUser) -> User:
        """The user, made in the caller's tenant. Raises `USER_EXISTS`, `USER_NODE`."""
        if (new.role is Role.AGENT) != (new.node_id is not None):
            raise invalid("USER_NODE", "An agent names its node, and nobody else does.")
        password_hash = await self._passwords.hash(new.password)
        async with self._process.database.transaction(by.tenant_id) as tx:
            user = await store.add(tx, uuid4(), new, password_hash)
            await self._journal.append(tx, _made(str(by.user_id), user))
        return user

    async def make_first_admin(self) -> str | None:
        """The password of an administrator made now, or None because there is one already."""
        database = self._process.database
        async with database.transaction(OPERATOR_TENANT) as tx:
            if await store.any_admin(tx):
                return None
        password = secrets.token_urlsafe(18)
        new = NewUser(
            username=FIRST_ADMIN, email="admin@localhost", password=password, role=Role.ADMIN
        )
        password_hash = await self._passwords.hash(password)
        async with database.transaction(OPERATOR_TENANT) as tx:
            await tx.lock("identity.first-admin")
            if await store.any_admin(tx):
                return None
            user = await store.add(tx, uuid4(), new, password_hash)
            await self._journal.append(tx, _made(SYSTEM, user))
        return password


async def ensure_first_admin(process: Process) -> str | None:
    """The password of the installation's first administrator, `FIRST_ADMIN`, if made just now.

    It is to be shown this once; it is stored nowhere. Of several processes at once one makes it.
    """
    return await Identity(process).make_first_admin()


def _made(actor: str, user: User) -> Entry:
    return Entry(
        actor_ref=actor,
        verb="user.create",
        subject_ref=f"user:{user.id}",
        outcome="done",
    )

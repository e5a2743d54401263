"""What identity does: opens sessions, adds users, makes the first user."""

import secrets
from uuid import uuid4

from lotabots.audit import SYSTEM, Entry, Journal
from lotabots.identity import store
from lotabots.identity.accounts import Accounts
from lotabots.identity.api_keys import Keys
from lotabots.identity.attempts import Attempts
from lotabots.identity.clients import Client
from lotabots.identity.oidc import OidcLogin
from lotabots.identity.passwords import Passwords
from lotabots.identity.personal import PersonalRecords
from lotabots.identity.second_factor import SecondFactor
from lotabots.identity.sessions import Sessions
from lotabots.identity.settings import IdentitySettings
from lotabots.identity.types import AccessToken, Account, Login, NewUser, User
from lotabots.kernel import OPERATOR_TENANT, Kind, LotaError, Role
from lotabots.runtime.process import Process

FIRST_ADMIN = "admin"


class Identity:
    """The use cases of identity over one process. Nothing slow happens inside a transaction."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._settings = process.settings.section(IdentitySettings)
        self._journal = Journal(process.keyring)
        self.sessions = Sessions(process, self._journal)
        pepper = self._settings.pepper.get_secret_value().encode()
        self._passwords = Passwords(
            pepper or process.keyring.derive("password-pepper"),
            cost=self._settings.bcrypt_cost,
            workers=self._settings.workers,
        )
        self._attempts = Attempts(process, free=self._settings.free_attempts)
        self.accounts = Accounts(process, self._journal, self._passwords, self._attempts)
        self.keys = Keys(process, self._journal)
        self.oidc = OidcLogin(process, self._journal, self.sessions)
        self.second_factor = SecondFactor(process, self._journal, self._attempts)
        self.records = PersonalRecords(self._journal, self.second_factor)

    async def log_in(self, claimed: Login, client: Client) -> AccessToken:
        """The tokens of a new session for whoever knows the password.

        Raises `LOGIN_FAILED`, the same whether the name or the password is wrong, and after the
        same work; the refusal is counted for the network address. Raises `LOGIN_DELAYED` before
        anything is looked at, for a name that belongs to nobody too.
        """
        attempt = await self._attempts.begin(claimed.username, client.address)
        async with self._process.database.transaction(None, login=claimed.username) as tx:
            account = await store.account(tx, claimed.username)
        stored = None if account is None else account.password_hash
        try:
            matches = await self._passwords.match(claimed.password, stored)
        except LotaError:  # too busy to look at it
            await self._attempts.undone(attempt)
            raise
        token = None
        if account is not None and matches and account.disabled_at is None:
            method = await self._second_factor(account, claimed.code, client)
            token = await self.sessions.open(account, method, client)
        if token is None or account is None:
            self._process.telemetry.refusals.stranger(client.address, "LOGIN_FAILED")
            detail = "The user name or the password is wrong."
            raise LotaError(Kind.AUTHENTICATION, "LOGIN_FAILED", detail)
        await self._attempts.succeeded(attempt)
        await self._keep_current(account, claimed.password)
        return token

    async def _second_factor(self, account: Account, code: str | None, client: Client) -> str:
        """How the session is opened. Raises `LOGIN_CODE` where a code is needed and is not right.

        That tells that the password was right: whoever guesses codes is delayed like before.
        """
        async with self._process.database.transaction(account.tenant_id) as tx:
            if not await self.second_factor.enabled(tx, account.id):
                return "password"
            right = code is not None and await self.second_factor.check(tx, account.id, code)
        if not right:
            self._process.telemetry.refusals.stranger(client.address, "LOGIN_CODE")
            detail = "A one-time code is needed, one that was not used before."
            raise LotaError(Kind.AUTHENTICATION, "LOGIN_CODE", detail, missing=code is None)
        return "password+code"

    async def _keep_current(self, account: Account, password: str) -> None:
        """Hashes the password anew where the rules for hashes have changed since."""
        stored = account.password_hash
        if stored is None or not self._passwords.outdated(stored):
            return
        try:
            renewed = await self._passwords.hash(password)
        except LotaError:  # too busy: at the next log-in then
            return
        async with self._process.database.transaction(account.tenant_id) as tx:
            await store.set_password(tx, account.id, renewed, instead_of=stored)

    async def make_first_admin(self) -> str | None:
        """The password of an owner made now, or None because there is one already."""
        database = self._process.database
        async with database.transaction(OPERATOR_TENANT) as tx:
            if await store.any_owner(tx):
                return None
        password = secrets.token_urlsafe(18)
        new = NewUser(
            username=FIRST_ADMIN, email="admin@localhost", password=password, role=Role.OWNER
        )
        password_hash = await self._passwords.hash(password)
        async with database.transaction(OPERATOR_TENANT) as tx:
            await tx.lock("identity.first-admin")
            if await store.any_owner(tx):
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

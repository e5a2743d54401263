"""Sessions: opened by a log-in, carried on by refresh tokens of one use each, ended for cause.

A session is a family of refresh tokens. Each use makes exactly one child. Whoever uses one a second
time has it from somewhere else, or somebody else has: the session ends. The one exception is a
client that proves its key (DPoP) and asks again within seconds, because the answer was lost: it
gets the same child again.
"""

import secrets
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

import msgspec

from lotabots.access import issue_token
from lotabots.audit import ANONYMOUS, Entry, Journal
from lotabots.identity import session_store as store
from lotabots.identity.clients import Client
from lotabots.identity.settings import IdentitySettings
from lotabots.identity.tickets import Ticket, new_ticket, read_ticket
from lotabots.identity.types import AccessToken, Account
from lotabots.kernel import Kind, LotaError, Principal, Role, SigningKey
from lotabots.runtime.database import Transaction
from lotabots.runtime.process import Process
from lotabots.runtime.sealing import Seal
from lotabots.runtime.web import TOKEN_PURPOSE, TokenSettings

GRACE = timedelta(seconds=5)
"""How long a client with a key may ask for the same child again."""


class Holder(msgspec.Struct, frozen=True):
    """Whom a token is for."""

    user_id: UUID
    tenant_id: UUID
    role: Role
    node_id: str | None


class Given(NamedTuple):
    """An access token before it is signed: its name, and when it was given and expires."""

    token_id: str
    at: datetime
    expires_at: datetime


class Sessions:
    """The use cases of sessions over one process."""

    def __init__(self, process: Process, journal: Journal) -> None:
        self._process = process
        self._journal = journal
        self._settings = process.settings.section(IdentitySettings)
        self._tokens = process.settings.section(TokenSettings)
        self._seal = Seal(process.keyring, "identity-refresh")

    async def open(self, account: Account, method: str, client: Client) -> AccessToken | None:
        """The tokens of a new session; None if the account was changed since it was looked at."""
        key = await self._key()
        given = self._give()
        refresh, session_id = new_ticket(account.tenant_id), uuid4()
        async with self._process.database.transaction(account.tenant_id) as tx:
            new = store.NewSession(
                id=session_id,
                user_id=account.id,
                method=method,
                jkt=client.thumbprint,
                address=client.address,
                expires_at=tx.began + self._settings.session_life,
                digest=refresh.digest,
                token_id=given.token_id,
                token_expires_at=given.expires_at,
            )
            if not await store.open_session(tx, new, account.password_hash):
                return None
            await tx.execute(
                "update identity.users set last_used_at = $2 where id = $1", account.id, tx.began
            )
            entry = Entry(
                actor_ref=str(account.id),
                verb="session.open",
                subject_ref=f"session:{session_id}",
                outcome="done",
                digests={"method": method},
                address=client.address,
            )
            await self._journal.append(tx, entry)
        holder = Holder(account.id, account.tenant_id, account.role, account.node_id)
        token = self._signed(holder, given, client.thumbprint, key)
        return self._answer(token, given, refresh, session_id, new.expires_at, client)

    async def refresh(self, text: str, client: Client) -> AccessToken:
        """The next tokens of the session. Raises `REFRESH_REFUSED`, always in the same words.

        A token that was used before ends its session; see the module for the exception.
        """
        key = await self._key()
        used = read_ticket(text)
        token = None
        if used is not None:
            async with self._process.database.transaction(used.tenant) as tx:
                token = await self._rotate(tx, used, client, key)
        if token is None:  # raised only now: what a refusal changed is committed
            self._process.telemetry.refusals.stranger(client.address, "REFRESH_REFUSED")
            detail = "The refresh token is unknown, was used, or its session is over. Log in again."
            raise LotaError(Kind.AUTHENTICATION, "REFRESH_REFUSED", detail)
        return token

    async def _rotate(
        self, tx: Transaction, used: Ticket, client: Client, key: SigningKey
    ) -> AccessToken | None:
        given, child = self._give(), new_ticket(used.tenant)
        rotated = await store.rotate(
            tx,
            store.Rotation(
                digest=used.digest,
                child=child.digest,
                sealed_child=self._seal.sealed(child.text.encode(), used.digest, _own(used)),
                token_id=given.token_id,
                token_expires_at=given.expires_at,
                jkt=client.thumbprint,
                address=client.address,
            ),
            self._settings.session_idle,
        )
        if rotated is None:
            return await self._repeated(tx, used, client, key)
        holder = Holder(rotated.id, rotated.tenant_id, Role(rotated.role), rotated.node_id)
        token = self._signed(holder, given, client.thumbprint, key)
        entry = _entry(
            str(rotated.id), "session.refresh", rotated.session_id, "done", client.address
        )
        await self._journal.append(tx, entry)
        expires_at = rotated.session_expires_at
        return self._answer(token, given, child, rotated.session_id, expires_at, client)

    async def _repeated(
        self, tx: Transaction, used: Ticket, client: Client, key: SigningKey
    ) -> AccessToken | None:
        """What becomes of a token that cannot be used: the same child, or the end of its family."""
        found = await store.used_token(tx, used.digest)
        if found is None or found.ended_at is not None or found.expires_at <= tx.began:
            return None
        if found.used_at is None:  # bound to another key, or idle for too long
            return None
        again = (
            found.jkt is not None
            and found.jkt == client.thumbprint
            and tx.began - found.used_at <= GRACE
            and found.sealed_child is not None
            and found.child is not None
        )
        if again and found.sealed_child is not None and found.child is not None:
            opened = self._seal.opened(found.sealed_child, used.digest, _own(used)).decode()
            child = Ticket(opened, used.tenant)
            same = await store.given_with(tx, child.digest)
            account = await _holder(tx, found.user_id)
            if same is not None and account is not None:
                at = same.token_expires_at - self._lifetime
                given = Given(same.token_id, at, same.token_expires_at)
                token = self._signed(account, given, client.thumbprint, key)
                return self._answer(token, given, child, found.session_id, found.expires_at, client)
        await store.end_sessions(tx, found.user_id, "reuse", only=found.session_id)
        # Not the user: whoever did it had the token, and nothing else is known of them.
        await self._journal.append(
            tx, _entry(ANONYMOUS, "session.end", found.session_id, "REFRESH_REUSED", None)
        )
        return None

    async def listed(self, tx: Transaction, user_id: UUID, by: Principal) -> list[store.Session]:
        """The sessions of a user that live."""
        current = await store.of_token(tx, by.token_id)
        return await store.live_sessions(tx, user_id, self._settings.session_idle, current)

    async def end(
        self,
        tx: Transaction,
        by: Principal,
        user_id: UUID,
        reason: str,
        address: str,
        *,
        only: UUID | None = None,
    ) -> int:
        """How many sessions of the user were ended, and with them their access tokens."""
        ended = await store.end_sessions(tx, user_id, reason, only=only)
        if ended:
            subject = f"user:{user_id}" if only is None else f"session:{only}"
            entry = Entry(
                actor_ref=str(by.user_id),
                verb="session.end",
                subject_ref=subject,
                outcome=reason,
                count=ended,
                address=address,
            )
            await self._journal.append(tx, entry)
        return ended

    async def current(self, tx: Transaction, by: Principal) -> UUID:
        """The session that this request belongs to. Raises `SESSION_UNKNOWN`."""
        found = await store.of_token(tx, by.token_id)
        if found is None:
            raise unknown_session()
        return found

    async def _key(self) -> SigningKey:
        return (await self._process.keyring.load(TOKEN_PURPOSE)).current

    @property
    def _lifetime(self) -> timedelta:
        """How long a token made now is valid: it can be changed while we run."""
        return self._process.settings.section(IdentitySettings).token_lifetime

    def _give(self) -> Given:
        now = self._process.clock().replace(microsecond=0)
        return Given(secrets.token_urlsafe(16), now, now + self._lifetime)

    def _signed(self, holder: Holder, given: Given, thumbprint: str | None, key: SigningKey) -> str:
        return issue_token(
            user_id=holder.user_id,
            tenant_id=holder.tenant_id,
            role=holder.role,
            node_id=holder.node_id,
            key=key,
            issuer=self._tokens.issuer,
            audience=self._tokens.audience,
            now=given.at,
            lifetime=given.expires_at - given.at,
            token_id=given.token_id,
            key_thumbprint=thumbprint,
        )

    def _answer(
        self,
        token: str,
        given: Given,
        refresh: Ticket,
        session_id: UUID,
        expires_at: datetime,
        client: Client,
    ) -> AccessToken:
        left = given.expires_at - self._process.clock().replace(microsecond=0)
        return AccessToken(
            access_token=token,
            expires_in=int(left.total_seconds()),
            refresh_token=refresh.text,
            session_id=session_id,
            session_expires_at=expires_at,
            token_type="Bearer" if client.thumbprint is None else "DPoP",
        )


def unknown_session() -> LotaError:
    """What is said of a session that is not there, or is somebody else's."""
    return LotaError(Kind.NOT_FOUND, "SESSION_UNKNOWN", "There is no such session.")


async def _holder(tx: Transaction, user_id: UUID) -> Holder | None:
    return await tx.fetch_one(
        "select id as user_id, tenant_id, role, node_id from identity.users where id = $1",
        user_id,
        into=Holder,
    )


def _own(used: Ticket) -> bytes:
    """What only the holder of a token has of it: beside our key it opens the child."""
    return used.text.encode()


def _entry(actor: str, verb: str, session: UUID, outcome: str, address: str | None) -> Entry:
    return Entry(
        actor_ref=actor,
        verb=verb,
        subject_ref=f"session:{session}",
        outcome=outcome,
        address=address,
    )

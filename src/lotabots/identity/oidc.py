"""Log-in through an identity provider: Authorization Code with PKCE, state, nonce, exact redirect.

What the answer is held against waits in the database under the digest of `state`, is sealed so that
only `state` opens it, belongs to the browser that began (by a cookie), and is used once. Whom the
provider vouches for must be linked to a user beforehand: nobody becomes a user by logging in.
"""

import secrets
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import msgspec

from lotabots.audit import Journal
from lotabots.identity import store
from lotabots.identity.clients import Client
from lotabots.identity.id_tokens import verify_id_token
from lotabots.identity.provider import Provider
from lotabots.identity.recording import record
from lotabots.identity.session_store import end_sessions
from lotabots.identity.sessions import Sessions
from lotabots.identity.settings import IdentitySettings
from lotabots.identity.types import AccessToken, Link
from lotabots.kernel import Kind, LotaError, Principal, encode_base64url, sha256
from lotabots.runtime.database import Transaction
from lotabots.runtime.process import Process
from lotabots.runtime.sealing import Seal

LIFE = timedelta(minutes=10)
"""How long somebody may take to log in at the provider."""


class Begun(NamedTuple):
    """Where the browser goes, and what it must come back with in its cookie."""

    url: str
    browser: str


class _Kept(msgspec.Struct, frozen=True):
    nonce: str
    verifier: str


class OidcLogin:
    """The use cases of log-in through the provider of the settings, where there is one."""

    def __init__(self, process: Process, journal: Journal, sessions: Sessions) -> None:
        settings = process.settings.section(IdentitySettings)
        self._process = process
        self._journal = journal
        self._sessions = sessions
        self._provider = Provider(settings) if settings.oidc_issuer else None
        self._seal = Seal(process.keyring, "identity-oidc")

    @property
    def provider(self) -> Provider:
        """The provider. Raises `OIDC_OFF`."""
        if self._provider is None:
            detail = "No identity provider is configured here."
            raise LotaError(Kind.NOT_FOUND, "OIDC_OFF", detail)
        return self._provider

    async def begin(self) -> Begun:
        """A log-in that goes through the provider."""
        provider = self.provider
        state, browser, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(4))
        challenge = encode_base64url(sha256(verifier.encode()))
        url = await provider.authorization_url(state, nonce, challenge)
        digest = sha256(state.encode())
        kept = msgspec.json.encode(_Kept(nonce, verifier))
        async with self._process.database.transaction(None) as tx:
            await tx.execute(
                "insert into identity.oidc_flows (state, browser, sealed, expires_at)"
                " values ($1, $2, $3, $4)",
                digest,
                sha256(browser.encode()),
                self._seal.sealed(kept, digest, state.encode()),
                tx.began + LIFE,
            )
        return Begun(url, browser)

    async def finish(
        self, code: str, state: str, browser: str, issuer: str | None, client: Client
    ) -> AccessToken:
        """The tokens of a new session for whom the provider vouches.

        Raises `OIDC_STATE`, `OIDC_TOKEN`, `OIDC_UNKNOWN`, `OIDC_PROVIDER`; the first three are
        counted for the address.
        """
        try:
            return await self._finish(code, state, browser, issuer, client)
        except LotaError as error:
            if error.kind is Kind.AUTHENTICATION:
                self._process.telemetry.refusals.stranger(client.address, error.code)
            raise

    async def _finish(
        self, code: str, state: str, browser: str, issuer: str | None, client: Client
    ) -> AccessToken:
        provider = self.provider
        kept = await self._kept(state, browser)
        # RFC 9207: an answer of another provider, sent to us by its means.
        if kept is None or (issuer is not None and issuer != provider.issuer):
            detail = "This log-in was not begun in this browser, is over, or was finished before."
            raise LotaError(Kind.AUTHENTICATION, "OIDC_STATE", detail)
        subject = verify_id_token(
            await provider.id_token(code, kept.verifier),
            await provider.keys(),
            issuer=provider.issuer,
            client_id=provider.client_id,
            nonce=kept.nonce,
            now=self._process.clock(),
        )
        token = await self._opened(provider.issuer, subject, client)
        if token is None:
            detail = "The provider vouches for you, but you are no enabled user here."
            raise LotaError(
                Kind.AUTHENTICATION, "OIDC_UNKNOWN", detail, issuer=provider.issuer, subject=subject
            )
        return token

    async def _kept(self, state: str, browser: str) -> _Kept | None:
        digest = sha256(state.encode("utf-8", "surrogatepass"))
        async with self._process.database.transaction(None) as tx:
            sealed = await tx.fetch_value(
                "delete from identity.oidc_flows"
                " where state = $1 and browser = $2 and expires_at > $3 returning sealed",
                digest,
                sha256(browser.encode("utf-8", "surrogatepass")),
                tx.began,
                into=bytes,
            )
        if sealed is None:
            return None
        return msgspec.json.decode(self._seal.opened(sealed, digest, state.encode()), type=_Kept)

    async def _opened(self, issuer: str, subject: str, client: Client) -> AccessToken | None:
        database = self._process.database
        async with database.transaction(None, login=f"oidc:{issuer} {subject}") as tx:
            linked = await tx.fetch_one(
                "select tenant_id, user_id from identity.links where issuer = $1 and subject = $2",
                issuer,
                subject,
                into=_Linked,
            )
        if linked is None:
            return None
        async with database.transaction(linked.tenant_id) as tx:
            account = await store.account_of(tx, linked.user_id)
        if account is None or account.disabled_at is not None:
            return None
        return await self._sessions.open(account, "oidc", client)

    async def link(
        self, tx: Transaction, by: Principal, user_id: UUID, link: Link, address: str
    ) -> None:
        """Lets the user log in through the provider. Raises `LINK_TAKEN`."""
        try:
            await tx.execute(
                "insert into identity.links (issuer, subject, user_id, made_at)"
                " values ($1, $2, $3, $4)",
                link.issuer,
                link.subject,
                user_id,
                tx.began,
            )
        except LotaError as error:
            if error.code != "DATABASE_CONFLICT":
                raise
            detail = "This subject of the provider is linked to a user already."
            raise LotaError(Kind.CONFLICT, "LINK_TAKEN", detail) from error
        await record(self._journal, tx, by, "link.create", user_id, address)

    async def unlink(self, tx: Transaction, by: Principal, user_id: UUID, address: str) -> None:
        """Ends every link of the user, and the sessions that may have come of one."""
        if await tx.execute("delete from identity.links where user_id = $1", user_id):
            await end_sessions(tx, user_id, "unlinked")
            await record(self._journal, tx, by, "link.remove", user_id, address)


async def links_of(tx: Transaction, user_id: UUID) -> list[Link]:
    """Who the user is at which provider."""
    return await tx.fetch(
        "select issuer, subject from identity.links where user_id = $1 order by made_at",
        user_id,
        into=Link,
    )


class _Linked(msgspec.Struct, frozen=True):
    tenant_id: UUID
    user_id: UUID

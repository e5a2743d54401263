"""Who is calling and whether they may: the guard that every route but the public ones carries."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Scope

from lotabots.access import Permission, TokenCache, authorize
from lotabots.kernel import Kind, LotaError, Principal, VerificationKeys
from lotabots.runtime.process import Process
from lotabots.runtime.web.settings import TokenSettings

Connection = ASGIConnection[BaseRouteHandler, object, object, object]  # type: ignore[type-var]

PUBLIC: Mapping[str, object] = MappingProxyType({"lotabots.public": True})
"""`opt=PUBLIC` on a handler: anyone may call it, and it gets no principal."""

TOKEN_PURPOSE = "user-token"  # noqa: S105 - the name of a key purpose
KEYS_AGE = timedelta(seconds=30)
"""How old the public keys may be; a key revoked in an emergency is refused after this time."""
KEYS_AGE_UNKNOWN = timedelta(seconds=2)
"""The same when a token names an unknown key; bounds how often a stranger makes us read."""
_UNKNOWN_KEY = "JWS_KEY_UNKNOWN"


class Authenticator:
    """Turns the `Authorization` header into a principal. One for each process."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.refusals = process.telemetry.refusals
        settings = process.settings.section(TokenSettings)
        self._cache = TokenCache(settings.issuer, settings.audience)
        self._keys: VerificationKeys | None = None
        self._read_at = process.clock() - KEYS_AGE
        self._reading = asyncio.Lock()

    async def principal(self, header: list[str], source: str) -> Principal:
        """The verified caller. Raises an authentication error, and counts it for its source."""
        try:
            return await self._verified(_bearer(header))
        except LotaError as error:
            if error.kind is Kind.AUTHENTICATION:
                self.refusals.stranger(source, error.code)
            raise

    async def _verified(self, token: str) -> Principal:
        now = self._process.clock()
        try:
            return self._cache.verify(token, await self._current_keys(now, KEYS_AGE), now)
        except LotaError as error:
            if error.details.get("reason") != _UNKNOWN_KEY:
                raise
        # The key may be newer than our copy.
        return self._cache.verify(token, await self._current_keys(now, KEYS_AGE_UNKNOWN), now)

    async def _current_keys(self, now: datetime, age: timedelta) -> VerificationKeys:
        if self._keys is None or now - self._read_at >= age:
            async with self._reading:  # one reader; the others wait and take what it found
                if self._keys is None or now - self._read_at >= age:
                    self._keys = await self._process.keyring.verifying(TOKEN_PURPOSE)
                    self._read_at = now
        return self._keys


@dataclass(frozen=True, slots=True)
class Requires:
    """The guard of a route: a valid token, and the permission where one is named."""

    permission: Permission | None

    async def __call__(self, connection: Connection, _: BaseRouteHandler) -> None:
        """Lets the request through, or raises the authentication or authorization error."""
        authenticator: Authenticator = connection.app.state["authenticator"]
        header = connection.headers.getall("authorization", [])
        principal = await authenticator.principal(header, source_of(connection.scope))
        connection.scope["user"] = principal
        if self.permission is None:
            return
        decision = authorize(principal, self.permission, principal.tenant_id)
        if not decision.allowed:
            authenticator.refusals.user(principal, self.permission, "PERMISSION_DENIED")
            detail = "Your role may not do this."
            raise LotaError(
                Kind.AUTHORIZATION, "PERMISSION_DENIED", detail,
                permission=str(self.permission), role=str(principal.role), reason=decision.reason,
            )  # fmt: skip


def requires(permission: Permission) -> Requires:
    """A guard that lets only callers with that permission through."""
    return Requires(permission)


AUTHENTICATED = Requires(None)
"""A guard that lets every caller with a valid token through."""


def caller(scope: Scope) -> Principal | None:
    """Who the guard found, or None on a public route."""
    user = scope.get("user")
    return user if isinstance(user, Principal) else None


def source_of(scope: Scope) -> str:
    """The network address that a request came from."""
    client = scope.get("client")
    return client[0] if client else "local"


def _bearer(header: list[str]) -> str:
    if not header:
        raise LotaError(Kind.AUTHENTICATION, "TOKEN_ABSENT", "This route needs a bearer token.")
    scheme, _, token = header[0].partition(" ")
    if len(header) > 1 or scheme.lower() != "bearer" or not token:
        detail = "Send one Authorization header: Bearer, a space, the token."
        raise LotaError(Kind.AUTHENTICATION, "TOKEN_SCHEME", detail)
    return token

"""Who is calling and whether they may: the guard that every route but the public ones carries."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Scope

from lotabots.access import Permission, authorize
from lotabots.kernel import Kind, LotaError, Principal
from lotabots.runtime.process import Process
from lotabots.runtime.web.tokens import VerifiedTokens

Connection = ASGIConnection[BaseRouteHandler, object, object, object]  # type: ignore[type-var]

PUBLIC: Mapping[str, object] = MappingProxyType({"lotabots.public": True})
"""`opt=PUBLIC` on a handler: anyone may call it, and it gets no principal."""


class Authenticator:
    """Turns the `Authorization` header into a principal. One for each process."""

    def __init__(self, process: Process) -> None:
        self.refusals = process.telemetry.refusals
        self._tokens = VerifiedTokens(process)

    async def principal(self, header: list[str], source: str) -> Principal:
        """The verified caller. Raises an authentication error, and counts it for its source."""
        try:
            return await self._tokens.verify(_bearer(header))
        except LotaError as error:
            if error.kind is Kind.AUTHENTICATION:
                self.refusals.stranger(source, error.code)
            raise


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

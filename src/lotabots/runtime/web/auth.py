"""Who is calling and whether they may: the guard that every route but the public ones carries."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Scope

from lotabots.access import (
    API_KEY_PREFIX,
    Call,
    Permission,
    Resource,
    SeenProofs,
    authorize,
    verify_proof,
)
from lotabots.kernel import Kind, LotaError, Principal
from lotabots.runtime.process import Process
from lotabots.runtime.refusals import Refusals
from lotabots.runtime.web.api_keys import ApiKeys
from lotabots.runtime.web.arrival import ARRIVAL, Arrival, peer_of
from lotabots.runtime.web.inside import visit_of
from lotabots.runtime.web.settings import TokenSettings, WebSettings
from lotabots.runtime.web.tokens import VerifiedTokens

Connection = ASGIConnection[BaseRouteHandler, object, object, object]  # type: ignore[type-var]

PUBLIC: Mapping[str, object] = MappingProxyType({"lotabots.public": True})
"""`opt=PUBLIC` on a handler: anyone may call it, and it gets no principal."""


class Authenticator:
    """Turns the `Authorization` header into a principal. One for each process."""

    def __init__(self, process: Process) -> None:
        self.refusals = process.telemetry.refusals
        self._clock = process.clock
        self._tokens = VerifiedTokens(process)
        self._api_keys = ApiKeys(process)
        self._proofs = SeenProofs()
        settings = process.settings.section(TokenSettings)
        self._origin = settings.public_url.rstrip("/")
        self._scheme = "https" if process.settings.section(WebSettings).tls else "http"

    async def principal(
        self, header: list[str], source: str, scope: Scope | None = None
    ) -> Principal:
        """The verified caller. Raises an authentication error, and counts it for its source.

        `scope` is the request that a DPoP proof must be about; without it a token that is bound to
        a key is refused.
        """
        try:
            scheme, token = _credentials(header)
            if token.startswith(API_KEY_PREFIX):
                if scheme != "bearer":
                    raise _scheme_refused()
                principal = await self._api_keys.principal(token)
            else:
                principal = await self._tokens.verify(token)
                self._check_binding(principal, scheme, token, scope)
        except LotaError as error:
            if error.kind is Kind.AUTHENTICATION:
                self.refusals.stranger(source, error.code)
            raise
        return principal

    def call(self, scope: Scope) -> Call:
        """The request as a DPoP proof must name it, with the proofs that came with it."""
        headers = list(scope["headers"])
        proofs = tuple(value.decode("latin-1") for name, value in headers if name == b"dpop")
        path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        return Call(str(scope.get("method", "")), f"{self.origin(scope)}{path}", proofs)

    def origin(self, scope: Scope) -> str:
        """The address that clients use: that of the settings, else what the client itself says."""
        if self._origin:
            return self._origin
        host = next((v.decode("latin-1") for name, v in scope["headers"] if name == b"host"), "")
        return f"{self._scheme}://{host}"

    def proven(self, scope: Scope) -> str | None:
        """The key that the caller of a public route proves to have, or None without a proof.

        Raises `PROOF_*`, and counts it.
        """
        call = self.call(scope)
        if not call.proofs:
            return None
        try:
            return self._proof(call, None)
        except LotaError as error:
            if error.kind is Kind.AUTHENTICATION:
                self.refusals.stranger(source_of(scope), error.code)
            raise

    def _check_binding(
        self, principal: Principal, scheme: str, token: str, scope: Scope | None
    ) -> None:
        if principal.key_thumbprint is None:
            if scheme != "bearer":
                raise _scheme_refused()
            return
        # RFC 9449 section 7.2: whoever has only copied a bound token must not use it as bearer.
        if scheme != "dpop" or scope is None:
            detail = "This token is bound to a key: send it as DPoP, with a proof."
            raise LotaError(Kind.AUTHENTICATION, "PROOF_ABSENT", detail)
        if self._proof(self.call(scope), token) != principal.key_thumbprint:
            detail = "The DPoP proof is of another key than the token's."
            raise LotaError(Kind.AUTHENTICATION, "PROOF_INVALID", detail)

    def _proof(self, call: Call, token: str | None) -> str:
        now = self._clock()
        proof = verify_proof(call, now, token)
        self._proofs.use(proof, now)
        return proof.thumbprint


@dataclass(frozen=True, slots=True)
class Requires:
    """The guard of a route: a valid token, and the permission where one is named."""

    permission: Permission | None
    session: bool = False
    """Only whoever logged in: an API key may not change what its user can log in with."""

    async def __call__(self, connection: Connection, _: BaseRouteHandler) -> None:
        """Lets the request through, or raises the authentication or authorization error."""
        authenticator: Authenticator = connection.app.state["authenticator"]
        scope = connection.scope
        visit = visit_of(scope)
        if visit is not None and visit.principal is not None:
            principal = visit.principal  # the gateway has looked at the caller's own token
        else:
            header = connection.headers.getall("authorization", [])
            principal = await authenticator.principal(header, source_of(scope), scope)
        scope["user"] = principal
        if self.session and principal.scope is not None:
            authenticator.refusals.user(principal, "session", "SESSION_NEEDED")
            detail = "An API key may not do this: log in."
            raise LotaError(Kind.AUTHORIZATION, "SESSION_NEEDED", detail)
        if self.permission is None and principal.is_node:
            authenticator.refusals.user(principal, "user", "USER_NEEDED")
            detail = "This is for users; the credential of a node's agent opens nothing of it."
            raise LotaError(Kind.AUTHORIZATION, "USER_NEEDED", detail)
        if self.permission is not None:
            permit(principal, self.permission, authenticator.refusals)


def permit(principal: Principal, permission: Permission, refusals: Refusals) -> None:
    """Lets the caller pass, or counts the refusal and raises `PERMISSION_DENIED`."""
    decision = authorize(principal, permission, Resource(principal.tenant_id))
    if not decision.allowed:
        refusals.user(principal, permission, "PERMISSION_DENIED")
        detail = "Your role may not do this."
        raise LotaError(
            Kind.AUTHORIZATION, "PERMISSION_DENIED", detail,
            permission=str(permission), role=str(principal.role), reason=decision.reason,
        )  # fmt: skip


def requires(permission: Permission, *, session: bool = False) -> Requires:
    """A guard that lets only callers with that permission through; with `session` no API key."""
    return Requires(permission, session)


AUTHENTICATED = Requires(None)
"""A guard that lets every user with a valid token through."""
IN_SESSION = Requires(None, session=True)
"""A guard that lets every user through who logged in, and no API key."""


def caller(scope: Scope) -> Principal | None:
    """Who the guard found, or None on a public route."""
    user = scope.get("user")
    return user if isinstance(user, Principal) else None


def source_of(scope: Scope) -> str:
    """The network address that a request came from, as far back as can be believed."""
    arrival = scope.get("state", {}).get(ARRIVAL)
    return arrival.address if isinstance(arrival, Arrival) else peer_of(scope)


def proven_key(request: Request[Any, Any, Any]) -> str | None:
    """The key that the caller of a public route proves to have (DPoP), or None without a proof."""
    authenticator: Authenticator = request.app.state["authenticator"]
    return authenticator.proven(request.scope)


def origin_of(request: Request[Any, Any, Any]) -> str:
    """The address that clients use, without a path; from the Host header where no setting says it.

    The word of whoever calls, then: only they may be told it.
    """
    authenticator: Authenticator = request.app.state["authenticator"]
    return authenticator.origin(request.scope)


def _credentials(header: list[str]) -> tuple[str, str]:
    """The scheme in lower case, and the token."""
    if not header:
        raise LotaError(Kind.AUTHENTICATION, "TOKEN_ABSENT", "This route needs a bearer token.")
    scheme, _, token = header[0].partition(" ")
    if len(header) > 1 or scheme.lower() not in {"bearer", "dpop"} or not token:
        raise _scheme_refused()
    return scheme.lower(), token


def _scheme_refused() -> LotaError:
    detail = "Send one Authorization header: Bearer, a space, the token."
    return LotaError(Kind.AUTHENTICATION, "TOKEN_SCHEME", detail)
